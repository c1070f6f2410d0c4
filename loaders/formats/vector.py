"""GeoJSON, Shapefile (zipped or not), GeoPackage and FlatGeobuf, read through GDAL's Arrow stream."""

from __future__ import annotations

import codecs
import errno
import itertools
import shutil
import tempfile
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

import numpy as np
import orjson
import pyarrow as pa
import pyogrio
import shapely
from pyogrio.errors import DataLayerError, DataSourceError
from pyproj import CRS
from pyproj.exceptions import CRSError

from loaders.formats import BATCH_SIZE, Batch, FileFault, Geometries, Layer, Problem
from loaders.formats.plain_text import BOM, LEGACY_ENCODING, ZIP_DAMAGE, open_bytes
from loaders.formats.sniff import head, kind_of, refuse

WANTED = "GeoJSON or GeoJSONSeq, a Shapefile (.shp or .zip), a GeoPackage or a FlatGeobuf file"
SUFFIXES = (".shp", ".geojson", ".json", ".gpkg", ".fgb")
COMPANIONS = (".shp", ".shx", ".dbf", ".prj", ".cpg")
# GDAL cannot do without these two: the index, and the table with the attributes.
NEEDED = (".shx", ".dbf")
# What stands before each record of a GeoJSON text sequence (RFC 8142).
RECORD_SEPARATOR = b"\x1e"
NO_ROOM = "there is no room on this machine's disk to unpack it; make room in its folder for temporary files"
LONGEST_RECORD_BYTES = 16 << 20
GZIP_DAMAGED = "the gzip archive is damaged or cut off"


@contextmanager
def read(
    path: Path,
    *,
    layer: str | None = None,
    encoding: str | None = None,
    ignores: Callable[[str], bool] | None = None,
) -> Iterator[Layer]:
    """Open a file of shapes with their attributes.

    `layer` chooses among a GeoPackage's layers or an archive's files; `encoding` overrides what a Shapefile
    says about its letters.
    """
    with ExitStack() as stack:
        file = path
        kind = kind_of(head(path))
        if kind == "zip":
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="twin-")))
            file = _unpack(path, layer, folder)
            layer = None
            kind = kind_of(head(file))
        source = _source(path, file, kind)
        stated = 0
        faulty: list[Problem] = []
        if kind == "javascript-json":
            faulty.append(Problem("file", "script-wrapped-json", _script(file)))
        if kind == "json" and (separator := _sequence_separator(file)):
            # GDAL does not pass over a sequence's byte-order mark itself.
            mark = len(BOM) if head(file).startswith(BOM) else 0
            source = f"GeoJSONSeq:/vsisubfile/{mark},{source}"
            stated, faulty = _check_sequence(path, file, separator)
        if kind == "shapefile":
            _check_companions(path, file)
            encoding = _known(path, encoding) or _shapefile_encoding(file)
        elif encoding is not None:
            raise FileFault("only a Shapefile has an encoding to choose; leave it out", where=path.name)
        if kind == "geopackage":
            layer = _layer(path, source, layer)
        try:
            columns = _wanted(source, layer, encoding, ignores) if not kind.endswith("json") else None
            with _quiet():
                meta, reader = stack.enter_context(
                    pyogrio.open_arrow(
                        source,
                        layer=layer,
                        encoding=encoding,
                        columns=columns,
                        batch_size=BATCH_SIZE,
                        use_pyarrow=True,
                    )
                )
            if kind in ("flatgeobuf", "geopackage"):
                stated = pyogrio.read_info(source, layer=layer)["features"]
        except DataLayerError as error:
            raise FileFault(f"there is no layer {layer!r} in it", where=path.name) from error
        # a FlatGeobuf file whose header is broken has no layer, which pyogrio does not expect
        except (DataSourceError, OSError, ValueError, IndexError) as error:
            raise _unreadable(path, kind, error) from error
        yield Layer(
            columns=tuple(str(name) for name in meta["fields"]),
            crs=crs_code(meta["crs"]),
            batches=_batches(path, reader, meta, stated, faulty),
        )


