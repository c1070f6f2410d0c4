"""A city's catalogue: its profile and every data set of it, read from one TOML file and checked.

The command line and `loaders/run.py` ask `catalogue(name)`; a mistake in a file is a BadRequest that names
the file and the entry. How an entry is written is told in `words.py` and in the files themselves.
"""

from __future__ import annotations

import enum
import hashlib
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from sqlalchemy import Double, Integer

from loaders import formats
from loaders.catalogue.fetching import Fetch, fetch_entry
from loaders.catalogue.words import Condition, Recipe, condition, recipe
from loaders.preparation import PREPARATIONS
from twin.database import City
from twin.entities import BY_NAME, Entity
from twin.errors import BadRequest
from twin.geometry import Box, is_metric, srid_of

FOLDER = Path(__file__).parent
_CITY = (
    "name", "title", "crs", "bounds", "languages", "code_lists", "open_lists", "tables", "foreign_systems",
)  # fmt: skip
_SYSTEM = ("title", "advice", "x", "y")
_DATASET = (
    "key", "title", "publisher", "licence", "url", "refresh", "refresh_days", "file", "optional", "mode",
    "fetch",
)  # fmt: skip
_READ = ("format", "options", "crs", "prepare", "ignore", "distinct", "read")
_ENTITY = (
    "key", "when", "expect", "complete", "range", "within", "required", "versions", "of", "same_within_m",
    "stated_area_m2", "repeated",
)  # fmt: skip


class Mode(enum.Enum):
    """What a data set's files say of what they do not mention; `expect` follows from that."""

    #: they hold all there is: what vanished from them is closed; `expect` is about the records in them, and
    #: fewer are refused
    FULL = "full"
    #: they hold what changed: what they do not mention stays as it was; `expect` is about the rows held after
    #: the load, and a notice. Where the records bear no `versions`, the order of the files' names counts
    DELTA = "delta"
    #: they hold what is new and never changes, such as measurements: what is known already stays as it was
    #: first said; `expect` as for DELTA
    APPEND = "append"


@dataclass(frozen=True)
class ForeignSystem:
    """Coordinates that are met in a city and cannot be converted here, known by their size."""

    title: str
    advice: str  #: what to do with a file that has them, a sentence
    x: tuple[float, float]
    y: tuple[float, float]

    def holds(self, x: float, y: float) -> bool:
        """Whether a place may be in it, whichever of its numbers comes first."""
        return any(self.x[0] <= a <= self.x[1] and self.y[0] <= b <= self.y[1] for a, b in ((x, y), (y, x)))


@dataclass(frozen=True)
class CityProfile:
    """What is particular to a city: its name, metric coordinate system, bounds and languages."""

    name: str
    title: str
    crs: str
    bounds: Box
    languages: tuple[str, ...]
    foreign_systems: tuple[ForeignSystem, ...] = ()

    @property
    def city(self) -> City:
        """The city as the database knows it."""
        return City(self.name, self.title, srid_of(self.crs), self.bounds)


@dataclass(frozen=True)
class CodeValue:
    """One value of a code list, with its label in the city's language and in English."""

    scheme: str
    code: str
    label_bg: str | None
    label_en: str | None


@dataclass(frozen=True)
class Target:
    """Which records of a read become entities of one type, and how."""

    entity: Entity
    key: Recipe | None  #: None: the record's own content is its key
    fields: Mapping[str, Recipe]
    when: tuple[Condition, ...] = ()
    required: tuple[str, ...] = ()  #: attributes without which a record is left out
    within: str | None = None  #: only what lies in an area of this entity
    expect: tuple[int, int] | None = None  #: the least and the most records
    complete: Mapping[str, float] = field(default_factory=dict)  #: attribute -> least share that is filled
    range: Mapping[str, tuple[float, float]] = field(default_factory=dict)  #: -> least and greatest value
    of: str | None = None  #: column with the 3D shapes of a building, each of which is one record
    versions: str | None = None  #: column that says of what a record speaks, and as of when: versions.py
    repeated: bool = False  #: many records speak of one thing, such as the station beside each measurement
    stated_area_m2: str | None = None  #: column of an area that should be the shape's own
    same_within_m: float | None = None  #: a shape no farther than that from the one held is taken for it

    @property
    def columns(self) -> set[str]:
        """The published columns that it uses."""
        recipes = [*self.fields.values(), *([self.key] if self.key else [])]
        named = {one.column for one in self.when} | {
            name for name in (self.versions, self.of, self.stated_area_m2) if name
        }
        return {name for one in recipes for name in one.columns} | named


