"""Excel workbooks: small new ones written here by hand, old ones among the real files."""

from __future__ import annotations

import datetime as dt
import zipfile
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import pytest

from loaders.formats import BATCH_SIZE, Batch, FileFault, open_layer

MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
LINKS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"


def workbook(path: Path, **sheets: list[list[Any]]) -> Path:
    """Write a workbook: texts, numbers, truths, dates and empty cells, all in the fewest parts."""
    names = list(sheets)
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(
            "[Content_Types].xml",
            f'<Types xmlns="{PACKAGE}/content-types">'
            '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            '<Default Extension="xml" ContentType="application/xml"/></Types>',
        )
        file.writestr("_rels/.rels", relations(("officeDocument", "xl/workbook.xml")))
        file.writestr(
            "xl/workbook.xml",
            f'<workbook {MAIN} xmlns:r="{LINKS}"><sheets>'
            + "".join(f'<sheet name="{name}" sheetId="{n}" r:id="r{n}"/>' for n, name in enumerate(names, 1))
            + "</sheets></workbook>",
        )
        file.writestr(
            "xl/_rels/workbook.xml.rels",
            relations(
                *(("worksheet", f"worksheets/{n}.xml") for n in range(1, len(names) + 1)),
                ("styles", "styles.xml"),
            ),
        )
        file.writestr(
            "xl/styles.xml",
            f'<styleSheet {MAIN}><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs></styleSheet>',
        )
        for n, rows in enumerate(sheets.values(), start=1):
            body = "".join(
                f'<row r="{r}">{"".join(cell(r, c, value) for c, value in enumerate(row))}</row>'
                for r, row in enumerate(rows, start=1)
            )
            file.writestr(
                f"xl/worksheets/{n}.xml", f"<worksheet {MAIN}><sheetData>{body}</sheetData></worksheet>"
            )
    return path


def relations(*parts: tuple[str, str]) -> str:
    inner = "".join(
        f'<Relationship Id="r{n}" Type="{LINKS}/{kind}" Target="{target}"/>'
        for n, (kind, target) in enumerate(parts, 1)
    )
    return f'<Relationships xmlns="{PACKAGE}/relationships">{inner}</Relationships>'


def cell(row: int, column: int, value: Any) -> str:
    at = f'r="{chr(65 + column)}{row}"'
    if value is None:
        return ""
    if isinstance(value, bool):
        return f'<c {at} t="b"><v>{int(value)}</v></c>'
    if isinstance(value, dt.date):
        return f'<c {at} s="1"><v>{(value - dt.date(1899, 12, 30)).days}</v></c>'
    if isinstance(value, int | float):
        return f"<c {at}><v>{value}</v></c>"
    return f'<c {at} t="inlineStr"><is><t xml:space="preserve">{escape(value)}</t></is></c>'


def read(path: Path, **options: Any) -> Batch:
    with open_layer(path, "excel", **options) as layer:
        assert layer.crs is None
        [batch] = layer.batches
        assert tuple(batch.columns) == layer.columns
    return batch


def test_texts_keep_their_zeros_and_numbers_their_kind(tmp_path: Path) -> None:
    file = workbook(
        tmp_path / "a.xlsx",
        Лист1=[
            ["ekatte", "name", "дял", "open", "since"],
            ["00014", " Абланица ", 2.5, True, dt.date(2014, 4, 29)],
            [14, None, 3.0],
        ],
    )
    batch = read(file)
    assert batch.columns == {
        "ekatte": ["00014", 14],
        "name": [" Абланица ", None],
        "дял": [2.5, 3],
        "open": [True, None],
        "since": [dt.date(2014, 4, 29), None],
    }
    assert type(batch.columns["дял"][1]) is int
    assert batch.positions == ["row 2", "row 3"]
    assert batch.geometry is None


def test_captions_are_passed_over_and_empty_rows_keep_the_count(tmp_path: Path) -> None:
    file = workbook(
        tmp_path / "a.xlsx", s=[[], ["Списък към 2014 г."], ["code", "name"], [None, None], ["01", "а"]]
    )
    batch = read(file, skip_lines=2)
    assert batch.columns == {"code": ["01"], "name": ["а"]}
    assert batch.positions == ["row 5"]