def _wanted(
    source: str, layer: str | None, encoding: str | None, ignores: Callable[[str], bool] | None
) -> list[str] | None:
    """The columns worth reading; None: all of them. Of GeoJSON that is not asked: it would be read twice."""
    if ignores is None:
        return None
    with _quiet():
        fields = pyogrio.read_info(source, layer=layer, encoding=encoding)["fields"]
    return [str(name) for name in fields if not ignores(str(name))]


def crs_code(declared: str | None) -> str | None:
    """A declared CRS as 'EPSG:7801'; its WKT when no EPSG code fits, None when nothing is declared."""
    if not declared:
        return None
    try:
        crs = CRS.from_user_input(declared)
        # Heights are in the coordinates; the code that loaders compare is that of the plane.
        if crs.is_compound:
            crs = crs.sub_crs_list[0]
        elif len(crs.axis_info) > 2:
            crs = crs.to_2d()
        # PROJ says 70 for the same system under another name, as Esri writes it, and 25 for a mere likeness.
        code = crs.to_epsg(min_confidence=60)
    except CRSError:
        return declared
    if code is None:
        return "EPSG:4326" if crs.to_authority() == ("OGC", "CRS84") else declared
    return f"EPSG:{code}"


def _batches(
    path: Path, reader: pa.RecordBatchReader, meta: dict[str, Any], stated: int, faulty: list[Problem]
) -> Iterator[Batch]:
    geometry_name = meta["geometry_name"] or "wkb_geometry"
    names = [str(name) for name in meta["fields"]]
    passed_over = {problem.position for problem in faulty}
    places = (each for n in itertools.count(1) if (each := f"record {n}") not in passed_over)
    done = 0
    while True:
        with _quiet() as caught:
            try:
                arrow = reader.read_next_batch()
            except StopIteration:
                break
            except (pa.ArrowException, RuntimeError, OSError) as error:
                raise FileFault(
                    f"it is damaged after record {done}: {_first_sentence(error)}", where=path.name
                ) from error
        positions = list(itertools.islice(places, arrow.num_rows))
        problems = faulty + [Problem("file", "reader-warning", message) for message in dict.fromkeys(caught)]
        faulty = []
        # of columns with one name, which a damaged table may have, the first counts
        first = {name: n for n, name in reversed(list(enumerate(arrow.schema.names)))}
        geometry: Geometries | None = None
        try:
            if geometry_name in first:
                geometry = decoded(arrow.column(first[geometry_name]), positions, problems)
            columns = {
                name: values_of(name, arrow.column(first[name]), positions, problems) for name in names
            }
        except pa.ArrowException as error:
            raise FileFault(f"it is damaged after record {done}", where=path.name) from error
        yield Batch(columns, geometry, positions, problems)
        done += arrow.num_rows
    # GDAL ends quietly where some formats are cut off.
    if done < stated:
        raise FileFault(f"it is cut off after record {done} of {stated}", where=path.name)


def values_of(name: str, column: pa.Array, positions: list[str], problems: list[Problem]) -> list[Any]:
    """A column's values; texts may be cut within a character, as Shapefiles with long Cyrillic ones are."""
    try:
        values: list[Any] = column.to_pylist()
    except UnicodeDecodeError:
        values = column.cast(pa.binary()).to_pylist()
        for row, value in enumerate(values):
            if value is not None:
                values[row] = value.decode("utf-8", "ignore")
                if values[row].encode() != value:
                    problems.append(Problem(positions[row], "broken-encoding", name))
    return values