@dataclass(frozen=True)
class Read:
    """One pass over the files of a data set."""

    format: str
    options: Mapping[str, Any]
    crs: str | None
    prepare: str | None  #: see loaders/preparation.py
    ignore: tuple[str, ...]  #: columns that nobody needs, as patterns
    distinct: tuple[str, ...]  #: columns in which a repeated value is worth a notice
    targets: tuple[Target, ...]

    def ignores(self, column: str) -> bool:
        return any(fnmatchcase(column, pattern) for pattern in self.ignore)

    @property
    def claimed(self) -> set[str]:
        """The published columns that the mapping uses, the reader's coordinate columns included."""
        names = {name for target in self.targets for name in target.columns} | set(self.distinct)
        for option in ("lonlat", "latlon"):
            given = self.options.get(option, ())
            names |= {given} if isinstance(given, str) else set(given)
        return names


@dataclass(frozen=True)
class Dataset:
    """A data set as its publisher offers it, and what the twin takes from it."""

    key: str
    title: str
    publisher: str
    licence: str | None
    url: str | None
    refresh: str | None  #: how often it is published anew, in words
    refresh_days: int | None  #: and in days, where that is regular
    file: str  #: a path or pattern below the data folder
    optional: bool  #: nothing is wrong where it is not in the folder
    mode: Mode
    reads: tuple[Read, ...]
    fetch: Fetch | None = None  #: how `twin fetch` downloads it; None: it comes by hand
    entry: str = ""  #: a checksum of all that the catalogue says of how it is read

    @property
    def entities(self) -> tuple[Entity, ...]:
        """What it describes, in the order in which a load fills it."""
        named = {target.entity.name for read in self.reads for target in read.targets}
        return tuple(entity for name, entity in BY_NAME.items() if name in named)

    @property
    def formats(self) -> str:
        return ", ".join(dict.fromkeys(read.format for read in self.reads))

    def versioned(self, entity: Entity) -> bool:
        """Whether its records of an entity are changes, each with the version of what it says."""
        return any(target.versions for target in self.targets(entity))

    def expected(self, entity: Entity) -> tuple[int, int] | None:
        """The least and most records of an entity that it should have, over all its reads."""
        ranges = [target.expect for target in self.targets(entity) if target.expect]
        return (sum(low for low, _ in ranges), sum(high for _, high in ranges)) if ranges else None

    def filled(self, entity: Entity) -> tuple[str, ...]:
        """The attributes of an entity that it may fill, those for the twin's own use left out."""
        named = {name for target in self.targets(entity) for name in target.fields}
        return tuple(name for name, known in entity.fields.items() if name in named and not known.hidden)

    def complete(self, entity: Entity) -> dict[str, float]:
        """The least share of its records of an entity in which an attribute should be filled."""
        return {name: share for target in self.targets(entity) for name, share in target.complete.items()}

    def range(self, entity: Entity) -> dict[str, tuple[float, float]]:
        """Between what the values of an attribute of an entity should lie."""
        return {name: ends for target in self.targets(entity) for name, ends in target.range.items()}

    def vital(self, entity: Entity) -> list[str]:
        """What it says of an entity that the entity cannot be without."""
        said = {name for target in self.targets(entity) for name in target.fields}
        return [c.key for c in entity.loaded_columns if c.key in said and not c.nullable]

    def targets(self, entity: Entity) -> list[Target]:
        """Which of its records become such entities, and how."""
        return [t for read in self.reads for t in read.targets if t.entity is entity]

    def find(self, folder: Path) -> list[Path]:
        """Its files below a data folder, in the order of their names; none where it is not there."""
        return sorted(path for path in folder.glob(self.file) if path.is_file())


