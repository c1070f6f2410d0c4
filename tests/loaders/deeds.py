"""Deeds for tests, written as the Commercial Register exports them, and a town that loads them."""

from __future__ import annotations

from tests.loaders.town import LoadTown, lonlat
from tests.town import Grid

GRID = Grid("""
    A . . . B
    . a b . .
    . d c p .
    D . . . C
""")
HEAD = """
code_lists = ["codes.toml"]
[tables.legal_forms]
EOOD = "EOOD"
ET = "ET"
OOD = "OOD"
[tables.deed_statuses]
N = "N"
E = "E"
C = "C"
[tables.proceedings]
Liquidation = "LIQUIDATION"
Insolvency = "INSOLVENCY"
"""
REGISTER = """
key = "register"
format = "register_xml"
file = "*.xml"
prepare = "register-deeds"
mode = "delta"
ignore = ["site.*"]
[dataset.Business]
when = { branch = false }
key = { attribute = "eik" }
versions = "versions"
eik = "uic"
legal_name = "legal_name"
legal_name_latin = "legal_name_latin"
legal_form = { from = "legal_form", codes = "legal_forms" }
status = { from = "deed_status", codes = "deed_statuses" }
proceedings = { from = "proceedings", codes = "proceedings" }
activity = "activity_code"
activity_edition = "activity_edition"
activity_edition_basis = "activity_edition_basis"
natural_person_like = "natural_person_like"
registered_on = "registered_on"
valid_to = "struck_off_on"

[dataset.Site]
when = { "site.key" = true }
key = "site.key"
versions = "site.versions"
kind = "site.kind"
business = "site.business"
eik = "site.eik"
name = "site.name"
name_latin = "site.name_latin"
address_text = "site.address"
match_key = { address = { settlement = "site.settlement", street = "site.street", number = "site.street_number" }, settlement = "София" }
district_hint = "site.district"
"""
#: valid numbers: Български пощи, Информационно обслужване, and one with leading zeros
ONE, TWO, THREE = "121396123", "831641791", "000695146"


def field(element: str, body: str, day: str, operation: str = "Add", more: str = "") -> str:
    """A field with its entry, of which the day tells when it was made; `more` are further attributes."""
    entry = f'FieldIdent="1" FieldEntryNumber="{day.replace("-", "")}" FieldActionDate="{day}T10:00:00"'
    return f'<{element} {entry} FieldOperation="{operation}" {more}>{body}</{element}>'


def seat(street: str, day: str, operation: str = "Add") -> str:
    address = (
        "<Settlement>гр. София</Settlement><AreaEkatte>68134-09</AreaEkatte>"
        f"<Street>{street}</Street><StreetNumber>5</StreetNumber><Floor>3</Floor><Apartment>7</Apartment>"
    )
    return field("Seat", f"<Address>{address}</Address>", day, operation)


def branch(number: str, *fields: str) -> str:
    """A part of a deed that is about a branch."""
    return f'<SubDeed SubUIC="{number}" SubUICType="B2_Branch">{"".join(fields)}</SubDeed>'


def deed(
    uic: str, *fields: str, form: str = "EOOD", status: str = "N", branches: str = "", more: str = ""
) -> str:
    """A deed with fields in its main part; `more` are further attributes."""
    return (
        f'<Deed DeedStatus="{status}" UIC="{uic}" LegalForm="{form}" {more}>'
        f'<SubDeed SubUICType="MainCircumstances">{"".join(fields)}</SubDeed>{branches}</Deed>'
    )


def whole(uic: str, name: str, street: str, day: str, form: str = "EOOD") -> str:
    return deed(
        uic,
        field("Company", name, day),
        field("LegalForm", "", day),
        seat(street, day),
        form=form,
    )


def export(*deeds: str) -> str:
    return f"\ufeff<Message><Body><Deeds>{''.join(deeds)}</Deeds></Body></Message>"


def describe_register(town: LoadTown) -> None:
    """Tell a town of the register, and of the one district in which its seats lie."""
    town.head = HEAD
    (town.folder / "codes.toml").write_text(
        '[business_status]\nN = ["Нова", "New"]\nE = ["П", "R"]\nC = ["З", "C"]\nL = ["ПЗ", "RC"]\n'
        '[legal_form]\nEOOD = ["ЕООД", "x"]\nET = ["ЕТ", "x"]\nOOD = ["ООД", "x"]\n',
        encoding="utf-8",
    )
    town.features("d.geojson", ({"code": "68134-09"}, lonlat(GRID["ABCD"])))
    town.describe(
        'key = "d"\nformat = "vector"\nfile = "d.geojson"\ncrs = "EPSG:4326"\n'
        '[dataset.District]\nkey = "code"\ncode = "code"\nboundary = "geometry"\n'
    )
    town.describe(REGISTER)


def everything(town: LoadTown) -> str:
    """All that the city's tables hold, whatever they are."""
    tables = town.rows("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
    return str([town.rows(f'SELECT t::text FROM "{table}" AS t') for (table,) in tables])
