"""The sample's businesses, written as daily exports of the Commercial Register.

They carry what the real export carries, managers and owners included, so that a loader has to leave persons
out here exactly where it has to in reality. Every person is invented, and every identifier of a person is a
counter.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self, TextIO
from xml.sax.saxutils import escape

import numpy as np

from loaders.sample.addresses import Addresses
from loaders.sample.land import DISTRICTS, NOTICE, PUBLISHER, Ints
from loaders.sample.words import company_name, person_names
from twin.identifiers import is_eik
from twin.text import transliterate

DEEDS_PER_FILE = 25_000
TRUTH_HEADER = "eik,seat,address,cadnum\n"
# deeds held at once: a deed is five kilobytes of text
_BATCH = 500

_FIELDS = "http://www.registryagency.bg/schemas/deedv2/Fields"
_HEAD = f"""\ufeff<?xml version="1.0" encoding="utf-8"?>
<Message xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema" \
xmlns="http://www.registryagency.bg/schemas/envelopev2">
<Header>
<MessageDetails><CreateDate>2025-06-30T23:01:45.0000000+03:00</CreateDate><Creator>{PUBLISHER}</Creator>\
<ID>%d</ID><Reason>{NOTICE}</Reason></MessageDetails>
<SenderDetails><Name>{PUBLISHER}</Name><Uri>urn:{PUBLISHER}</Uri></SenderDetails>
<TargetDetails><Name>targetName</Name><Uri>TargetUri</Uri></TargetDetails>
<Status>OK</Status>
</Header>
<Body>
<Deeds>
"""
_TAIL = "</Deeds>\n</Body>\n</Message>\n"


class LegalForm(NamedTuple):
    """A legal form: its id and code in the register, its official text, its share of the businesses."""

    id: int
    code: str
    text: str
    share: float
    suffix: str


LEGAL_FORMS = (
    LegalForm(10, "EOOD", "Еднолично дружество с ограничена отговорност", 0.560, "ЕООД"),
    LegalForm(4, "OOD", "Дружество с ограничена отговорност", 0.255, "ООД"),
    LegalForm(1, "ET", "Едноличен търговец", 0.105, "ЕТ"),
    LegalForm(5, "AD", "Акционерно дружество", 0.022, "АД"),
    LegalForm(11, "EAD", "Еднолично акционерно дружество", 0.014, "ЕАД"),
    LegalForm(24, "SDR", "Сдружение", 0.020, "СДРУЖЕНИЕ"),
    LegalForm(25, "FOND", "Фондация", 0.012, "ФОНДАЦИЯ"),
    LegalForm(2, "SD", "Събирателно дружество", 0.005, "СД"),
    LegalForm(7, "K", "Кооперация", 0.004, "КООПЕРАЦИЯ"),
    LegalForm(3, "KD", "Командитно дружество", 0.002, "КД"),
    LegalForm(27, "NCH", "Народно читалище", 0.001, "НАРОДНО ЧИТАЛИЩЕ"),
)
DEED_STATUSES = {"N": 0.63, "E": 0.24, "C": 0.07, "L": 0.06}

# A class of КИД-2008 (without its dot, as the register writes it), its text, and how people put it freely
ACTIVITIES = (
    (
        "4711",
        "Търговия на дребно в неспециализирани магазини предимно с хранителни стоки",
        "търговия с хранителни стоки",
    ),
    ("4719", "Друга търговия на дребно в неспециализирани магазини", "покупка на стоки с цел препродажба"),
    ("4690", "Неспециализирана търговия на едро", "внос, износ и търговия на едро с всички видове стоки"),
    ("4771", "Търговия на дребно с облекло", "търговия с облекло и обувки"),
    ("4773", "Търговия на дребно с лекарства", "търговия на дребно с лекарствени продукти"),
    ("4791", "Търговия на дребно чрез поръчки по пощата, телефона или интернет", "търговия по интернет"),
    ("4120", "Строителство на жилищни и нежилищни сгради", "строителство на сгради"),
    ("4321", "Изграждане на електрически инсталации", "изграждане на инсталации"),
    ("4339", "Други довършителни строителни дейности", "ремонтни и довършителни работи"),
    ("4520", "Техническо обслужване и ремонт на автомобили", "автосервиз"),
    ("4932", "Пътнически таксиметров транспорт", "таксиметрови превози"),
    ("4941", "Товарен автомобилен транспорт", "превоз на товари в страната и чужбина"),
    ("5510", "Хотели и подобни места за настаняване", "хотелиерство"),
    ("5610", "Дейност на ресторанти и заведения за бързо обслужване", "ресторантьорство и кетъринг"),
    ("5630", "Дейност на питейни заведения", "кафене и бар"),
    ("6201", "Компютърно програмиране", "разработка на софтуер"),
    ("6202", "Консултантска дейност по информационни технологии", "консултации по информационни технологии"),
    ("6311", "Обработка на данни, хостинг и подобни дейности", "хостинг и обработка на данни"),
    ("6820", "Даване под наем и експлоатация на собствени недвижими имоти", "отдаване под наем на имоти"),
    ("6831", "Посредническа дейност, свързана с недвижими имоти", "посредничество с недвижими имоти"),
    ("6910", "Юридически дейности", "правни консултации, разрешени от закона"),
    ("6920", "Счетоводни и одиторски дейности; данъчни консултации", "счетоводни услуги"),
    ("7022", "Консултантска дейност по стопанско и друго управление", "управленски консултации"),
    ("7111", "Архитектурни дейности", "архитектурно проектиране"),
    ("7112", "Инженерни дейности и технически консултации", "инженерно проектиране"),
    ("7311", "Дейност на рекламни агенции", "реклама"),
    ("7410", "Специализирани дейности в областта на дизайна", "дизайн"),
    ("8121", "Основно почистване на сгради", "почистване на сгради"),
    ("8299", "Други спомагателни дейности в помощ на бизнеса", "спомагателни услуги за бизнеса"),
    ("8559", "Обучение, некласифицирано другаде", "курсове и обучения"),
    ("8623", "Стоматологични дейности", "стоматологична практика"),
    ("9499", "Дейности на други организации с нестопанска цел", "дейност в обществена полза"),
    ("9602", "Фризьорски и козметични услуги", "фризьорски и козметични услуги"),
    ("1071", "Производство на хляб и пресни сладкарски изделия", "производство на хляб и сладкарски изделия"),
    ("2511", "Производство на метални конструкции", "производство на метални конструкции"),
)  # fmt: skip

# Seats outside the city: register ids are invented, the codes are EKATTE's
_ELSEWHERE = (
    ("43", "PER", "Перник", "PER32", "Перник", "55871", "гр. Перник", "2300"),
    ("16", "PDV", "Пловдив", "PDV22", "Пловдив", "56784", "гр. Пловдив", "4000"),
    ("3", "VAR", "Варна", "VAR06", "Варна", "10135", "гр. Варна", "9000"),
    ("2", "BGS", "Бургас", "BGS04", "Бургас", "07079", "гр. Бургас", "8000"),
    ("24", "SZR", "Стара Загора", "SZR31", "Стара Загора", "68850", "гр. Стара Загора", "6000"),
)

# What part of the seats is outside the city, names only a district, and names a street that is nowhere
_OUTSIDE, _VAGUE, _NOWHERE = 0.035, 0.03, 0.035
# Cyrillic letters typed with their Latin look-alikes, as mixed keyboards do
_LATIN = str.maketrans("АВЕКМНОРСТХ", "ABEKMHOPCTX")


class Seat(NamedTuple):
    """A seat as the register's clerk typed it. `district` is None outside the city.

    `truth` is where it is: an address, only a district, a street that is nowhere, or elsewhere; `door` is the
    index of its address among those of its chunk.
    """

    district: int | None
    settlement: int
    postcode: str
    estate: str = ""
    street: str = ""
    number: str = ""
    block: str = ""
    entrance: str = ""
    floor: str = ""
    apartment: str = ""
    truth: str = "address"
    door: int | None = None


def eik(number: int) -> str:
    """The 9-digit company number whose first eight digits are `number`: adds the check digit of БУЛСТАТ."""
    digits = f"{number:08d}"
    check = sum(i * int(digit) for i, digit in enumerate(digits, 1)) % 11
    if check == 10:
        check = sum(i * int(digit) for i, digit in enumerate(digits, 3)) % 11 % 10
    return f"{digits}{check}"


def business_number(k: int) -> int:
    """The first eight digits of the k-th business's EIK: all different, in no visible order.

    They begin with 9, which no number in the published registers that we have does, so that no invented
    business takes the number of a real one.
    """
    return 90_000_000 + (k * 6_180_339 + 4_711_000) % 9_999_991


class RegisterFiles:
    """register_1.xml, register_2.xml... under way, each of 25,000 deeds at most, and where seats truly are.

    `counts` has the deeds of each file by its name. The truth is a CSV file of its own, for those who measure
    a linking: the company's number, the sort of its seat, the number of its address and of its building.
    """

    def __init__(self, folder: Path, truth: Path) -> None:
        self._folder = folder
        self._file: TextIO | None = None
        self._truth = truth.open("w", encoding="utf-8", newline="\n")
        self._truth.write(TRUTH_HEADER)
        self.count = 0
        self.counts: dict[str, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()
        self._truth.close()

    def write(self, addresses: Addresses, count: int, rng: np.random.Generator) -> None:
        """Append `count` businesses, most of them seated at the given entrances."""
        seats = _seats(addresses, count, rng)
        self._truth.writelines(_truths(self.count, seats, addresses))
        deeds = _deeds(self.count, seats, rng)
        while part := list(islice(deeds, min(_BATCH, DEEDS_PER_FILE - self.count % DEEDS_PER_FILE))):
            file = self._current()
            file.writelines(part)
            self.count += len(part)
            self.counts[Path(file.name).name] += len(part)

    def _current(self) -> TextIO:
        """The file for the next deed: a new one each time the last is full."""
        if self._file is None or self.count % DEEDS_PER_FILE == 0:
            self._close()
            k = self.count // DEEDS_PER_FILE + 1
            path = self._folder / f"register_{k}.xml"
            self._file = path.open("w", encoding="utf-8", newline="\n")
            self._file.write(_HEAD % k)
            self.counts[path.name] = 0
        return self._file

    def _close(self) -> None:
        if self._file is not None:
            self._file.write(_TAIL)
            self._file.close()
            self._file = None


def _seats(addresses: Addresses, count: int, rng: np.random.Generator) -> list[Seat]:
    """A seat for each of `count` businesses, spelled the way that people fill in forms."""
    settled = bool(len(addresses.cadnum))
    bounds = np.cumsum(addresses.weight) if settled else np.ones(1)
    doors = np.searchsorted(bounds, rng.random(count) * bounds[-1], side="right").tolist()
    storeys = addresses.storeys.tolist()
    draws = rng.random((count, 6)).tolist()
    district = addresses.district
    seats = []
    for door, draw in zip(doors, draws, strict=True):
        where = draw[0]
        if where < _OUTSIDE:
            other = int(draw[1] * len(_ELSEWHERE))
            street = f"ул. {_STREETS_ELSEWHERE[int(draw[2] * len(_STREETS_ELSEWHERE))]}"
            number = str(1 + int(draw[3] * 90))
            seats.append(
                Seat(None, other, _ELSEWHERE[other][-1], street=street, number=number, truth="elsewhere")
            )
        elif where < _OUTSIDE + _VAGUE or not settled:
            seats.append(Seat(district.number, 0, district.postcode, truth="district"))
        elif where < _OUTSIDE + _VAGUE + _NOWHERE:
            # streets known by a number exist in Sofia and not in the sample
            street = f"ул. {100 + int(draw[2] * 900)}-та"
            number = str(1 + int(draw[3] * 60))
            seats.append(
                Seat(district.number, 0, district.postcode, street=street, number=number, truth="nowhere")
            )
        else:
            spelled = _block_seat if addresses.block[door] else _street_seat
            seats.append(spelled(addresses, door, draw, storeys[door])._replace(door=door))
    return seats


def _truths(first: int, seats: list[Seat], addresses: Addresses) -> Iterator[str]:
    """Where each of the seats of businesses number `first` and on truly is, a line of CSV for each."""
    for k, seat in enumerate(seats, first):
        there = "," if seat.door is None else f"{addresses.first + seat.door},{addresses.cadnum[seat.door]}"
        yield f"{eik(business_number(k))},{seat.truth},{there}\n"


_STREETS_ELSEWHERE = ("Главна", "Морска", "Гаров площад", "Тракия", "Шипка")


def _block_seat(addresses: Addresses, k: int, draw: list[float], storeys: int) -> Seat:
    """A seat in a panel block: estate, block, entrance, floor, flat."""
    hood, block, entrance = addresses.hood[k], addresses.block[k], addresses.entrance[k]
    name, short = hood.name, hood.short
    quoted = f'{short} "{name}"'.strip()
    estate = (hood.official, name, quoted, f"{short.replace('.', '')} {name}".strip(), hood.official.upper())[
        int(draw[1] * 5)
    ]
    floor = 1 + int(draw[3] * storeys)
    home = Seat(
        addresses.district.number,
        0,
        addresses.district.postcode,
        estate,
        block=block,
        entrance=entrance,
        floor=str(floor) if draw[4] < 0.8 else "",
        apartment=str(3 * (floor - 1) + 1 + int(draw[4] * 3)) if draw[5] < 0.7 else "",
    )
    style = draw[2]
    if style < 0.62:
        return home
    if style < 0.72:
        text = f"бл. {block} вх. {entrance}" if entrance else f"бл. {block}"
        return home._replace(block=text, entrance="")
    if style < 0.80:
        return home._replace(estate="", street=hood.official)
    if style < 0.88:
        return home._replace(block="", number=f"бл. {block}")
    return home._replace(block=block.translate(_LATIN), entrance=entrance.translate(_LATIN))


def _street_seat(addresses: Addresses, k: int, draw: list[float], storeys: int) -> Seat:
    """A seat at a numbered house of a street."""
    kind, name, number = addresses.street_type[k], addresses.street[k], addresses.number[k]
    hood, entrance = addresses.hood[k], addresses.entrance[k]
    long_kind = "булевард" if kind == "бул." else "улица"
    style = draw[1]
    if style < 0.46:
        street = f"{kind} {name}"
    elif style < 0.68:
        street = f'{kind} "{name}"'
    elif style < 0.80:
        street = f"{kind} {name}".upper()
    elif style < 0.88:
        street = f"{kind}{name}"
    elif style < 0.94:
        street = f"{long_kind} „{name}“"
    else:
        street = name
    style = draw[2]
    if style < 0.2:
        number = f"№{number}"
    elif style < 0.3:
        number = f"№ {number}"
    elif style < 0.38:
        number = number.translate(_LATIN)
    elif style < 0.41:
        number = f"{number}, офис {1 + int(draw[5] * 9)}"
    estate = ""
    if hood.address and draw[3] < 0.5:
        estate = hood.official if draw[3] < 0.3 else hood.name
    flat = storeys > 2 and draw[4] < 0.6
    return Seat(
        addresses.district.number,
        0,
        addresses.district.postcode,
        estate,
        street,
        number,
        entrance=entrance,
        floor=str(1 + int(draw[5] * storeys)) if flat else "",
        apartment=str(1 + int(draw[4] * 5 * storeys)) if flat else "",
    )


def _deeds(first: int, seats: list[Seat], rng: np.random.Generator) -> Iterator[str]:
    """The deeds of businesses number `first` and on, one line of XML for each."""
    count = len(seats)
    forms = _picks(rng, [form.share for form in LEGAL_FORMS], count)
    statuses = _picks(rng, list(DEED_STATUSES.values()), count)
    activities = rng.integers(len(ACTIVITIES), size=count)
    # 2008-2025: the register begins with 2008
    days = rng.integers(0, 6_300, size=count)
    seconds = rng.integers(8 * 3600, 18 * 3600, size=count)
    moments = np.datetime64("2008-01-02", "s") + days.astype("m8[D]") + seconds.astype("m8[s]")
    rows = zip(
        forms.tolist(),
        statuses.tolist(),
        activities.tolist(),
        np.datetime_as_string(moments, unit="s").tolist(),
        rng.random(count).tolist(),
        person_names(rng, count),
        person_names(rng, count),
        seats,
        # a branch is where another business has its seat
        [*seats[1:], *seats[:1]],
        strict=True,
    )
    codes = list(DEED_STATUSES)
    for k, (form, status, activity, moment, draw, person, other, seat, branch) in enumerate(rows, first):
        yield _deed(k, LEGAL_FORMS[form], codes[status], activity, moment, draw, person, other, seat, branch)


def _picks(rng: np.random.Generator, shares: list[float], count: int) -> Ints:
    bounds = np.cumsum(shares)
    return np.minimum(np.searchsorted(bounds / bounds[-1], rng.random(count), side="right"), len(shares) - 1)


def _deed(
    k: int,
    form: LegalForm,
    status: str,
    activity: int,
    moment: str,
    draw: float,
    person: str,
    other: str,
    seat: Seat,
    branch: Seat,
) -> str:
    """One business's deed. `draw` decides the details that vary from deed to deed."""
    uic, guid = eik(business_number(k)), f"{k:032x}"
    name = company_name(k)
    if form.code == "ET":
        # a sole trader's firm must hold the trader's given name and surname
        given, _, surname = person.split()
        name = f"{name} - {given.upper()} {surname.upper()}"
    entry = moment.translate(_ONLY_DIGITS)
    incoming = f"{entry[:8]}{k % 1_000_000:06d}"
    field = f'FieldEntryNumber="{entry}" FieldActionDate="{moment}" xmlns="{_FIELDS}"'
    record = f'RecordIncomingNumber="{incoming}" RecordID="{k + 1}" GroupID="{k + 1}"'
    both = f'FieldOperation="Add" {record} {field}'
    # a deed that was changed says of what it leaves as it was that it is current
    named = both.replace("Add", "Current") if draw % 0.2 < 0.02 else both
    latin = (
        f'<Transliteration FieldIdent="00040" {both.replace("Add", "Erase")} />'
        if draw % 0.1 < 0.002
        else f'<Transliteration FieldIdent="00040" {both}>{transliterate(name)}</Transliteration>'
    )
    code, text, free = ACTIVITIES[activity]
    legal = f'<LegalForm FieldIdent="00030" {both} Text="{form.text}" Code="{form.id}" />{latin}'
    closed = f'<AddemptionOfTrader FieldIdent="00270" {both}>1</AddemptionOfTrader>' if status in "CL" else ""
    # a class of activity is missing from about a quarter of the real deeds
    nkid = (
        f'<SubjectOfActivityNKID FieldIdent="00061" {both} codeNkid="{code}" textNkid="{text}" idNkid="" />'
        if draw < 0.75
        else ""
    )
    company = f"&quot;{name}&quot;" if draw > 0.5 else name
    return (
        f'<Deed DeedStatus="{status}" CompanyName="{company}" GUID="{guid}" UIC="{uic}" '
        f'LegalForm="{form.code}" xmlns="http://www.registryagency.bg/schemas/deedv2">'
        f'<IncomingPackageInfo IncomingNumber="{incoming}" IncomingGUID="{guid}" PackageType="New" '
        f'LeadingApp="A4"><Documents><Document DocumentURL="https://register.invalid/Documents/{k}" '
        f'DocGUID="{guid}" Description="Заявление" ApplicationType="A4" /></Documents></IncomingPackageInfo>'
        f'<SubDeed SubUIC="{uic}" SubUICType="MainCircumstances">'
        f'<UIC FieldIdent="00010" {both} UIC="{uic}" IsNew="true"><CompanyControl />'
        f"<BulstatDeed><Deed /><Year /><CourtCode /></BulstatDeed></UIC>"
        f'<Company FieldIdent="00020" {named}>{name}</Company>{legal}'
        f'<Seat FieldIdent="00050" {both}>{_address(seat)}{_contacts(uic, draw)}</Seat>'
        f'<SubjectOfActivity FieldIdent="00060" {both} IsBank="false" IsBankText="" IsInsurer="false" '
        f'IsInsurerText="">{free.capitalize()} и всички други дейности, разрешени от закона'
        f"</SubjectOfActivity>{nkid}{_persons(k, form.code, field, record, both, person, other)}{closed}"
        f"</SubDeed>{_branch(uic, name, branch, both) if form.code != 'ET' and draw % 0.05 < 0.002 else ''}"
        "</Deed>\n"
    )