@dataclass(frozen=True)
class Catalogue:
    """A city and its data sets."""

    city: CityProfile
    datasets: tuple[Dataset, ...]
    precedence: Mapping[str, tuple[str, ...]]  #: merged entity -> its data sets, the one that wins first
    codes: tuple[CodeValue, ...] = field(default=(), repr=False)
    open_lists: frozenset[str] = frozenset()  #: code lists that name only some of their codes
    file: str = ""

    def dataset(self, key: str) -> Dataset:
        for one in self.datasets:
            if one.key == key:
                return one
        known = ", ".join(one.key for one in self.datasets)
        raise BadRequest(f'there is no data set "{key}"; there are {known}', where=self.file)

    def merged_from(self, dataset: Dataset, entity: Entity) -> tuple[str, ...]:
        """The data sets from whose records an entity's rows are made, the one that wins first.

        None where its rows are what this data set's newest file says and nothing else.
        """
        alone = (dataset.key,) if dataset.versioned(entity) else ()
        return self.precedence.get(entity.name, alone)

    def scheme(self, name: str) -> frozenset[str] | None:
        """All codes of one code list; None where the city has no complete list."""
        codes = frozenset(value.code for value in self.codes if value.scheme == name)
        return None if name in self.open_lists or not codes else codes


def catalogue(name_or_path: str | Path) -> Catalogue:
    """The catalogue of a city that the twin knows by name, or of a TOML file."""
    path = Path(name_or_path)
    if path.suffix != ".toml":
        path = FOLDER / f"{name_or_path}.toml"
    if not path.is_file():
        known = ", ".join(sorted(each.stem for each in FOLDER.glob("*.toml") if _is_city(each)))
        raise BadRequest(f'there is no catalogue "{name_or_path}"; there are {known}, or name a .toml file')
    content = _toml(path)
    city_entry = _table(content, "city", path.name)
    _known(city_entry, _CITY, f"{path.name}: city")
    tables = dict(_table(content, "tables", path.name))
    for name in city_entry.get("tables", ()):
        tables |= _toml(path.parent / name)
    datasets = tuple(
        _dataset(entry, path.name, number, tables)
        for number, entry in enumerate(_list(content, "dataset", path.name), start=1)
    )
    _known(content, ("city", "precedence", "tables", "dataset"), path.name)
    codes = _codes(path, city_entry.get("code_lists", ()))
    shared = _checksum((city_entry, tables, content.get("precedence"), codes))
    return Catalogue(
        city=_profile(city_entry, f"{path.name}: city"),
        datasets=tuple(
            replace(one, entry=_checksum((entry, shared)))
            for one, entry in zip(_distinct(datasets, path.name), content.get("dataset", ()), strict=True)
        ),
        precedence=_precedence(_table(content, "precedence", path.name), datasets, path.name),
        codes=codes,
        open_lists=frozenset(city_entry.get("open_lists", ())),
        file=path.name,
    )


def _checksum(content: object) -> str:
    return hashlib.blake2b(repr(content).encode(), digest_size=16).hexdigest()


def _is_city(path: Path) -> bool:
    return "city" in _toml(path)


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise BadRequest("there is no such file beside the catalogue", where=path.name) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadRequest(f"this is no TOML: {error}", where=path.name) from error


def _profile(entry: Mapping[str, Any], where: str) -> CityProfile:
    bounds = _needed(entry, "bounds", where)
    if not (
        isinstance(bounds, list)
        and len(bounds) == 4
        and all(isinstance(each, int | float) for each in bounds)
        and bounds[0] < bounds[2]
        and bounds[1] < bounds[3]
    ):
        raise BadRequest(
            f"bounds are {bounds}; expected is [west, south, east, north] in degrees", where=where
        )
    crs = str(_needed(entry, "crs", where))
    if not is_metric(crs):
        raise BadRequest(f"crs is {crs}; a projected CRS in metres is needed", where=where)
    return CityProfile(
        name=str(_needed(entry, "name", where)),
        title=str(_needed(entry, "title", where)),
        crs=crs,
        bounds=(bounds[0], bounds[1], bounds[2], bounds[3]),
        languages=tuple(entry.get("languages", ())),
        foreign_systems=tuple(
            _foreign_system(each, f"{where} foreign_systems") for each in entry.get("foreign_systems", ())
        ),
    )


