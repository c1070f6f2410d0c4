"""The Commercial Register day by day: whatever comes when and how often, the twin ends up with the same."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import loaders.opening
from loaders.formats import register_xml
from loaders.formats.apart import Apart
from loaders.report import Status
from tests.loaders.deeds import (
    ONE,
    THREE,
    TWO,
    branch,
    deed,
    everything,
    export,
    field,
    seat,
    whole,
)
from tests.loaders.town import LoadTown
from twin.errors import BadRequest
from twin.identifiers import is_eik

#: the number of a branch of the business ONE
BRANCH = next(number for tail in range(10_000) if is_eik(number := f"{ONE}{tail:04}"))
#: invented, and valid by date and check digit
EGN = "7501020018"

BUSINESSES = (
    "SELECT key, legal_name, legal_name_latin, legal_name_folded, legal_form, status, proceedings, activity,"
    " activity_edition, activity_edition_basis, natural_person_like, registered_on::text, valid_to::text,"
    " sources FROM business ORDER BY key"
)
SITES = (
    "SELECT key, kind, business, eik, name, name_latin, name_folded, address_text, match_key, district_hint,"
    " district, sources FROM site ORDER BY key"
)


def load_days(town: LoadTown, *commands: Sequence[str]) -> None:
    """Load some days with each command; what an earlier one loaded is no longer in the folder."""
    for number, days in enumerate(commands):
        for old in (town.folder / "data").glob("*.xml"):
            old.unlink()
        for place, day in enumerate(days):
            town.write(f"{number}-{place}.xml", day)
        assert town.load("register").exit_code == 0


def state(town: LoadTown) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
    return town.rows(BUSINESSES), town.rows(SITES)


def forget_all(town: LoadTown) -> None:
    with town.connect() as connection:
        connection.execute(
            "TRUNCATE business, site, record, business_history, site_history, link, link_history, notice"
        )


DAYS = st.sampled_from(["2021-01-05", "2022-02-05", "2023-03-05", "2024-04-05"])
OPERATIONS = st.sampled_from(["Add", "Add", "Add", "Current", "Erase"])
NAMES = st.sampled_from(["АЛФА", "БЕТА - в ликвидация", "ГАМА", ""])
STREETS = st.sampled_from(["ул. Първа", "ул. Втора", "бул. Трети"])
RECORDS = st.sampled_from(['RecordID="3"', 'RecordID="12"', ""])


@st.composite
def main_fields(draw: st.DrawFn) -> list[str]:
    """Some fields of a deed's main part."""
    made = []
    for element in draw(st.lists(st.sampled_from(["Company", "Transliteration", "LegalForm"]), max_size=3)):
        made.append(field(element, draw(NAMES), draw(DAYS), draw(OPERATIONS), draw(RECORDS)))
    for _ in range(draw(st.integers(0, 2))):
        made.append(seat(draw(STREETS), draw(DAYS), draw(OPERATIONS)))
    if draw(st.booleans()):
        code = draw(st.sampled_from(["4711", "5540", "6201"]))
        made.append(
            field(
                "SubjectOfActivityNKID", "", draw(DAYS), draw(OPERATIONS), f'codeNkid="{code}" textNkid="x"'
            )
        )
    if draw(st.booleans()):
        made.append(field("AddemptionOfTrader", "1", draw(DAYS), draw(OPERATIONS)))
    return made


@st.composite
def branches(draw: st.DrawFn) -> str:
    """Some fields of a branch."""
    made = []
    if draw(st.booleans()):
        made.append(seat(draw(STREETS), draw(DAYS), draw(OPERATIONS)).replace("Seat", "BranchSeat"))
    if draw(st.booleans()):
        made.append(field("BranchFirm", draw(NAMES), draw(DAYS), draw(OPERATIONS)))
    if draw(st.booleans()):
        made.append(field("BranchClosure", "1", draw(DAYS), draw(OPERATIONS)))
    return branch("0001", *made) if made else ""