def decoded(column: pa.Array, positions: list[str], problems: list[Problem]) -> Geometries:
    """The shapes of a column of WKB, None where one is missing or cannot be decoded."""
    encoded = column.to_numpy(zero_copy_only=False)
    geometry: Geometries = np.asarray(shapely.from_wkb(encoded, on_invalid="ignore"), dtype=np.object_)
    for row in np.flatnonzero(shapely.is_missing(geometry)):
        if encoded[row] is None:
            continue
        # GDAL passes rings on that do not close; GEOS refuses them unless told to mend.
        geometry[row] = shapely.from_wkb(encoded[row], on_invalid="fix")
        rule = "invalid-geometry-encoding" if geometry[row] is None else "unclosed-ring"
        problems.append(Problem(positions[row], rule, f"{len(encoded[row])} bytes of geometry"))
    return geometry


@contextmanager
def _quiet() -> Iterator[list[str]]:
    """Collect GDAL's warnings instead of printing them: they are about the data, so they become problems."""
    messages: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield messages
        messages.extend(str(each.message) for each in caught)


def _source(path: Path, file: Path, kind: str) -> str:
    """The name by which GDAL opens the file."""
    if kind == "javascript-json":
        return _inside_javascript(path, file)
    if kind not in ("json", "shapefile", "geopackage", "flatgeobuf"):
        raise refuse(path, kind, WANTED)
    with file.open("rb") as stream:
        gzipped = stream.read(2) == b"\x1f\x8b"
    return f"/vsigzip/{file}" if gzipped else str(file)


def _sequence_separator(file: Path) -> bytes:
    """What separates the records of a GeoJSON text sequence or of GeoJSON lines; nothing for other JSON."""
    start = head(file).removeprefix(BOM).lstrip()
    if start.startswith(RECORD_SEPARATOR):
        return RECORD_SEPARATOR
    if b'"FeatureCollection"' in start:
        return b""
    try:
        with open_bytes(file) as stream:
            first = stream.readline(LONGEST_RECORD_BYTES).removeprefix(BOM)
            if not stream.readline(1):
                return b""
    except (OSError, EOFError, zlib.error) as error:
        raise FileFault(GZIP_DAMAGED, where=file.name) from error
    try:
        return b"\n" if isinstance(orjson.loads(first), dict) else b""
    except orjson.JSONDecodeError:
        return b""


def _check_sequence(path: Path, file: Path, separator: bytes) -> tuple[int, list[Problem]]:
    """How many records a sequence holds, and those that are none: GDAL passes over them without a word."""
    good = 0
    problems = []
    with open_bytes(file) as stream:
        try:
            for number, text in enumerate(_texts(stream, separator), start=1):
                try:
                    record = orjson.loads(text)
                except orjson.JSONDecodeError as error:
                    problems.append(Problem(f"record {number}", "broken-json", str(error)))
                    continue
                if isinstance(record, dict) and ("geometry" in record or "coordinates" in record):
                    good += 1
                else:
                    problems.append(Problem(f"record {number}", "not-a-record", "it is no GeoJSON feature"))
        except (OSError, EOFError, zlib.error) as error:
            raise FileFault(GZIP_DAMAGED, where=path.name) from error
    if not good:
        raise FileFault(f"it holds no GeoJSON feature; wanted is {WANTED}", where=path.name)
    return good, problems


def _texts(stream: BinaryIO, separator: bytes) -> Iterator[bytes]:
    """The parts of a file between separators, blank ones left out."""
    if separator == b"\n":
        yield from (line for each in stream if (line := each.removeprefix(BOM).strip()))
        return
    rest = b""
    while block := stream.read(1 << 20):
        *whole, rest = (rest + block).split(separator)
        yield from (text for each in whole if (text := each.removeprefix(BOM).strip()))
    if rest.strip():
        yield rest


def _inside_javascript(path: Path, file: Path) -> str:
    """The GeoJSON within 'var lines = {...};', as map pages publish it, without copying the file."""
    size = file.stat().st_size
    start = min(at for at in (head(file).find(b"{"), head(file).find(b"[")) if at >= 0)
    with file.open("rb") as stream:
        stream.seek(max(0, size - 1024))
        tail = stream.read()
    end = size - len(tail) + tail.rfind(b"}") + 1
    if end <= start:
        raise FileFault("the JSON in this script is cut off", where=path.name)
    return f"/vsisubfile/{start}_{end - start},{file}"