def _foreign_system(entry: Mapping[str, Any], where: str) -> ForeignSystem:
    _known(entry, _SYSTEM, where)
    for name in ("x", "y"):
        _check_ends(_needed(entry, name, where), name, where)
    return ForeignSystem(
        str(_needed(entry, "title", where)), str(_needed(entry, "advice", where)),
        (entry["x"][0], entry["x"][1]), (entry["y"][0], entry["y"][1]),
    )  # fmt: skip


def _codes(path: Path, files: Any) -> tuple[CodeValue, ...]:
    """The values of all lists; where two lists share a code, the one named first labels it."""
    found: dict[tuple[str, str], CodeValue] = {}
    for name in [files] if isinstance(files, str) else files:
        for scheme, values in _toml(path.parent / name).items():
            for code, label in values.items():
                labels = label if isinstance(label, list) else [label]
                if not 1 <= len(labels) <= 2 or not all(isinstance(each, str) for each in labels):
                    raise BadRequest(
                        f"{scheme}.{code} is {label!r}; expected is a label, or [label, English label]",
                        where=name,
                    )
                english = labels[1] if len(labels) > 1 else None
                found.setdefault((scheme, code), CodeValue(scheme, code, labels[0] or None, english))
    return tuple(found.values())


def _precedence(
    entry: Mapping[str, Any], datasets: tuple[Dataset, ...], file: str
) -> dict[str, tuple[str, ...]]:
    for name, keys in entry.items():
        where = f"{file}: precedence.{name}"
        if name not in BY_NAME:
            raise BadRequest(f'there is no entity "{name}"; there are {", ".join(BY_NAME)}', where=where)
        describing = [d.key for d in datasets if any(e.name == name for e in d.entities)]
        if sorted(keys) != sorted(describing):
            raise BadRequest(
                f"it lists {', '.join(keys)}; the data sets that describe {name} are {', '.join(describing)}",
                where=where,
            )
        for one in datasets:
            if one.key in keys and one.mode is Mode.APPEND:
                raise BadRequest(
                    f"{one.key} has mode append, whose records never change; those of {name} are merged from "
                    "several data sets and may. Give it mode delta",
                    where=where,
                )
    return {name: tuple(keys) for name, keys in entry.items()}


def _distinct(datasets: tuple[Dataset, ...], file: str) -> tuple[Dataset, ...]:
    keys = [one.key for one in datasets]
    repeated = {key for key in keys if keys.count(key) > 1}
    if repeated:
        raise BadRequest(f"two data sets have the key {', '.join(sorted(repeated))}", where=file)
    return datasets


def _dataset(entry: Mapping[str, Any], file: str, number: int, tables: Mapping[str, Any]) -> Dataset:
    where = f"{file}: dataset {entry.get('key', number)}"
    reads = _list(entry, "read", where) if "read" in entry else [entry]
    inherited = {name: entry[name] for name in _READ if name in entry and name != "read"}
    _known(entry, (*_DATASET, *_READ, *BY_NAME), where)
    dataset = Dataset(
        key=str(_needed(entry, "key", where)),
        title=str(_needed(entry, "title", where)),
        publisher=str(_needed(entry, "publisher", where)),
        licence=entry.get("licence"),
        url=entry.get("url"),
        refresh=entry.get("refresh"),
        refresh_days=_refresh_days(entry.get("refresh_days"), where),
        file=_pattern(_needed(entry, "file", where), where),
        optional=bool(entry.get("optional", False)),
        mode=_mode(entry.get("mode", Mode.FULL.value), where),
        reads=tuple(_read({**inherited, **read}, where, tables) for read in reads),
        fetch=fetch_entry(entry, where),
    )
    for entity in dataset.entities:
        if dataset.versioned(entity) and dataset.mode is not Mode.DELTA:
            raise BadRequest(
                f'its records of {entity.name} have versions, which only changes have: mode = "delta"',
                where=where,
            )
    return dataset