DEEDS = st.builds(
    lambda uic, fields, part, form, status: deed(uic, *fields, branches=part, form=form, status=status),
    st.sampled_from([ONE, TWO]),
    main_fields(),
    branches(),
    st.sampled_from(["EOOD"] * 6 + ["OOD", "ET"]),
    st.sampled_from("NNEC"),
)
FILES = st.lists(
    st.lists(DEEDS, min_size=1, max_size=4).map(lambda made: export(*made)), min_size=2, max_size=5
)


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(days=FILES, seed=st.integers(0, 2**16))
def test_the_order_of_files_and_commands_and_their_repetition_change_nothing(
    register: LoadTown, days: list[str], seed: int
) -> None:
    if not (register.folder / f"{register.name}.toml").exists():
        register.load("d")
    forget_all(register)
    load_days(register, days)
    together = state(register)
    forget_all(register)
    mixed = random.Random(seed)
    shuffled = mixed.sample(days, len(days)) + mixed.sample(days, 1)
    cut = mixed.randint(1, len(shuffled))
    load_days(register, *filter(None, [shuffled[:cut], shuffled[cut:]]))
    assert state(register) == together


def test_each_field_has_a_version_of_its_own(register: LoadTown) -> None:
    older = deed(ONE, field("Company", "СТАРА", "2020-01-02"), seat("ул. Нова", "2023-01-02"))
    newer = deed(ONE, field("Company", "НОВА", "2022-01-02"), seat("ул. Стара", "2021-01-02", "Current"))
    load_days(register, [export(newer)], [export(older)])
    assert register.rows("SELECT b.legal_name, s.address_text FROM business AS b JOIN site AS s ON true") == [
        ("НОВА", "гр. София, ул. Нова № 5")
    ]


def test_a_change_of_name_reaches_the_seat(register: LoadTown) -> None:
    load_days(
        register,
        [export(whole(ONE, "СТАРА", "ул. Шипка", "2020-01-02"))],
        [export(deed(ONE, field("Company", "НОВА", "2022-01-02")))],
    )
    assert register.rows("SELECT name, name_latin, address_text FROM site") == [
        ("НОВА", "NOVA", "гр. София, ул. Шипка № 5")
    ]
    assert register.rows("SELECT name FROM site_history") == [("СТАРА",)]


def test_what_a_day_does_not_mention_stays(register: LoadTown) -> None:
    load_days(register, [export(whole(ONE, "ПЪРВА", "ул. Шипка", "2020-01-02"))])
    before = state(register)
    report_of_nothing_new = [export(deed(ONE, field("Managers", "", "2020-01-02")))]
    load_days(register, report_of_nothing_new, [export(whole(TWO, "ВТОРА", "ул. Шипка", "2020-01-02"))])
    assert register.rows("SELECT key FROM business ORDER BY key") == [(ONE,), (TWO,)]
    assert all(row in state(register)[0] for row in before[0])


def test_the_same_day_again_writes_no_row(register: LoadTown) -> None:
    days = [
        export(
            whole(ONE, "ПЪРВА", "ул. Шипка", "2020-01-02"), deed(ONE, field("Company", "ИНА", "2021-01-02"))
        ),
        export(deed(ONE, seat("ул. Шипка", "2022-01-02", "Erase"), form="ET")),
    ]
    load_days(register, days)
    before = register.versions()
    assert register.load("register")["register"].status is Status.UNCHANGED
    assert register.versions() == before


def test_a_branch_is_a_site_until_it_is_closed(register: LoadTown) -> None:
    opened = branch(
        "0001",
        seat("ул. Шипка", "2020-01-02").replace("Seat", "BranchSeat"),
        field("BranchFirm", "КЛОН ПЛОВДИВ", "2020-01-02"),
        field("BranchIdentifier", BRANCH, "2020-01-02"),
    )
    register.load("d")
    load_days(register, [export(deed(ONE, field("Company", "ПЪРВА", "2020-01-02"), branches=opened))])
    assert register.rows(
        "SELECT key, kind, business, eik, name, address_text, district FROM site WHERE kind = 'BRANCH'"
    ) == [
        (
            f"{ONE}-branch-0001", "BRANCH", ONE, BRANCH, "КЛОН ПЛОВДИВ", "гр. София, ул. Шипка № 5", "68134-09",
        )
    ]  # fmt: skip
    closed = branch("0001", field("BranchClosure", "1", "2024-01-02"))
    load_days(register, [export(deed(ONE, branches=closed))])
    assert register.rows("SELECT key FROM site WHERE kind = 'BRANCH'") == []
    assert register.rows("SELECT name FROM site_history WHERE kind = 'BRANCH'") == [("КЛОН ПЛОВДИВ",)]