def branch_eik(uic: str, number: int) -> str:
    """The 13-digit number of a business's branch."""
    return next(made for check in range(10) if is_eik(made := f"{uic}{number:03}{check}"))


def _branch(uic: str, name: str, seat: Seat, both: str) -> str:
    number = branch_eik(uic, 1)
    return (
        f'<SubDeed SubUIC="{number}" SubUICType="B2_Branch">'
        f'<BranchSeat FieldIdent="00510" {both}>{_address(seat)}</BranchSeat>'
        f'<BranchFirm FieldIdent="00511" {both}>{name} - КЛОН</BranchFirm>'
        f'<BranchIdentifier FieldIdent="00512" {both}>{number}</BranchIdentifier></SubDeed>'
    )


_ONLY_DIGITS = str.maketrans("", "", "-T:")


def _contacts(uic: str, draw: float) -> str:
    if draw < 0.8:
        return "<Contacts><Phone /><Fax /><EMail /><URL /></Contacts>"
    mail = f"office@{uic}.invalid"
    return f"<Contacts><Phone>02 000 0000</Phone><Fax /><EMail>{mail}</EMail><URL /></Contacts>"


def _address(seat: Seat) -> str:
    """The 25 elements of an address, in the order of the register's schema."""
    if seat.district is None:
        ident, region, region_name, municipality, municipality_name, ekatte, settlement, _ = _ELSEWHERE[
            seat.settlement
        ]
        area = '<AreaID xsi:nil="true" /><Area /><AreaEkatte />'
    else:
        ident, region, region_name, municipality, municipality_name, ekatte, settlement = _SOFIA
        district = DISTRICTS[seat.district - 1]
        area = (
            f"<AreaID>{100 + district.number}</AreaID><Area>р-н {district.name}</Area>"
            f"<AreaEkatte>{district.code}</AreaEkatte>"
        )
    return (
        "<Address><CountryID>1</CountryID><CountryCode>BGR</CountryCode><Country>БЪЛГАРИЯ</Country>"
        f"<IsForeign>false</IsForeign><DistrictID>{ident}</DistrictID><DistrictEkatte>{region}</DistrictEkatte>"
        f"<District>{region_name}</District><Municipalityid>{ident}</Municipalityid>"
        f"<MunicipalityEkatte>{municipality}</MunicipalityEkatte><Municipality>{municipality_name}</Municipality>"
        f"<SettlementID>{ident}</SettlementID><SettlementEKATTE>{ekatte}</SettlementEKATTE>"
        f"<Settlement>{settlement}</Settlement>{area}{_part('PostCode', seat.postcode)}<ForeignPlace />"
        f"{_part('HousingEstate', seat.estate)}{_part('Street', seat.street)}"
        f"{_part('StreetNumber', seat.number)}{_part('Block', seat.block)}{_part('Entrance', seat.entrance)}"
        f"{_part('Floor', seat.floor)}{_part('Apartment', seat.apartment)}</Address>"
    )