def _refresh_days(days: Any, where: str) -> int | None:
    if days is not None and (type(days) is not int or days < 1):
        raise BadRequest(f"refresh_days is {days!r}; expected is a whole number of days above 0", where=where)
    return days


def _mode(name: Any, where: str) -> Mode:
    try:
        return Mode(name)
    except ValueError:
        allowed = ", ".join(each.value for each in Mode)
        raise BadRequest(f'mode is "{name}"; allowed are {allowed}', where=where) from None


def _read(entry: Mapping[str, Any], where: str, tables: Mapping[str, Any]) -> Read:
    _known(entry, (*_DATASET, *_READ, *BY_NAME), where)
    format_ = _needed(entry, "format", where)
    if format_ not in formats.names():
        raise BadRequest(f'format is "{format_}"; allowed are {", ".join(formats.names())}', where=where)
    prepare = entry.get("prepare")
    if prepare is not None and prepare not in PREPARATIONS:
        raise BadRequest(f'prepare is "{prepare}"; allowed are {", ".join(PREPARATIONS)}', where=where)
    targets = tuple(
        _target(entity, entry[name], f"{where}.{name}", tables)
        for name, entity in BY_NAME.items()
        if name in entry
    )
    if not targets:
        raise BadRequest(f"it names no entity; there are {', '.join(BY_NAME)}", where=where)
    if any(target.of for target in targets) and "Building" not in entry:
        raise BadRequest("a BuildingSolid is of a Building, and the entry names none", where=where)
    return Read(
        format=format_,
        options=dict(entry.get("options", {})),
        crs=entry.get("crs"),
        prepare=prepare,
        ignore=tuple(entry.get("ignore", ())),
        distinct=tuple(entry.get("distinct", ())),
        targets=targets,
    )


def _target(entity: Entity, entry: Mapping[str, Any], where: str, tables: Mapping[str, Any]) -> Target:
    if entity.name == "BuildingSolid":
        # keys and attributes follow from the building and from the shape
        _known(entry, ("of", "expect"), where)
        of: str | None = str(_needed(entry, "of", where))
    elif "of" in entry:
        raise BadRequest("only a BuildingSolid is of something", where=where)
    else:
        of = None
    loadable = {column.key for column in entity.loaded_columns} - {"key"}
    fields = {name: value for name, value in entry.items() if name not in _ENTITY}
    for name in fields:
        if name not in loadable:
            raise BadRequest(
                f"{entity.name} has no attribute that a source may fill named {name}; "
                f"it has {', '.join(sorted(loadable))}",
                where=where,
            )
    recipes = {name: recipe(value, f"{where}.{name}", tables) for name, value in fields.items()}
    for name, one in recipes.items():
        _check_recipe(entity, name, one, recipes, f"{where}.{name}")
    within = entry.get("within")
    if within is not None and within not in BY_NAME:
        raise BadRequest(f'within is "{within}"; it names no entity', where=where)
    same_within_m = entry.get("same_within_m")
    if same_within_m is not None and not (isinstance(same_within_m, int | float) and same_within_m >= 0):
        raise BadRequest(f"same_within_m is {same_within_m!r}; expected are metres", where=where)
    expect = entry.get("expect")
    if expect is not None:
        _check_ends(expect, "expect", where)
    return Target(
        entity=entity,
        key=recipe(entry["key"], f"{where}.key", tables) if "key" in entry else None,
        fields=recipes,
        when=tuple(
            condition(column, value, f"{where}.when", tables)
            for column, value in _table(entry, "when", where).items()
        ),
        required=tuple(entry.get("required", ())),
        within=within,
        expect=(expect[0], expect[1]) if expect else None,
        complete=_complete(_table(entry, "complete", where), fields, f"{where}.complete"),
        range=_range(entity, _table(entry, "range", where), fields, f"{where}.range"),
        versions=entry.get("versions"),
        of=of,
        stated_area_m2=entry.get("stated_area_m2"),
        repeated=bool(entry.get("repeated", False)),
        same_within_m=same_within_m,
    )