def _script(file: Path) -> str:
    """What stands before the JSON in a script."""
    start = head(file).removeprefix(BOM)
    return start.partition(b"{")[0].partition(b"[")[0].decode("utf-8", "replace").strip()


def _layer(path: Path, source: str, layer: str | None) -> str:
    try:
        layers = [str(name) for name, geometry in pyogrio.list_layers(source) if geometry is not None]
        tables = [str(name) for name, _ in pyogrio.list_layers(source)]
    except DataSourceError as error:
        raise FileFault(f"the database holds no layers: {_first_sentence(error)}", where=path.name) from error
    if layer is None and len(layers) == 1:
        return layers[0]
    if layer in tables:
        return str(layer)
    asked = "several layers" if layer is None else f"no layer {layer!r}"
    raise FileFault(f"it has {asked}; say layer = one of {', '.join(tables)}", where=path.name)


def _unpack(path: Path, layer: str | None, folder: Path) -> Path:
    """Copy one file out of an archive under a plain name, with what belongs to it.

    Reading inside the archive would seek backwards through compressed data, and member names are often
    mangled (code page 866 read as 437), differently for each tool.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = [each for each in archive.infolist() if _is_data(each)]
            chosen = _member(path, layer, members)
            wanted = [chosen]
            if _suffix(chosen) == ".shp":
                wanted = _companions(chosen, members)
            if sum(each.file_size for each in wanted) > shutil.disk_usage(folder).free:
                raise FileFault(NO_ROOM, where=path.name)
            for each in wanted:
                with archive.open(each) as packed, (folder / f"layer{_suffix(each)}").open("wb") as plain:
                    shutil.copyfileobj(packed, plain, 1 << 20)
    except RuntimeError as error:
        raise FileFault(
            "the zip archive is encrypted or packed in an unusual way", where=path.name
        ) from error
    except ZIP_DAMAGE as error:
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            raise FileFault(NO_ROOM, where=path.name) from error
        raise FileFault(f"the zip archive is damaged or cut off: {error}", where=path.name) from error
    return folder / f"layer{_suffix(chosen)}"


def _is_data(member: zipfile.ZipInfo) -> bool:
    # macOS adds a shadow '._name' beside each file.
    return (
        bool(member.filename)
        and not member.is_dir()
        and not PurePosixPath(member.filename).name.startswith(".")
    )


def _suffix(member: zipfile.ZipInfo) -> str:
    return PurePosixPath(member.filename).suffix.lower()


def _name(member: zipfile.ZipInfo) -> str:
    """A member's name as it was meant: archives from Windows keep DOS Cyrillic, read as another code page."""
    with suppress(UnicodeError):
        if not member.filename.isascii():
            return member.filename.encode("cp437").decode("cp866")
    return member.filename


def _stems(member: zipfile.ZipInfo) -> set[str]:
    """A member's name without its extension, as stored and as it was meant."""
    return {str(PurePosixPath(name).with_suffix("")).lower() for name in (member.filename, _name(member))}


def _member(path: Path, layer: str | None, members: list[zipfile.ZipInfo]) -> zipfile.ZipInfo:
    candidates = [each for each in members if _suffix(each) in SUFFIXES]
    # A .json beside a Shapefile is its description.
    candidates = [each for each in candidates if _suffix(each) == ".shp"] or candidates
    if not candidates:
        inside = ", ".join(_name(each) for each in members[:5]) or "nothing"
        raise FileFault(f"the archive holds {inside}; wanted is {WANTED}", where=path.name)
    if layer is not None:
        asked = layer.lower()
        candidates = [
            each
            for each in candidates
            if asked in (each.filename.lower(), _name(each).lower())
            or any(asked in (stem, PurePosixPath(stem).name) for stem in _stems(each))
        ]
    if len(candidates) != 1:
        names = ", ".join(_name(each) for each in members if _suffix(each) in SUFFIXES)
        asked = f"{len(candidates)} files for layer {layer!r}" if layer else f"{len(candidates)} layers"
        raise FileFault(f"the archive holds {asked}; say layer = one of {names}", where=path.name)
    return candidates[0]