_SOFIA = ("1", "SOF", "София (столица)", "SOF46", "Столична", "68134", "гр. София")


def _part(tag: str, text: str) -> str:
    return f"<{tag}>{escape(text)}</{tag}>" if text else f"<{tag} />"


def _persons(k: int, form: str, field: str, record: str, both: str, person: str, other: str) -> str:
    """The people behind a business, in the fields that its legal form has."""
    if form == "ET":
        trader = _subject("Person", 2 * k, person)
        return f'<PhysicalPersonTrader FieldIdent="00180" {both}>{trader}</PhysicalPersonTrader>'
    if form in ("EOOD", "OOD", "SD", "KD"):
        manager = _subject("Person", 2 * k, person)
        managers = _several("Managers", "Manager", "00070", field, record, [manager])
        if form == "EOOD":
            owner = _subject("Subject", 2 * k, person)
            return f'{managers}<SoleCapitalOwner FieldIdent="00230" {both}>{owner}</SoleCapitalOwner>'
        partners = [_subject("Subject", 2 * k, person), _subject("Subject", 2 * k + 1, other)]
        return managers + _several("Partners", "Partner", "00190", field, record, partners)
    representatives = [_subject("Subject", 2 * k, person), _subject("Subject", 2 * k + 1, other)]
    return _several("Representatives", "Representative", "00100", field, record, representatives)


def _several(plural: str, single: str, ident: str, field: str, record: str, people: list[str]) -> str:
    inner = "".join(f"<{single} {record}>{one}</{single}>" for one in people)
    return f'<{plural} FieldIdent="{ident}" FieldOperation="Add" {field}>{inner}</{plural}>'


def _subject(tag: str, serial: int, name: str) -> str:
    """A person whose 64-digit pseudonym is a plain counter, so that nobody takes it for a real one."""
    return (
        f'<{tag} CompetentAuthorityForRegistration="" RegistrationNumber="" IsForeignTraderText="0">'
        f"<Indent>{serial:064X}</Indent><Name>{name.upper()}</Name><IndentType>EGN</IndentType>"
        f"<CountryID>1</CountryID><CountryName>БЪЛГАРИЯ</CountryName></{tag}>"
    )