def test_wrong_numbers_of_branches_and_settlements_are_left_empty_and_said(register: LoadTown) -> None:
    wrong = branch(
        "0001",
        field("BranchFirm", "КЛОН", "2020-01-02"),
        field("BranchIdentifier", f"{TWO}0013", "2020-01-02"),
    )
    place = seat("ул. Шипка", "2020-01-02").replace("68134-09", "68135-09")
    load_days(register, [export(deed(ONE, place, branches=wrong))])
    assert register.rows("SELECT key, eik, district_hint FROM site ORDER BY key") == [
        (f"{ONE}-branch-0001", None, None),
        (f"{ONE}-seat", None, None),
    ]
    assert register.rows("SELECT rule, position, field, value FROM notice ORDER BY rule") == [
        ("bad-identifier", "deed 1, branch 0001", "branch_identifier", f"branch_identifier {TWO}0013"),
        ("bad-settlement-code", "deed 1", "seat.area_ekatte", "seat.area_ekatte 68135-09"),
    ]


@pytest.mark.parametrize(
    ("more", "name", "expected"),
    [
        ('LiquidationOrInsolvency="Insolvency"', "ПЪРВА", "INSOLVENCY"),
        ("", 'ПЪРВА" - в ликвидация', "LIQUIDATION"),
        ("", "ПЪРВА В ЛИКВИДАЦИЯ НА ЩЕТИ", None),
    ],
)
def test_proceedings_are_said_by_the_deed_or_its_name(
    register: LoadTown, more: str, name: str, expected: str | None
) -> None:
    name = name.replace('"', "&quot;")
    load_days(register, [export(deed(ONE, field("Company", name, "2020-01-02"), more=more))])
    assert register.rows("SELECT proceedings FROM business") == [(expected,)]


def test_a_business_struck_off_keeps_its_seat_and_says_since_when(register: LoadTown) -> None:
    load_days(
        register,
        [export(whole(ONE, "ПЪРВА", "ул. Шипка", "2020-01-02"))],
        [export(deed(ONE, field("AddemptionOfTrader", "1", "2024-01-02"), status="C"))],
    )
    assert register.rows(
        "SELECT b.status, b.valid_to::text, s.address_text FROM business AS b JOIN site AS s ON s.business = b.key"
    ) == [("C", "2024-01-02", "гр. София, ул. Шипка № 5")]


@pytest.mark.parametrize(
    ("code", "text", "day", "expected"),
    [
        ("5610", "x", "2020-01-02", ("KID_2008", "DATE")),
        ("3410", "x", "2020-01-02", ("NKID_2003", "CODE")),
        ("6201", "КОМПЮТЪРНО ПРОГРАМИРАНЕ", "2020-01-02", ("KID_2008", "TEXT")),
        ("5540", "КАФЕ-АПЕРИТИВ", "2011-04-05", (None, None)),
        ("5610", "x", "2025-06-30", (None, None)),
        ("56.10", "x", "2020-01-02", (None, None)),
    ],
)
def test_the_edition_of_an_activity_is_told_where_it_is_certain(
    register: LoadTown, code: str, text: str, day: str, expected: tuple[str | None, str | None]
) -> None:
    activity = field("SubjectOfActivityNKID", "", day, more=f'codeNkid="{code}" textNkid="{text}"')
    load_days(register, [export(deed(ONE, activity))])
    assert register.rows("SELECT activity, activity_edition, activity_edition_basis FROM business") == [
        (code, *expected)
    ]


def test_an_edition_that_is_not_certain_is_said(register: LoadTown) -> None:
    activity = field(
        "SubjectOfActivityNKID", "", "2011-04-05", more='codeNkid="5540" textNkid="КАФЕ-АПЕРИТИВ"'
    )
    load_days(register, [export(deed(ONE, activity))])
    [(_, position, column, value, _, _)] = register.notices("unknown-edition")
    assert (position, column, value) == ("deed 1", "activity_code", "activity_code 5540")


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("ЕООД", ("EOOD", False, "ИМЕ")), ("10", ("EOOD", False, "ИМЕ")), ("EOOD", ("EOOD", False, "ИМЕ")),
        ("Еднолично дружество с ограничена отговорност", ("EOOD", False, "ИМЕ")),
        # typed on two keyboards
        ("E\u0422", ("ET", True, None)), ("Едноличен търговец", ("ET", True, None)), ("1", ("ET", True, None)),
        # whoever that is, it may be a person
        ("ZZ", (None, None, None)), ("", (None, None, None)),
    ],
)  # fmt: skip
def test_every_edition_of_a_legal_form_is_one_code(
    register: LoadTown, form: str, expected: tuple[str | None, bool | None, str | None]
) -> None:
    load_days(register, [export(deed(ONE, field("Company", "ИМЕ", "2020-01-02"), form=form))])
    assert register.rows("SELECT legal_form, natural_person_like, legal_name FROM business") == [expected]


