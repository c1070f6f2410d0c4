"""Building permits of the municipal register: what their free text gives away without naming anybody.

Descriptions and identifiers are typed by hand and may name people: only what a description tells of the kind
of works, and the cadastral identifiers among the rest, leave this file; of addresses floors and flats stay.
"""

from __future__ import annotations

import re
from pathlib import Path

from loaders.formats import Batch, Problem
from twin.identifiers import cadastral_parts

_LOOKS_CADASTRAL = re.compile(r"(?<![\d.])\d{5}(?:\.\d+){2,4}(?!\.?\d)")
#: a text with a word in it may be a person's name, which no notice repeats
_WORD = re.compile(r"[^\W\d_]{4,}")
_WITHHELD = "a text that may name people, not repeated here"
#: ', ет. 2, ап. 41' and 'ЕТ.2 АП.41'; streets are named for apostles (ап.), so there a number must follow
_WITHIN_HOUSE = re.compile(
    r",\s*(?:ет|ап)\.[^,]*|(?:^|[\s,;-]+)(?:етаж|ет|апартамент|ап)\b\.?\s*№?\s*(?:\d+|[IVXІХ]+\b)[^\s,;]*",
    re.IGNORECASE,
)
#: kind of works -> words of its descriptions, in small letters; the one that comes first in the text counts
_WORKS = {
    kind: re.compile(words)
    for kind, words in {
        "CHANGE_OF_USE": r"преустр|(?:пром|см)яна.{0,20}предназнач|приобщаване|обособяване",
        "EXTENSION": r"пристро|надстро|разширение",
        "TELECOMMUNICATIONS": r"\bбазов|прием[но]+-|gsm|антен|\bмобил|мобайл|клетъч|телекомуник|телефон",
        "UTILITY_NETWORK": r"газо|водопр|канализ|кабел|електропр|топлопр|трафопост|оптич|ктп\b|захранв|осветл"
        r"|уличн|трасе|шахт|помпена|отклонение|топлоснаб|абонатн|колектор|подстанц",
        "RENOVATION": r"енергийн|саниране|реконструк|ремонт|топлоизол|реставр|консервац|енергоспест|укрепване"
        r"|остъкляване|рехабил|модернизац",
        "FENCE": r"оград|подпорн",
        "RESIDENTIAL": r"жилищ|жил\.|къща|вил[аи]\b|вилн|апартамент|общежит",
        "PARKING": r"гараж|паркинг|паркомест",
        "COMMERCIAL": r"магазин|офис|търгов|хотел|ресторант|кафе|заведени|бензин|газстанц|сервиз|склад"
        r"|производ|промишл|\bцех|халет?\b|завод|логист|административн|бизнес|ателие",
        "PUBLIC": r"училищ|\bс?оу\b|детск|\bодз\b|\bцдг\b|храм|църк|болниц|\bспорт|басейн|медицин|ясла|театър"
        r"|параклис|игрищ|музей|универс|лаборатор|площадк|\bпарк\b|\bметро|\bмост|подлез|надлез|гробищ|читалищ|лечебн",
        "OUTBUILDING": r"стопанск|навес|допълващо|лятна кухня|барбекю|беседк|второстепенн|спомагат|пергол",
    }.items()
}


def prepare_permits(batch: Batch, _file: Path) -> Batch:
    """Columns that name nobody: kind of works, cadastral identifiers, the address down to the entrance."""
    columns = dict(batch.columns)
    empty = [None] * len(batch)
    texts = columns.pop("Identifier", empty)
    works = columns.pop("Object", empty)
    named = [_cadastral_ids(text or "") for text in texts]
    columns["Address"] = [text and _WITHIN_HOUSE.sub("", text) for text in columns.get("Address", empty)]
    columns["works"] = [_works(text or "") for text in works]
    columns["cadastral_ids"] = [ids or None for ids, _ in named]
    columns["cadastral_parcel"] = [_parcel(ids[0]) if ids else None for ids, _ in named]
    problems = [
        Problem(position, rule, detail)
        for position, (_, wrong) in zip(batch.positions, named, strict=True)
        for rule, detail in wrong
    ]
    return Batch(columns, batch.geometry, batch.positions, [*batch.problems, *problems])


def _cadastral_ids(text: str) -> tuple[list[str], list[tuple[str, str]]]:
    """The identifiers that a text holds, each once, and what is wrong with the others or with the text."""
    found = list(dict.fromkeys(_LOOKS_CADASTRAL.findall(text)))
    good = [each for each in found if cadastral_parts(each)]
    wrong = [("bad-cadastral-id", each) for each in found if each not in good]
    if not found and (shown := text.strip()):
        wrong = [("no-cadastral-id", _WITHHELD if _WORD.search(shown) else shown)]
    return good, wrong


def _parcel(cadastral_id: str) -> str | None:
    """The parcel that an identifier names or lies in; none for a building that spans several."""
    parts = cadastral_parts(cadastral_id)
    if parts is None or not parts.parcel:
        return None
    return str(parts._replace(building=None, unit=None))


def _works(text: str) -> str | None:
    small = text.lower()
    found = [(match.start(), kind) for kind, words in _WORKS.items() if (match := words.search(small))]
    return min(found)[1] if found else None
