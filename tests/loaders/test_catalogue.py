"""What a catalogue may say, and how it is told what is wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from loaders.catalogue import FOLDER, catalogue
from twin.entities import BY_NAME
from twin.errors import BadRequest

CITY = '[city]\nname = "x"\ntitle = "X"\ncrs = "EPSG:7801"\nbounds = [23.0, 42.4, 23.7, 42.9]\n'
SET = '[[dataset]]\nkey = "a"\ntitle = "A"\npublisher = "P"\nformat = "tabular"\nfile = "a.csv"\n'
TARGET = '[dataset.Facility]\nkind = { value = "SCHOOL" }\nposition = "geometry"\n'


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "x.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["sofia", "liechtenstein", "delft", "sample"])
def test_every_city_that_comes_with_the_twin_is_in_order(name: str) -> None:
    found = catalogue(name)
    assert found.city.name == name
    assert found.datasets
    for dataset in found.datasets:
        assert dataset.entities
        for entity in found.precedence:
            assert entity in BY_NAME


def test_cities_list_their_data_sets_with_publisher_and_licence() -> None:
    gtfs = catalogue("sofia").dataset("sofia-gtfs")
    assert (gtfs.publisher, gtfs.licence) == ("Център за градска мобилност", "CC BY 4.0")
    assert [entity.name for entity in gtfs.entities] == ["TransitStop", "TransitRoute"]
    assert gtfs.expected(BY_NAME["TransitStop"]) == (2500, 3300)


def test_no_code_list_labels_a_code_in_one_language_only() -> None:
    for name in ("sofia", "liechtenstein"):
        for value in catalogue(name).codes:
            assert value.label_bg, value
            assert value.label_en, value


def test_the_legal_forms_of_all_editions_lead_to_listed_codes() -> None:
    sofia = catalogue("sofia")
    [read] = sofia.dataset("sofia-commercial-register").reads
    business = next(target for target in read.targets if target.entity.name == "Business")
    table = business.fields["legal_form"].alternatives[0].codes or {}
    assert frozenset(table.values()) == sofia.scheme("legal_form")
    assert {table[spelling] for spelling in ("EOOD", "ЕООД", "10")} == {"EOOD"}
    assert {table[spelling] for spelling in ("SDR", "ASSOC", "24")} == {"SDR"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[city", r"x\.toml: this is no TOML"),
        (SET + TARGET, r"x\.toml: city: bounds is missing"),
        (CITY.replace("23.7", "22.0"), r"x\.toml: city: bounds are \[23\.0, 42\.4, 22\.0, 42\.9\]; expected"),
        *(
            (CITY.replace("EPSG:7801", crs), f"x.toml: city: crs is {crs}; a projected CRS in metres is needed")
            for crs in ("EPSG:4326", "EPSG:2263")
        ),
        (CITY + "[datasets]\n", r'x\.toml: "datasets" means nothing here; allowed are city, precedence'),
        (CITY + SET, r"x\.toml: dataset a: it names no entity; there are District, "),
        (CITY + SET.replace("tabular", "dwg") + TARGET, r'dataset a: format is "dwg"; allowed are vector, '),
        (CITY + SET + "[dataset.Facilty]\n", r'dataset a: "Facilty" means nothing here; allowed are key, '),
        (
            CITY + SET + TARGET + 'storeys = "n"\n',
            r"dataset a\.Facility: Facility has no attribute that a source may fill named storeys; it has",
        ),
        (CITY + SET + TARGET + 'building = "b"\n', "no attribute that a source may fill named building"),
        (CITY + SET + 'prepare = "magic"\n' + TARGET, r'prepare is "magic"; allowed are register-deeds'),
        (
            CITY + SET + TARGET + 'name = { from = "n", uppercase = true }\n',
            r'dataset a\.Facility\.name: "uppercase" is no mapping word; there are address, ',
        ),
        (CITY + SET + TARGET + "name = 5\n", r"Facility\.name: it is 5; expected is a column's name or a"),
        (CITY + SET + TARGET + 'name = { pad = 2 }\n', "say where the value comes from: exactly one of"),
        (
            CITY + SET + TARGET + 'name = { from = "n", codes = "kinds" }\n',
            r"codes is 'kinds'; expected is a table of texts or one of no tables",
        ),
        (CITY + SET + TARGET + 'name = { from = "n", match = "(" }\n', r"match is '\(', which is no pattern"),
        (CITY + SET + TARGET + 'name = { from = "n", match = "x" }\n', "it needs a group in brackets"),
        (CITY + SET + TARGET + 'name = { format = "{a" }\n', r"format is '\{a'; expected are columns in braces"),
        (CITY + SET + TARGET + 'name = { address = { door = "d" } }\n', r"expected are columns by text, "),
        *(
            (CITY + SET.replace('file = "a.csv"', f"file = {file}") + TARGET, r"dataset a: file is .+; expected is one path")
            for file in ('"/etc/passwd"', '"../a.csv"', '"a/../../b.csv"', '["a.csv", "b.csv"]', '"a**.csv"', '"~/a"')
        ),
        (CITY + SET + TARGET.replace("SCHOOL", "SCHOL"), r'Facility\.kind: "SCHOL" is none of SCHOOL, '),
        (
            CITY + SET + TARGET + 'status = { from = "s", codes = { a = "THERE" } }\n',
            r'Facility\.status: "THERE" is none of EXISTING, PLANNED',
        ),
        (CITY + SET + TARGET + 'name = { attribute = "label" }\n', "it looks at label, which this entry does"),
        (CITY + SET + TARGET + "expect = [2]\n", r"expect is \[2\]; expected is \[least, most\]"),
        (CITY + SET + TARGET + 'within = "Moon"\n', r'within is "Moon"; it names no entity'),
        (CITY + SET + TARGET + 'when = { a = 3 }\n', r"a is 3; expected is true, false, a text or texts"),
        (CITY + SET + TARGET + SET + TARGET, r"x\.toml: two data sets have the key a"),
        (
            CITY + '[precedence]\nFacility = ["b"]\n' + SET + TARGET,
            r"precedence\.Facility: it lists b; the data sets that describe Facility are a",
        ),
        (CITY + '[precedence]\nThing = ["b"]\n' + SET + TARGET, r'precedence\.Thing: there is no entity "Thing"'),
        (CITY + 'code_lists = ["no.toml"]\n' + SET + TARGET, r"no\.toml: there is no such file beside"),
    ],
)  # fmt: skip
def test_a_mistake_is_said_with_its_file_and_entry(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(BadRequest, match=said):
        catalogue(written(tmp_path, text))


def test_an_unknown_city_lists_the_known_ones() -> None:
    with pytest.raises(
        BadRequest, match=r'no catalogue "atlantis"; there are delft, liechtenstein, sample, sofia'
    ):
        catalogue("atlantis")


def test_an_unknown_data_set_lists_the_known_ones() -> None:
    with pytest.raises(BadRequest, match='no data set "moon"; there are sofia-districts, '):
        catalogue("sofia").dataset("moon")


def test_a_data_set_of_several_entities_reads_its_file_once_for_each_selection(tmp_path: Path) -> None:
    read = '[[dataset.read]]\noptions = { lonlat = ["x", "y"] }\n'
    text = CITY + SET + read + TARGET.replace("dataset.", "dataset.read.") + read
    text += '[dataset.read.Site]\nkind = { value = "OUTLET" }\n'
    found = catalogue(written(tmp_path, text)).dataset("a")
    assert [[target.entity.name for target in one.targets] for one in found.reads] == [["Facility"], ["Site"]]
    assert found.reads[0].claimed == {"x", "y"}
    assert found.formats == "tabular"


#: what a load runs through
LOADING = (
    "businesses", "checks", "mapping", "merge", "notices", "packing", "preparation", "provenance", "published",
    "quality", "reading", "report", "run", "staging", "whereabouts",
)  # fmt: skip


@pytest.mark.parametrize("module", LOADING)
def test_loading_knows_no_city(module: str) -> None:
    text = (FOLDER.parent / f"{module}.py").read_text(encoding="utf-8").lower()
    for name in ("sofia", "софия", "liechtenstein"):
        assert name not in text