def test_versions_need_a_data_set_of_changes(register: LoadTown) -> None:
    register.entries = [entry.replace('mode = "delta"\n', "") for entry in register.entries]
    with pytest.raises(BadRequest, match='versions, which only changes have: mode = "delta"'):
        register.load()


ERASED_NAME, ERASED_STREET = "ЗАЛИЧЕНА", "ул. Заличена"
ADDED = export(
    deed(
        ONE, field("Company", ERASED_NAME, "2020-01-02"), field("LegalForm", "", "2020-01-02"),
        seat(ERASED_STREET, "2020-01-02"), field("Transliteration", "ZALICHENA", "2020-01-02"),
        branches=branch("0001", seat(ERASED_STREET, "2020-01-02").replace("Seat", "BranchSeat")),
    )
)  # fmt: skip
CHANGED = export(
    deed(ONE, field("Company", "ДРУГА", "2021-01-02"), seat("ул. Друга", "2021-01-02")),
    deed(ONE, branches=branch("0001", seat("ул. Друга", "2021-01-02").replace("Seat", "BranchSeat"))),
)
ERASING = export(
    deed(
        ONE, field("Company", "", "2024-05-05", "Erase"), seat("", "2024-05-05", "Erase"),
        field("Transliteration", "", "2024-05-05", "Erase"),
        branches=branch("0001", seat("", "2024-05-05", "Erase").replace("Seat", "BranchSeat")),
    )
)  # fmt: skip


@pytest.mark.parametrize(
    "commands",
    [
        [[ADDED, ERASING]],
        [[ADDED], [ERASING]],
        [[ERASING], [ADDED]],
        [[ADDED], [CHANGED], [ERASING]],
        [[ADDED], [CHANGED, ERASING]],
        [[ADDED], [ERASING], [CHANGED], [ADDED]],
    ],
    ids=["together", "later", "before", "after a change", "with a change", "before a change"],
)
def test_what_is_erased_is_nowhere_any_more(register: LoadTown, commands: list[list[str]]) -> None:
    point = "23.32,42.69"
    register.write("a.csv", f"id,street,number,lon,lat\n1,{ERASED_STREET},5,{point}\n")
    register.describe(
        'key = "a"\nformat = "tabular"\nfile = "a.csv"\noptions = { lonlat = ["lon", "lat"] }\n'
        'ignore = ["street", "number"]\n'
        '[dataset.Address]\nkey = { from = "id", prefix = "house-" }\ntext = "id"\n'
        'match_key = { address = { street = "street", number = "number" }, settlement = "София" }\n'
        'position = "geometry"\n'
    )
    register.load("d", "a")
    load_days(register, *commands)
    assert register.rows("SELECT match_key FROM address") == [("sofia|zalichena|5#",)]
    register.rows("UPDATE address SET match_key = NULL RETURNING key")
    # what the addresses themselves told stays in the gazetteer
    register.rows("DELETE FROM gazetteer WHERE entity = 'Address' RETURNING 1")
    held = everything(register)
    for secret in ("ЗАЛИЧЕНА", "Заличена", "zalichena", "ZALICHENA"):
        assert secret not in held
    assert register.rows("SELECT subject_key FROM link WHERE object_key = 'house-1'") == []
    assert register.rows("SELECT subject_key FROM link_history WHERE object_key = 'house-1'") == []
    for table in ("site", "site_history"):
        assert register.rows(f"SELECT address FROM {table} WHERE address = 'house-1'") == []


def test_a_day_without_changes_is_loaded_as_such(register: LoadTown) -> None:
    load_days(register, [export(whole(ONE, "ПЪРВА", "ул. Шипка", "2020-01-02")), export()])
    assert register.rows("SELECT key FROM business") == [(ONE,)]
    assert register.notices("no-changes") == [
        ("0-1.xml", None, None, None, "There is no change in the file. It was loaded as that.", 1)
    ]
    load_days(register, [export()])
    assert register.rows("SELECT key FROM business") == [(ONE,)]
    assert register.load("register", again=False)["register"].known == 1