def _companions(shape: zipfile.ZipInfo, members: list[zipfile.ZipInfo]) -> list[zipfile.ZipInfo]:
    alone = sum(_suffix(each) == ".shp" for each in members) == 1
    found: dict[str, zipfile.ZipInfo] = {}
    for each in members:
        suffix = _suffix(each)
        if suffix not in COMPANIONS:
            continue
        if _stems(each) & _stems(shape):
            found[suffix] = each
        elif alone:
            # With one Shapefile the extension says enough, even where each name was mangled in its own way.
            found.setdefault(suffix, each)
    return list(found.values())


def _check_companions(path: Path, shape: Path) -> None:
    beside = _beside(shape)
    missing = [suffix for suffix in NEEDED if suffix not in beside]
    if missing:
        raise FileFault(f"the Shapefile lacks its {' and '.join(missing)} part", where=path.name)
    # GDAL reads what is left of a cut file without a word, so the lengths that the headers state are checked.
    for each in (shape, beside[".dbf"]):
        size = each.stat().st_size
        with each.open("rb") as stream:
            header = stream.read(32)
        if len(header) < 32 or size < _stated_length(each, header):
            raise FileFault(
                f"the Shapefile's {each.suffix.lower()} part is cut off at {size:,} bytes", where=path.name
            )


def _beside(shape: Path) -> dict[str, Path]:
    """The parts of a Shapefile by their extension."""
    name = shape.stem.lower()
    return {each.suffix.lower(): each for each in shape.parent.iterdir() if each.stem.lower() == name}


def _stated_length(file: Path, header: bytes) -> int:
    if file.suffix.lower() == ".dbf":
        records, start, width = (
            int.from_bytes(header[a:b], "little") for a, b in ((4, 8), (8, 10), (10, 12))
        )
        return start + records * width
    # In 16-bit words.
    return int.from_bytes(header[24:28], "big") * 2


def _known(path: Path, encoding: str | None) -> str | None:
    try:
        return encoding and codecs.lookup(encoding).name
    except LookupError as error:
        raise FileFault(
            f"encoding {encoding!r} is unknown; try utf-8 or {LEGACY_ENCODING}", where=path.name
        ) from error


def _shapefile_encoding(shape: Path) -> str | None:
    """The encoding of a Shapefile's letters where it says nothing itself, else None.

    Without a .cpg file GDAL takes Western European letters, which no Bulgarian office means.
    """
    beside = _beside(shape)
    if ".cpg" in beside or ".dbf" not in beside:
        return None
    with beside[".dbf"].open("rb") as stream:
        header = stream.read(32)
        if len(header) < 32 or header[29] not in (0, 0x57):
            return None
        stream.seek(int.from_bytes(header[8:10], "little"))
        sample = stream.read(1 << 20)
    if sample.isascii():
        return None
    try:
        # A character cut off at the sample's end is no sign of another encoding.
        sample.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(sample) - 4:
            return LEGACY_ENCODING
    return "UTF-8"


def _unreadable(path: Path, kind: str, error: Exception) -> FileFault:
    what = "it is JSON, but not whole GeoJSON" if kind.endswith("json") else "it is damaged"
    # GDAL's other words for it name the path, which the caller did not ask about, and its drivers.
    why = "" if "not recognized" in str(error) else f" ({_first_sentence(error)})"
    return FileFault(f"{what}{why}; wanted is {WANTED}", where=path.name)


def _first_sentence(error: Exception) -> str:
    return str(error).split(";")[0].split("\n")[0].strip()
