"""The embedded PostGIS: find PostgreSQL's programs, make a private cluster, start and stop it.

Called by the command line and by the tests; everything else only sees a database URL.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from twin.errors import BadRequest
from twin.settings import Settings

OLDEST = 15
ACCOUNT = "postgres"
DATABASE = "twin"
#: a Unix socket's path may have 107 bytes; PostgreSQL appends `/.s.PGSQL.5432`
_SOCKET_FOLDER_BYTES = 107 - len("/.s.PGSQL.5432")

#: glibc otherwise gives memory back to the system after every large answer: 10,000 buildings took 47 ms of
#: a backend's time so, 29 ms with this; a backend may keep up to 64 MB
_MEMORY = {"MALLOC_TRIM_THRESHOLD_": str(64 << 20), "MALLOC_MMAP_THRESHOLD_": str(32 << 20)}

_CONFIGURATION = """
# written by `twin up`: a private cluster for one machine, tuned for bulk loads and short reads
unix_socket_permissions = 0700
shared_buffers = 1GB
work_mem = 64MB
maintenance_work_mem = 512MB
effective_cache_size = 4GB
max_wal_size = 8GB
checkpoint_timeout = 30min
wal_compression = on
synchronous_commit = on
random_page_cost = 1.1
max_connections = 100
# compiling a statement takes longer than most of the twin's statements run
jit = off
log_min_messages = warning
logging_collector = off
"""


@dataclass(frozen=True)
class Cluster:
    """A private PostgreSQL cluster on this machine."""

    folder: Path
    socket: Path
    programs: Path
    port: int | None
    account: str | None  #: the account it runs as when we are root, which PostgreSQL refuses

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def log(self) -> Path:
        return self.folder / "postgres.log"

    def url(self, database: str = DATABASE) -> str:
        """Where it is reached: over its Unix socket, as its superuser."""
        return f"postgresql://{ACCOUNT}@/{database}?host={quote(str(self.socket), safe='')}"

    def tcp_url(self, database: str = DATABASE) -> str:
        """The same over TCP, for programs that know no Unix socket; needs `cluster_port`."""
        if self.port is None:
            raise BadRequest("the cluster listens on its Unix socket only; set TWIN_CLUSTER_PORT")
        return f"postgresql://{ACCOUNT}@127.0.0.1:{self.port}/{database}"

    def running(self) -> bool:
        if not (self.data / "postmaster.pid").exists():
            return False
        return self._run("pg_ctl", "status", "-D", str(self.data), check=False).returncode == 0

    def up(self) -> str:
        """Make and start the cluster where it is not; says in a word what was done."""
        done = "was running"
        if not (self.data / "PG_VERSION").exists():
            self._initialise()
            done = "created and started"
        if self.running() and self._older_than_programs():
            # a package upgrade under a running server breaks CREATE EXTENSION until it restarts
            self.down()
        if not self.running():
            self._start()
            done = "started" if done == "was running" else done
        return done

    def down(self) -> bool:
        """Stop it; True where it was running."""
        if not self.running():
            return False
        self._run("pg_ctl", "stop", "-D", str(self.data), "-m", "fast", "-w")
        return True

    def _initialise(self) -> None:
        self._own(self.folder)
        self._own(self.socket)
        # C.UTF-8: byte order is alphabetical for Bulgarian, indexes serve LIKE, and the character
        # classes that pg_trgm needs know Cyrillic (plain C does not)
        self._run(
            "initdb", "-D", str(self.data), "-U", ACCOUNT, "--auth=trust", "--encoding=UTF8",
            "--locale=C.UTF-8", "--no-instructions",
        )  # fmt: skip
        (self.data / "postgresql.auto.conf").touch()
        with (self.data / "postgresql.conf").open("a", encoding="utf-8") as conf:
            conf.write(_CONFIGURATION)

    def _start(self) -> None:
        self._own(self.socket)
        listen = f"-c listen_addresses={'127.0.0.1' if self.port else ''} -p {self.port or 5432}"
        try:
            self._run(
                "pg_ctl", "start", "-D", str(self.data), "-l", str(self.log), "-w", "-t", "60",
                "-o", f"-k '{self.socket}' {listen}",
            )  # fmt: skip
        except BadRequest as refused:
            tail = self.log.read_text(errors="replace")[-600:] if self.log.exists() else ""
            raise BadRequest(f"the embedded cluster did not start: {tail or refused}") from refused
        if self.port and self.port != 5432:
            # over the socket clients look for the default name, whatever the TCP port is
            for name in ("", ".lock"):
                link = self.socket / f".s.PGSQL.5432{name}"
                link.unlink(missing_ok=True)
                link.symlink_to(self.socket / f".s.PGSQL.{self.port}{name}")

    def _older_than_programs(self) -> bool:
        started = (self.data / "postmaster.pid").stat().st_mtime
        return (self.programs / "postgres").stat().st_ctime > started

    def _own(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        if self.account:
            account = pwd.getpwnam(self.account)
            os.chown(folder, account.pw_uid, account.pw_gid)

    def _run(self, program: str, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        # pg_ctl's server inherits what it writes to: a pipe would stay open for ever, so a file
        with tempfile.TemporaryFile(mode="w+", encoding="utf-8", errors="replace") as said:
            done = subprocess.run(
                [str(self.programs / program), *arguments],
                stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT, text=True, cwd="/",
                user=self.account, group=self.account, extra_groups=[] if self.account else None,
                env={"PATH": os.defpath, "LC_ALL": "C.UTF-8", **_MEMORY}, check=False,
            )  # fmt: skip
            said.seek(0)
            text = said.read().strip()
        if check and done.returncode:
            raise BadRequest(f"{program} failed: {text[-600:]}")
        return done


def find_programs() -> Path:
    """The folder of the newest PostgreSQL server programs; BadRequest says what to install."""
    candidates = sorted(
        (int(path.parent.name), path)
        for path in Path("/usr/lib/postgresql").glob("*/bin")
        if path.parent.name.isdigit() and (path / "initdb").exists()
    )
    on_path = shutil.which("initdb")
    if on_path:
        folder = Path(on_path).resolve().parent
        said = subprocess.run(["initdb", "--version"], capture_output=True, text=True, check=True).stdout
        candidates.append((int(said.split()[2].split(".")[0]), folder))
    candidates = [c for c in candidates if c[0] >= OLDEST and _has_postgis(c[1])] or candidates
    if not candidates or max(candidates)[0] < OLDEST:
        raise BadRequest(
            f"PostgreSQL {OLDEST} or newer is missing: install it with `apt-get install "
            f"postgresql-{OLDEST}-postgis-3`, or run docker compose up, or set TWIN_DATABASE_URL"
        )
    version, folder = max(candidates)
    if not _has_postgis(folder):
        raise BadRequest(
            f"PostGIS is missing: install it with `apt-get install postgresql-{version}-postgis-3`, "
            "or run docker compose up"
        )
    return folder


def _has_postgis(programs: Path) -> bool:
    said = subprocess.run(
        [str(programs / "pg_config"), "--sharedir"], capture_output=True, text=True, check=False
    )
    share = said.stdout.strip() or str(Path("/usr/share/postgresql") / programs.parent.name)
    return (Path(share) / "extension" / "postgis.control").exists()


def embedded(settings: Settings) -> Cluster:
    """The cluster that belongs to these settings; nothing is started yet."""
    account = ACCOUNT if os.geteuid() == 0 else None
    folder = settings.home
    digest = hashlib.sha256(str(folder).encode()).hexdigest()[:12]
    if account and not _reachable(folder, account):
        # root's own folders are closed to the account that the server must run as
        folder = Path("/var/lib/postgresql") / f"twin-{digest}"
    socket = folder / "socket"
    if len(str(socket).encode()) > _SOCKET_FOLDER_BYTES:
        socket = Path(tempfile.gettempdir()) / f"twin-{digest}"
    return Cluster(folder, socket, find_programs(), settings.cluster_port, account)


def _reachable(folder: Path, account: str) -> bool:
    """Whether the account may pass through every folder above this one."""
    user = pwd.getpwnam(account)
    for parent in folder.parents:
        if not parent.exists():
            continue
        status = parent.stat()
        if status.st_uid == user.pw_uid:
            bit = 0o100
        elif status.st_gid == user.pw_gid:
            bit = 0o010
        else:
            bit = 0o001
        if not status.st_mode & bit:
            return False
    return True