def _check_ends(given: Any, name: str, where: str) -> None:
    if not (
        isinstance(given, list)
        and len(given) == 2
        and all(type(each) in (int, float) and math.isfinite(each) for each in given)
        and given[0] <= given[1]
    ):
        raise BadRequest(f"{name} is {given}; expected is [least, most]", where=where)


def _complete(entry: Mapping[str, Any], fields: Mapping[str, Any], where: str) -> dict[str, float]:
    for name, share in entry.items():
        _check_filled(name, fields, where)
        if type(share) not in (int, float) or not 0 < share <= 1:
            raise BadRequest(f"{name} is {share!r}; expected is a share above 0 and up to 1", where=where)
    return {name: float(share) for name, share in entry.items()}


def _range(
    entity: Entity, entry: Mapping[str, Any], fields: Mapping[str, Any], where: str
) -> dict[str, tuple[float, float]]:
    for name, ends in entry.items():
        _check_filled(name, fields, where)
        if not isinstance(entity.table.c[name].type, Integer | Double):
            raise BadRequest(f"{name} is no number, so it has no range", where=where)
        _check_ends(ends, name, where)
    return {name: (float(low), float(high)) for name, (low, high) in entry.items()}


def _check_filled(name: str, fields: Mapping[str, Any], where: str) -> None:
    if name not in fields:
        raise BadRequest(f"this entry fills no {name}; it fills {', '.join(fields)}", where=where)


def _check_recipe(entity: Entity, name: str, one: Recipe, recipes: Mapping[str, Recipe], where: str) -> None:
    """Values that the catalogue itself gives must be ones that the attribute can have."""
    members = entity.fields[name].enumeration
    for words in one.alternatives:
        given = [*(words.codes or {}).values(), *([str(words.value)] if words.value is not None else [])]
        if members and (wrong := [each for each in given if each and each not in members.__members__]):
            raise BadRequest(f'"{wrong[0]}" is none of {", ".join(members.__members__)}', where=where)
        for other in (words.attribute, words.agrees_with):
            if other and other not in recipes:
                raise BadRequest(f"it looks at {other}, which this entry does not fill", where=where)


def _needed(entry: Mapping[str, Any], name: str, where: str) -> Any:
    if not entry.get(name):
        raise BadRequest(f"{name} is missing", where=where)
    return entry[name]


def _pattern(file: Any, where: str) -> str:
    """A path or pattern that leads nowhere but below the data folder."""
    parts = file.split("/") if isinstance(file, str) else []
    if (
        not parts
        or file.startswith(("/", "~"))
        or "\\" in file
        or not file.isprintable()
        or any(part == ".." or ("**" in part and part != "**") for part in parts)
        or not parts[-1].strip(". ")
    ):
        raise BadRequest(
            f"file is {file!r}; expected is one path or pattern below the data folder, such as 'stops/*.csv'",
            where=where,
        )
    return str(file)


def _known(entry: Mapping[str, Any], names: tuple[str, ...], where: str) -> None:
    for name in entry:
        if name not in names:
            raise BadRequest(f'"{name}" means nothing here; allowed are {", ".join(names)}', where=where)


def _table(entry: Mapping[str, Any], name: str, where: str) -> Mapping[str, Any]:
    found = entry.get(name, {})
    if not isinstance(found, dict):
        raise BadRequest(f"{name} must be a table", where=where)
    return found


def _list(entry: Mapping[str, Any], name: str, where: str) -> list[Mapping[str, Any]]:
    found = entry.get(name, [])
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise BadRequest(f"{name} must be a list of tables: [[{name}]]", where=where)
    return found