def test_repeated_and_missing_names_get_a_number(tmp_path: Path) -> None:
    batch = read(workbook(tmp_path / "a.xlsx", s=[["a", None, "a", None], [1, 2, 3, 4]]))
    assert batch.columns == {"a": [1], "column_2": [2], "a_2": [3]}
    assert [(each.position, each.rule) for each in batch.problems] == [
        ("row 1", "duplicate-column"),
        ("row 2", "ragged-line"),
    ]


def test_points_come_from_two_columns(tmp_path: Path) -> None:
    batch = read(workbook(tmp_path / "a.xlsx", s=[["x", "y"], [23.3, "42.7"]]), lonlat=["x", "y"])
    assert batch.geometry is not None
    assert (batch.geometry[0].x, batch.geometry[0].y) == (23.3, 42.7)


def test_one_of_several_sheets_is_asked_for(tmp_path: Path) -> None:
    file = workbook(tmp_path / "a.xlsx", райони=[["a"], [1]], общини=[["b"], [2]], празен=[])
    with pytest.raises(FileFault, match="it has several sheets; say sheet = one of райони, общини, празен"):
        read(file)
    with pytest.raises(FileFault, match="it has no sheet 'x'; it has райони, общини, празен"):
        read(file, sheet="x")
    assert read(file, sheet="общини").columns == {"b": [2]}
    # A sheet that is empty is no choice.
    assert read(workbook(file, райони=[["a"], [1]], празен=[])).columns == {"a": [1]}


def test_many_rows_come_in_batches(tmp_path: Path) -> None:
    file = workbook(tmp_path / "a.xlsx", s=[["n"], *([n] for n in range(BATCH_SIZE + 5))])
    with open_layer(file, "excel") as layer:
        lots = list(layer.batches)
    assert [len(lot) for lot in lots] == [BATCH_SIZE, 5]
    assert lots[1].positions[-1] == f"row {BATCH_SIZE + 6}"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a,b\n1,2\n", "this is plain text; wanted is an Excel workbook"),
        (b"PK\x03\x04 and nothing more", r"the workbook is damaged .*; wanted is an Excel workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "the workbook is damaged"),
    ],
)
def test_what_is_no_workbook_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    file = tmp_path / "a.xls"
    file.write_bytes(content)
    with pytest.raises(FileFault, match=said):
        read(file)


def test_a_workbook_that_would_take_all_memory_is_refused(tmp_path: Path) -> None:
    file = workbook(tmp_path / "a.xlsx", s=[["a"], [1]])
    content = {name: zipfile.ZipFile(file).read(name) for name in zipfile.ZipFile(file).namelist()}
    sheet = (
        content["xl/worksheets/1.xml"].replace(b'r="2"', b'r="1048576"').replace(b'r="A2"', b'r="XFD1048576"')
    )
    with zipfile.ZipFile(file, "w") as changed:
        for name, part in {**content, "xl/worksheets/1.xml": sheet}.items():
            changed.writestr(name, part)
    with pytest.raises(FileFault, match="damaged or far too large"):
        read(file)


def test_a_sheet_without_a_header_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileFault, match="there is no header row"):
        read(workbook(tmp_path / "a.xlsx", s=[["a"]]), skip_lines=1)


def test_a_fault_of_the_caller_is_not_taken_for_the_files(tmp_path: Path) -> None:
    file = workbook(tmp_path / "a.xlsx", s=[["a"], [1]])
    with pytest.raises(OSError, match="disk full"), open_layer(file, "excel"):
        raise OSError("disk full")


@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "records", "first"),
    [
        # Its first record is a caption in the form of a record.
        ("Ek_atte", 5267, {"ekatte": "00000", "name": "Състояние към: 29.04.2014 г.", "oblast": None}),
        ("Ek_obst", 264, {"obstina": "VAR01", "ekatte": "00084", "name": "Аврен"}),
        ("Ek_raion", 35, {"raion": "10135-01", "name": "Одесос", "category": None}),
        ("Sof_rai", 37, {"ekatte": "00357", "name": "Нови Искър", "raion": "68134-21"}),
    ],
)
def test_the_published_classifiers_are_read(
    real_data: Path, name: str, records: int, first: dict[str, Any]
) -> None:
    with open_layer(real_data / f"sofia/classifiers/{name}.xls", "excel") as layer:
        batches = list(layer.batches)
    assert sum(map(len, batches)) == records
    assert {column: batches[0].columns[column][0] for column in first} == first
    assert [problem for batch in batches for problem in batch.problems] == []