WRONG = f"{TWO}0013"
SAYS_WRONG = export(
    deed(ONE, field("Company", "ПЪРВА", "2020-01-02"), form="ZZ"),
    deed(
        ONE,
        branches=branch(
            "0001",
            field("BranchIdentifier", WRONG, "2020-01-02"),
            field("BranchFirm", "КЛОН", "2020-01-02"),
        ),
    ),
)
ERASES_WRONG = export(
    deed(ONE, branches=branch("0001", field("BranchIdentifier", "", "2024-01-02", "Erase")))
)
OTHER = export(deed(TWO, field("Company", "ДРУГА", "2020-01-02")))


@pytest.mark.parametrize("files_at_once", [1, 100])
@pytest.mark.parametrize(
    ("days", "quoted"),
    [
        ([SAYS_WRONG, OTHER], True),
        ([SAYS_WRONG, ERASES_WRONG], False),
        ([ERASES_WRONG, SAYS_WRONG], False),
        # a sole trader's branch
        ([SAYS_WRONG, export(deed(ONE, field("LegalForm", "", "2021-01-02"), form="ET"))], False),
    ],
    ids=["held", "later", "before", "a person's"],
)
def test_no_notice_quotes_what_is_erased(
    register: LoadTown, monkeypatch: pytest.MonkeyPatch, days: list[str], quoted: bool, files_at_once: int
) -> None:
    monkeypatch.setattr(loaders.opening, "BATCH_FILES", files_at_once)
    register.load("d")
    load_days(register, days)
    [(_, position, column, value, message, count)] = register.notices("bad-identifier")
    assert (position, column, count) == ("deed 2, branch 0001", "branch_identifier", 1)
    assert (WRONG in everything(register)) is quoted
    if not quoted:
        assert value is None
        assert message == (
            "An identifier fails its form or its check digit. What it was about has been erased since."
        )
    # a code that no list has is about the code
    [(_, _, column, value, _, _)] = register.notices("unknown-code")
    assert (column, value) == ("legal_form", "ZZ")


def test_an_erasure_does_not_stop_a_later_entry(register: LoadTown) -> None:
    later = export(deed(ONE, field("Company", "ПОСЛЕДНА", "2025-01-02"), seat("ул. Последна", "2025-01-02")))
    load_days(register, [later], [ADDED], [ERASING])
    assert register.rows("SELECT legal_name FROM business") == [("ПОСЛЕДНА",)]
    assert register.rows("SELECT address_text FROM site WHERE kind = 'SEAT'") == [
        ("гр. София, ул. Последна № 5",)
    ]


PERSONS = f"""
<Managers FieldIdent="00070" FieldActionDate="2020-01-02" FieldEntryNumber="1"><Manager RecordID="1"><Person>
<Indent>{EGN}</Indent><Name>ОТРОВЕН ОТРОВЕНОВ</Name><IndentType>EGN</IndentType></Person></Manager></Managers>
<Partners FieldIdent="00190"><Partner><Subject><Indent>{"AB" * 32}</Indent><Name>ОТРОВЕН</Name></Subject></Partner>
</Partners><SubjectOfActivity FieldActionDate="2020-01-02">Пише на ОТРОВЕН, ЕГН {EGN}</SubjectOfActivity>
<SeatForCorrespondence><Address><Street>ул. ОТРОВНА</Street></Address></SeatForCorrespondence>
<CessationOfTrade FieldActionDate="2020-01-02">ОТРОВЕН {EGN}</CessationOfTrade>"""


def poisoned(text: str) -> str:
    """A seat with personal numbers in what somebody typed, and somebody's telephone."""
    made = seat("ул. Шипка", "2020-01-02")
    made = made.replace("ул. Шипка", f"ул. Шипка, {text}").replace(
        "<StreetNumber>5<", f"<StreetNumber>5 {text}<"
    )
    contacts = (
        f"<Contacts><Phone>0888-0888-{EGN}</Phone><EMail>otroven@example.invalid</EMail></Contacts></Seat>"
    )
    return made.replace("</Seat>", contacts)


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (f"на {EGN}", EGN),
        ("ЕГН 1234567890", "1234567890"),
        ("ЛНЧ 1001001001", "1001001001"),
        ("л.к. № 641234567", "641234567"),
    ],
)
@pytest.mark.parametrize("form", ["EOOD", "ET"])
def test_no_persons_data_of_a_whole_register_is_anywhere_in_the_database(
    register: LoadTown, text: str, secret: str, form: str
) -> None:
    name = f"ФИРМА НА {text}"
    part = branch(
        "0001",
        poisoned(text).replace("Seat", "BranchSeat"),
        field("BranchFirm", f"{name}", "2020-01-02"),
        f"<BranchManagers FieldActionDate='2020-01-02'><BranchManager>{PERSONS}</BranchManager></BranchManagers>",
    )
    made = [
        deed(uic, field("Company", name, "2020-01-02"), field("Transliteration", name, "2020-01-02"), poisoned(text),
             PERSONS, branches=part, form=form, more=f'CompanyName="{name}" GUID="ОТРОВЕН"')
        for uic in (ONE, TWO, THREE, EGN)
    ]  # fmt: skip
    load_days(register, [export(*made)], [export(made[0], made[1])])
    held = everything(register)
    assert ONE in held
    for poison in (secret, EGN, "ОТРОВ", "отров", "otrov", "OTROV", "ABABAB", "0888-0888"):
        assert poison not in held
    told = register.rows(
        "SELECT field, sum(occurrences) FROM notice WHERE rule = 'personal-number' GROUP BY 1"
    )
    assert {name for name, _ in told} >= {"company", "seat.street", "branch_firm"}


