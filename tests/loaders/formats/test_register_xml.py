"""The Commercial Register's export: what a firm's record holds, and what must never come out of it."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from loaders.formats import Batch, FileFault, open_layer
from loaders.formats.register_xml import LOT

ENVELOPE = "http://www.registryagency.bg/schemas/envelopev2"
HEAD = f'\ufeff<?xml version="1.0" encoding="utf-8"?>\n<Message xmlns="{ENVELOPE}">'
ENTRY = 'FieldOperation="Add" FieldEntryNumber="20260105120000" FieldActionDate="2026-01-05T12:00:00"'
SEAT = f"""<Seat FieldIdent="00050" {ENTRY}><Address>
    <CountryID>1</CountryID><Country>БЪЛГАРИЯ</Country><District>София (столица)</District>
    <Municipality>Столична</Municipality><MunicipalityEkatte>SOF46</MunicipalityEkatte>
    <SettlementEKATTE>68134</SettlementEKATTE><Settlement>гр. София</Settlement>
    <Area>р-н Възраждане</Area><AreaEkatte>68134-03</AreaEkatte><PostCode>1303</PostCode><HousingEstate/>
    <Street> бул. АЛ. СТАМБОЛИЙСКИ </Street><StreetNumber>101</StreetNumber><Block/><Entrance>А</Entrance>
    <Floor>4</Floor><Apartment xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:nil="true"/>
  </Address><Contacts><Phone>0888123456</Phone><EMail>ivan@example.bg</EMail></Contacts></Seat>"""
PERSONS = f"""<Managers FieldIdent="00070" {ENTRY}><Manager><Person>
    <Indent>7501020018</Indent><Name>ИВАН ПЕТРОВ ИВАНОВ</Name></Person></Manager></Managers>"""


def main_part(*fields: str) -> str:
    return f"""<SubDeed SubUIC="1" SubUICType="MainCircumstances"
        xmlns="http://www.registryagency.bg/schemas/deedv2/Fields">{"".join(fields)}</SubDeed>"""


def deed(
    *parts: str, attributes: str = 'UIC="000695146" CompanyName="Тест" LegalForm="EOOD" DeedStatus="N"'
) -> str:
    return f'<Deed GUID="secret-guid" {attributes} xmlns="http://www.registryagency.bg/schemas/deedv2">{"".join(parts)}</Deed>'


def export(tmp_path: Path, *deeds: str) -> Path:
    file = tmp_path / "20260105.xml"
    file.write_text(f"{HEAD}<Body><Deeds>{''.join(deeds)}</Deeds></Body></Message>", encoding="utf-8")
    return file


def read(file: Path) -> Batch:
    with open_layer(file, "register_xml") as layer:
        [batch] = layer.batches
        assert list(batch.columns) == list(layer.columns)
    return batch


def first(file: Path) -> dict[str, Any]:
    return {name: values[0] for name, values in read(file).columns.items() if values[0] is not None}


def test_a_deed_gives_identifier_name_form_and_status(tmp_path: Path) -> None:
    batch = read(export(tmp_path, deed()))
    assert batch.positions == ["deed 1"]
    assert batch.geometry is None
    assert first(export(tmp_path, deed())) == {
        "uic": "000695146",
        "company_name": "Тест",
        "legal_form": "EOOD",
        "deed_status": "N",
        "version": "",
    }


def test_attributes_are_read_however_their_letters_are_cased(tmp_path: Path) -> None:
    record = first(export(tmp_path, deed(attributes='uic="1" CompanyNAme="Тест" LEGALFORM="ET"')))
    assert record == {"uic": "1", "company_name": "Тест", "legal_form": "ET", "version": ""}


def test_the_seat_comes_part_by_part_with_its_entry(tmp_path: Path) -> None:
    record = first(export(tmp_path, deed(main_part(SEAT))))
    assert {name: value for name, value in record.items() if name.startswith("seat.")} == {
        "seat.settlement": "гр. София",
        "seat.settlement_ekatte": "68134",
        "seat.area_ekatte": "68134-03",
        "seat.street": "бул. АЛ. СТАМБОЛИЙСКИ",
        "seat.street_number": "101",
        "seat.entrance": "А",
        "seat.action_date": "2026-01-05T12:00:00",
        "seat.version": "2026-01-05T12:00:00 20260105120000 000000000000",
        "seat.operation": "Add",
    }


def test_a_liquidators_seat_is_not_the_companys(tmp_path: Path) -> None:
    liquidation = main_part(SEAT).replace("MainCircumstances", "B6_Liquidation")
    assert not any(name.startswith("seat.") for name in first(export(tmp_path, deed(liquidation))))


def branch(sub_uic: str, *fields: str) -> str:
    return (
        main_part(*fields)
        .replace('SubUIC="1"', f'SubUIC="{sub_uic}"')
        .replace("MainCircumstances", "B2_Branch")
    )


def test_each_branch_is_a_record_with_its_own_seat(tmp_path: Path) -> None:
    fields = (
        SEAT.replace("Seat", "BranchSeat"),
        f"<BranchFirm {ENTRY}>Клон</BranchFirm>",
        f"<BranchIdentifier {ENTRY}>0006951460013</BranchIdentifier>",
    )
    closed = f'<BranchClosure {ENTRY} RecordID="7">1</BranchClosure>'
    batch = read(
        export(tmp_path, deed(branch("0001", *fields), main_part(), branch("0006951460002", closed)))
    )
    assert batch.positions == ["deed 1", "deed 1, branch 0001", "deed 1, branch 0002"]
    assert batch.columns["uic"] == ["000695146"] * 3
    assert batch.columns["legal_form"] == ["EOOD"] * 3
    assert batch.columns["branch"] == [None, "0001", "0002"]
    assert batch.columns["branch_firm"] == [None, "Клон", None]
    assert batch.columns["branch_identifier"] == [None, "0006951460013", None]
    assert batch.columns["seat.street"] == [None, "бул. АЛ. СТАМБОЛИЙСКИ", None]
    assert batch.columns["branch_closure.version"][2] == "2026-01-05T12:00:00 20260105120000 000000000007"


def test_a_branch_without_a_number_is_a_problem(tmp_path: Path) -> None:
    batch = read(export(tmp_path, deed(branch("", SEAT.replace("Seat", "BranchSeat")))))
    assert batch.positions == ["deed 1"]
    assert [(each.position, each.rule) for each in batch.problems] == [("deed 1", "branch-without-number")]


def test_a_deed_is_as_old_as_the_latest_entry_of_any_kind(tmp_path: Path) -> None:
    later = PERSONS.replace("2026-01-05", "2026-02-06")
    record = first(export(tmp_path, deed(main_part(SEAT, later))))
    assert record["version"].startswith("2026-02-06T12:00:00")
    assert record["seat.version"].startswith("2026-01-05T12:00:00")


def test_activity_code_and_name_are_attributes(tmp_path: Path) -> None:
    fields = (
        f'<SubjectOfActivityNKID FieldIdent="00061" {ENTRY} codeNkid="0115" textNkid="Тютюн" idNkid=""/>',
        f'<Transliteration FieldIdent="00040" {ENTRY}>TEST</Transliteration>',
    )
    record = first(export(tmp_path, deed(main_part(*fields))))
    assert (record["activity_code"], record["activity_name"]) == ("0115", "Тютюн")
    assert record["transliteration"] == "TEST"
    assert record["activity.operation"] == "Add"


def test_an_erased_field_tells_so(tmp_path: Path) -> None:
    erased = f'<Transliteration FieldIdent="00040" {ENTRY}/>'.replace("Add", "Erase")
    record = first(export(tmp_path, deed(main_part(erased))))
    assert record["transliteration.operation"] == "Erase"
    assert "transliteration" not in record


def test_of_a_field_mentioned_twice_the_latest_entry_counts(tmp_path: Path) -> None:
    old = f"<Transliteration {ENTRY}>OLD</Transliteration>".replace("2026-01-05", "2026-01-04")
    new = f"<Transliteration {ENTRY}>NEW</Transliteration>"
    assert first(export(tmp_path, deed(main_part(new, old))))["transliteration"] == "NEW"
    assert first(export(tmp_path, deed(main_part(old), main_part(new))))["transliteration"] == "NEW"


def test_nothing_about_persons_contacts_or_documents_comes_out(tmp_path: Path) -> None:
    everything = repr(read(export(tmp_path, deed(main_part(SEAT, PERSONS)))))
    for secret in ("ИВАН", "7501020018", "0888123456", "ivan@", "secret-guid"):
        assert secret not in everything


def test_a_long_list_of_partners_is_never_held(tmp_path: Path) -> None:
    partner = f'<Partner RecordID="1"><Subject><Indent>{"7" * 64}</Indent><Name>{"ИМЕ " * 20}</Name></Subject></Partner>'
    partners = f"<Partners {ENTRY}>{partner * 20_000}</Partners>"
    file = export(tmp_path, deed(main_part(SEAT, partners)))
    size = file.stat().st_size
    tracemalloc.start()
    assert len(read(file)) == 1
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size > 5_000_000
    assert peak < 1_000_000


def test_a_deed_without_attributes_is_a_problem(tmp_path: Path) -> None:
    file = export(tmp_path, deed(), "<Deed/>")
    batch = read(file)
    assert batch.columns["uic"] == ["000695146", None]
    assert [(each.position, each.rule) for each in batch.problems] == [("deed 2", "deed-without-attributes")]


def test_an_empty_case_number_called_deed_is_no_problem(tmp_path: Path) -> None:
    field = f"<UIC {ENTRY}><BulstatDeed><Deed/></BulstatDeed></UIC>"
    batch = read(export(tmp_path, deed(main_part(field, SEAT))))
    assert (batch.positions, batch.problems) == (["deed 1"], [])


def test_the_case_number_called_deed_within_a_field_is_no_deed(tmp_path: Path) -> None:
    field = f"<UIC {ENTRY}><BulstatDeed><Deed>123</Deed><Year/></BulstatDeed></UIC>"
    batch = read(export(tmp_path, deed(main_part(field, SEAT)), deed()))
    assert batch.positions == ["deed 1", "deed 2"]
    assert batch.columns["seat.area_ekatte"] == ["68134-03", None]
    assert batch.problems == []


def test_a_large_export_comes_in_batches(tmp_path: Path) -> None:
    file = export(tmp_path, *[deed()] * (LOT + 1))
    with open_layer(file, "register_xml") as layer:
        assert [len(batch) for batch in layer.batches] == [LOT, 1]


@pytest.mark.parametrize("cut", [0, 150])
def test_a_large_export_says_the_same_read_by_another_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cut: int
) -> None:
    deeds = [deed(main_part(SEAT), attributes=f'UIC="{number}"') for number in range(LOT + 1)]
    file = export(tmp_path, *deeds, deed(attributes='CompanyNAme="Тест"'), deed())
    file.write_bytes(file.read_bytes()[: file.stat().st_size - cut])

    def said() -> tuple[list[Batch], str]:
        batches: list[Batch] = []
        try:
            with open_layer(file, "register_xml") as layer:
                batches.extend(layer.batches)
        except FileFault as fault:
            return batches, str(fault)
        return batches, ""

    here = said()
    monkeypatch.setattr("loaders.formats.register_xml._LARGE_FILE_BYTES", 1000)
    assert said() == here
    assert [len(batch) for batch in here[0]] == ([LOT] if cut else [LOT, 3])
    assert bool(here[1]) == bool(cut)


def test_an_export_cut_off_says_how_far_it_could_be_read(tmp_path: Path) -> None:
    file = export(tmp_path, deed(), deed(main_part(SEAT)))
    file.write_bytes(file.read_bytes()[:-150])
    with pytest.raises(FileFault, match=r"20260105\.xml: the XML is broken or cut off after deed 1"):
        read(file)


@pytest.mark.parametrize("body", ["<Body/>", "<Body><Deeds/></Body>"])
def test_a_day_without_deeds_has_no_records(tmp_path: Path, body: str) -> None:
    file = tmp_path / "20260103.xml"
    file.write_text(f'<Message xmlns="urn:e"><Header><Status>OK</Status></Header>{body}</Message>')
    with open_layer(file, "register_xml") as layer:
        assert list(layer.batches) == []
    file.write_text(f"<Message>{body}")
    with pytest.raises(FileFault, match="the XML is broken or cut off after deed 0"):
        read(file)


def test_other_xml_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "feed.xml"
    file.write_text("<?xml version='1.0'?><rss><channel/></rss>")
    with pytest.raises(FileFault, match=r"feed\.xml: there is no deed in it"):
        read(file)
    file.write_text("<!DOCTYPE html><html/>")
    with pytest.raises(FileFault, match="this is a web page; wanted is the Commercial Register's XML export"):
        read(file)


def test_declared_entities_are_refused(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("SECRET")
    file = tmp_path / "x.xml"
    file.write_text(
        f'<?xml version="1.0"?><!DOCTYPE M [<!ENTITY x SYSTEM "{secret.as_uri()}">]>'
        f'<Deeds><Deed UIC="1"><SubDeed SubUICType="MainCircumstances"><Transliteration>&x;</Transliteration>'
        "</SubDeed></Deed></Deeds>"
    )
    with pytest.raises(FileFault, match=r"x\.xml: it declares entities"):
        read(file)