def test_a_branch_of_what_becomes_a_sole_trader_is_a_persons_too(register: LoadTown) -> None:
    part = branch("0001", seat("ул. Тайна", "2020-01-02").replace("Seat", "BranchSeat"),
                  field("BranchFirm", "ТАЙНА", "2020-01-02"))  # fmt: skip
    company = export(deed(ONE, branches=part))
    trader = export(deed(ONE, field("LegalForm", "", "2021-01-02"), form="ET"))
    register.load("d")
    for commands in ([[company], [trader]], [[trader], [company]], [[company], [trader], [company]]):
        forget_all(register)
        load_days(register, *commands)
        assert register.rows(
            "SELECT name, address_text, match_key, district_hint FROM site WHERE kind = 'BRANCH'"
        ) == [(None, None, None, "68134-09")]
        held = everything(register)
        for secret in ("Тайна", "ТАЙНА", "taina"):
            assert secret not in held


@pytest.fixture
def apart(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What processes did for large files, of which every one is large now; at the end none of them is left."""
    done: list[str] = []
    left: list[Apart] = []

    class Told(Apart):
        def begin(self) -> None:
            done.append(f"begin {self._path.name}")
            left.append(self)
            super().begin()

        def __exit__(self, *error: object) -> None:
            done.append(f"end {self._path.name}")
            super().__exit__(*error)

    monkeypatch.setattr(register_xml, "Apart", Told)
    monkeypatch.setattr(register_xml, "_LARGE_FILE_BYTES", 0)
    yield done
    assert [one._path.name for one in left if one._process] == []


def test_large_files_are_read_ahead_to_the_same_end(
    register: LoadTown, request: pytest.FixtureRequest
) -> None:
    register.load("d")
    days = [ADDED, export(deed(TWO, seat("ул. Шипка", "2020-01-02"))), ERASING, export(deed(THREE))]
    load_days(register, days)
    expected = state(register)
    assert [key for key, *_ in expected[0]] == sorted([ONE, TWO, THREE])
    forget_all(register)
    done = request.getfixturevalue("apart")
    load_days(register, days)
    assert state(register) == expected
    for number in range(3):
        assert done.index(f"begin 0-{number + 1}.xml") < done.index(f"end 0-{number}.xml")


def test_a_large_file_that_is_broken_is_named_in_its_turn(register: LoadTown, apart: list[str]) -> None:
    register.write("1.xml", export(deed(ONE)))
    register.write("2.xml", export(deed(TWO))[:-40])
    register.write("3.xml", "no XML")
    register.write("4.xml", export(deed(THREE)))
    [report] = register.load("register").datasets
    assert "2.xml: the XML is broken or cut off" in (report.failure or "")
    assert "3.xml: this is plain text" in (report.failure or "")
    assert "2 of 4 files were loaded" in (report.failure or "")
    assert register.rows("SELECT key FROM business ORDER BY 1") == [(key,) for key in sorted([ONE, THREE])]
    assert "begin 4.xml" in apart


def test_a_trial_prepares_no_more_than_it_reads(register: LoadTown) -> None:
    register.write("1.xml", export(deed(ONE), deed(TWO, field("Company", f"ФИРМА {EGN}", "2020-01-02"))))
    assert register.load("register", limit=1).exit_code == 0
    assert register.rows("SELECT key FROM business") == [(ONE,)]
    assert register.notices("personal-number") == []
    assert register.load("register").exit_code == 0
    assert len(register.notices("personal-number")) == 1
