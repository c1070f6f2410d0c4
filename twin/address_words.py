"""The words of Bulgarian addresses: which announce a part, which stand beside a place, how each is spelt.

addresses.py reads addresses with these. A new abbreviation is an entry of a table here.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache

from twin.text import CYRILLIC, EXCEPTIONS, FOLD, LATIN, LOOKS_LATIN, TO_CYRILLIC, one_script, plain

# --------------------------------------------------------------------------------------
# Tables, written as people write. What is in Bulgarian here is read in Latin letters as well.


def _fold(word: str) -> str:
    if word == "№":
        return word
    folded = word.translate(FOLD)
    return f"{folded[:-2]}a" if folded.endswith("iya") else folded


def _words(text: str) -> frozenset[str]:
    return frozenset(map(_fold, text.split()))


def _spellings(pairs: Mapping[str, str]) -> dict[str, str]:
    return {_fold(short): _fold(long) for short, long in pairs.items()}


def _markers(table: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    found = {}
    for part, text in table.items():
        for entry in text.split():
            word, _, kind = entry.partition("=")
            found[_fold(word)] = (part, kind)
    return found


#: word -> the part of an address that it announces, and its kind ('=' below) where kinds are told apart
MARKERS = _markers({
    "settlement": "гр град с село town village",
    "district": "р-н район raion district",
    "area": (
        "жк=zhk ж.к=zhk ж-к=zhk комплекс=zhk кв=kv квартал=kv dstr=kv dist=kv м=m местност=m м-т=m"
        " м-ст=m мест=m мах=mah махала=mah в.з=vz с.о=so нпз=pz землище=zemlishte"
    ),
    "street": (
        "ул=ul улица=ul бул=bul булевард=bul б-р=bul пл=pl площад=pl blvd=bul boulevard=bul str=ul street=ul"
    ),
    "number": "№ номер n no nr nom",
    "block": "бл блок блокове блока",
    "entrance": "вх вход входове entrance",
    "floor": "ет етаж етажи floor",
    "apartment": "ап апартамент апартаменти ап-т apt",
    "region": "обл област общ община",
    "post_code": "п.к пк",
    "plot": "упи имот пи парцел пл.№ к.л к.п о.т о.к ок масив",
})  # fmt: skip
#: announce a part only with a full stop; elsewhere they are prepositions, letters and names
STOP_NEEDED = _words("с м мах общ обл мест nom")
#: inside a name they are initials: Георги С. Раковски
INITIALS = _words("с м")
#: inside a name they are words of it: Красно село, Студентски град
INSIDE_NAMES = _words("село град комплекс имот площад махала местност област")
#: announce something only where a code follows: N 5, пк 1000
CODE_NEEDED = _words("n no nr nom номер пк п.к пл.№ пи имот к.л к.п о.т о.к ок")
#: in English the kind of street follows its name
KIND_LAST = _words("blvd boulevard str street")

#: what stands so to a thing is not in it: до бл. 208, между бл. 3 и бл. 5
RELATIONS = _words(
    "до срещу м-у между пред зад при под над откъм около покрай край с-у от след южно северно източно западно"
    " югоизточно югозападно североизточно северозападно near opposite behind"
)
#: street corners
CORNERS = _words("ъгъл ъгъла ъгълът ъгл кръстовище кръстовището corner")
COMPASS = _words(
    "северен южен източен западен североизточен северозападен югоизточен югозападен северния южния източния"
    " западния североизточния северозападния югоизточния югозападния"
)
#: a part of a quarter
SIDES = _words("запад изток север юг")
#: mean nothing more before a marker
GLUE = _words("на по в във с със към за of in at the")
AND = _words("и and")

#: parts of a building or plot, with a code or without; with a name after it each is a landmark
UNITS = _words(
    "секция секц сек магазин маг м-н офис гараж ателие ат студио склад корпус тяло сграда павилион трафопост"
    " тп т.п бктп кабинет клетка shop mag office garage магазини гаражи офиси кота мезонет близнак къща"
    " работилница оф гар помещения проход обект вила помещение"
)
#: of these only where a code follows or stands before: ателие 4, but ул. Ат. Далчев
THINGS_BY_NUMBER = _words("ат оф гар сек маг км нг дг дя су оу")
#: kinds of places with names or numbers of their own: 39 СОУ, метростанция Люлин, стадион „Академик“
LANDMARKS = _words(
    "цдг цгд одз дг дя соу оу су нг спгу дкц поликлиника метростанция стадион супермаркет хипермаркет"
    " бензиностанция училище хотел мол жск тц базар стопански пицария ресторант аптека университет институт"
    " общежитие общежития болница умбал мбал летище автогара спирка пазар църква манастир читалище театър"
    " музей mall market бизнес подлез пок ясла градина комбинат ферма база км километър търговски х-л"
)
#: said of such a part or place before its kind: вътрешна сграда, ниско тяло, детска ясла
ATTRIBUTES = (
    _words(
        "жилищна жилищни жил вътрешна вътрешната стопанска вилна буферна складова детска битов битовия ниско"
        " ниското високо високото производствена техническа сервизна еднофамилна многофамилна търговско"
        " пешеходен централна адм административна малка голяма"
    )
    | COMPASS
)
#: words of streets' and quarters' names as well: Дряновски манастир, Добруджански край, Под манастира
IN_NAMES = _words(
    "бизнес болница хотел пазар тяло летище манастир училище театър мол градина база ферма къща вила проход"
    " църква институт под над край при от"
)
#: an older name or number of the same
FORMER = _words("стар стара старо стари бивш бивша бивше")
#: are in no name
FORMER_ALWAYS = _words("бивш бивша бивше")
#: storeys without a number
FLOORS = _words(
    "партер партерен партера партерно сутерен мазе маза таван тавански таванско мансарда мансарден"
    " подпокривен подпокривно подпокривни нп полуподземен подземен надпартерен надземен"
    " приземен първи втори трети четвърти пети шести седми осми девети десети последен"
    " първо второ трето покрива ground"
)
#: said more of an estate's part: I ч., 2 част, 8 м.р., зона В
ESTATE_PARTS = _words("ч част м.р мр микрорайон зона")
#: not in the name of any street or quarter: a text with them describes a spot
NO_NAME = _words(
    "междублоково междублоковото пространство тротоар тротоарно тротоара платно паркинг паркинга трасе"
    " терен терена имота обръщало"
    " водопровод канализация подход пресичане пресичането участък участъка блоково отдел подотдел адм"
)

#: titles and first names, in full and abbreviated; different spellings of one word
SPELLINGS = _spellings({
    "проф": "професор", "ген": "генерал", "акад": "академик", "д-р": "доктор", "др": "доктор", "кн": "княз",
    "бр": "братя", "кап": "капитан", "полк": "полковник", "подп": "подполковник", "арх": "архитект",
    "инж": "инженер", "адм": "адмирал", "св": "свети", "света": "свети", "свето": "свети", "ал": "александър",
    "хр": "христо", "ив": "иван", "дим": "димитър", "доц": "доцент", "пор": "поручик", "през": "президент",
    "вл": "владимир", "ник": "никола", "конст": "константин", "м-р": "майор",
    "shosse": "shose", "shausse": "shose", "shaussee": "shose", "chaussee": "shose", "tzar": "tsar",
    "czar": "tsar", "tzaritza": "tsaritsa", "tzaritsa": "tsaritsa", "yoanna": "yoana", "йоанна": "yoana",
    "tzarigradsko": "tsarigradsko", "slivnitza": "slivnitsa", "drujba": "druzhba", "ljulin": "lyulin",
    "liulin": "lyulin", "vitoscha": "vitosha", "rojen": "rozhen", "nadejda": "nadezhda", "sofiya": "sofia",
    "alexander": "aleksandar", "alexandar": "aleksandar", "подуене": "подуяне",
}) | {_fold(word): latin.lower() for word, latin in EXCEPTIONS.items()}  # fmt: skip
#: whole names that are written in two ways
WHOLE_NAMES = {
    plain(_fold(one)): plain(_fold(other))
    for one, other in {
        "х димитър": "хаджи димитър", "сухата река": "суха река", "белите брези": "бели брези",
        "кр село": "красно село", "илинден со": "илинден",
    }.items()
}  # fmt: skip
#: one street bears both names; any other two that 'и' joins are the streets of a corner
NAMED_FOR_BOTH = frozenset(
    tuple(map(_fold, pair.split()))
    for pair in (
        "кирил методий", "кирил методи", "методий кирил", "константин елена", "петър павел", "козма дамян",
        "кузма дамян", "евлоги христо", "христо евлоги", "борис глеб", "вяра надежда", "димитър константин",
        "асен петър",
    )
)  # fmt: skip
ROMAN = (
    {
        word: str(n)
        for n, word in enumerate(
            ["i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii"], 1
        )
        if len(word) > 1
    }
    | {"x": "10"}
    | {"h": "10", "ih": "9", "hi": "11"}
)  # the last as typed with Cyrillic Х
LETTERS = frozenset(map(_fold, "абвгдежзийклмнопрстуфхцчшщюя"))

# --------------------------------------------------------------------------------------
# Shapes

_LETTER = r"(?:[a-z]|zh|ts|ch|sh|sht|yu|ya)"
#: nothing that a house, block or entrance is called
NO_CODE = GLUE | AND | RELATIONS | _words("ат тп нп")
_PIECE = rf"(?:\d{{1,4}}{_LETTER}{{0,2}}\d{{0,2}}|{_LETTER}(?:\d{{1,4}}{_LETTER}?)?|[ivx]+)"
#: a house, block, entrance, floor or apartment behind a marker: 14, б, а16, iii, 5-7
_CODE = re.compile(rf"-?{_PIECE}(?:-{_PIECE})*")
#: a house number without a marker: 14, 14a, 53-55
_NUMBER = re.compile(rf"\d{{1,4}}-?{_LETTER}?\d?(?:-\d{{1,4}}{_LETTER}?|-[ivx]+)*")
_ESTATE = re.compile(rf"(\d{{1,3}}){_LETTER}?")
_ROMAN_ORDINAL = re.compile(r"([ivx]+)-(?:vi|ri|ti|va|ra|ta)")
_ORDINAL = re.compile(r"(\d+)-?(?:va|ma|ta|ra|ti|ri|vi|mi|to|vo|ro|mo)")
#: и and в are letters, I and V Roman numbers; folded they would be one, so these two stay as they are
ONE, FIVE = "ⅰ", "ⅴ"
_UNMARKED = str.maketrans({ONE: "i", FIVE: "v"})
_SEPARATORS = frozenset(",()[]/\\")


class Word:
    """One word of an address and what the tables say of it."""

    __slots__ = (
        "attribute",
        "bare",
        "code",
        "code_needed",
        "compass",
        "corner",
        "dash",
        "estate",
        "estate_part",
        "floor",
        "former",
        "former_always",
        "glue",
        "in_names",
        "initial",
        "inside_name",
        "joins",
        "kind",
        "kind_last",
        "landmark",
        "letter",
        "marker",
        "name",
        "needs_code",
        "no_name",
        "number",
        "ordinal",
        "relation",
        "separator",
        "shown",
        "special",
        "stop",
        "text",
        "unit",
    )  # fmt: skip

    def __init__(self, text: str) -> None:
        self.text = text
        self.separator = text in _SEPARATORS
        self.stop = text.endswith(".")
        bare = self.bare = text.strip(".-").translate(_UNMARKED) if not self.separator else text
        if bare.endswith("iya"):
            bare = self.bare = f"{bare[:-2]}a"
        self.dash = not bare
        #: as it stands in what was not understood, and in a name
        self.shown = plain(bare)
        roman = _ROMAN_ORDINAL.fullmatch(bare)
        self.name = SPELLINGS.get(bare) or (roman[1] if roman else self.shown)
        marker, self.kind = MARKERS.get(bare, ("", ""))
        self.marker = marker if self.stop or bare not in STOP_NEEDED else ""
        self.initial = self.stop and bare in INITIALS
        self.inside_name = bare in INSIDE_NAMES and not self.stop
        self.code_needed = bare in CODE_NEEDED
        self.kind_last = bare in KIND_LAST
        self.relation = bare in RELATIONS and not (self.stop and len(bare) < 3)
        self.corner = bare in CORNERS
        self.compass = bare in COMPASS
        self.glue = bare in GLUE and not self.stop
        self.joins = bare in AND and not self.stop and text != ONE
        self.needs_code = bare in THINGS_BY_NUMBER
        #: стадиона and трафопоста as well
        forms = (bare, bare[:-1], bare[:-2]) if len(bare) > 5 else (bare,)
        self.unit = any(form in UNITS for form in forms)
        self.landmark = any(form in LANDMARKS for form in forms)
        self.attribute = bare in ATTRIBUTES
        self.in_names = bare in IN_NAMES
        self.former = bare in FORMER
        self.former_always = bare in FORMER_ALWAYS
        self.floor = bare in FLOORS
        self.estate_part = bare in ESTATE_PARTS
        self.no_name = bare in NO_NAME
        self.letter = bare in LETTERS
        self.number = _NUMBER.fullmatch(bare) is not None
        self.code = (bare in LETTERS or not (marker or bare in NO_CODE)) and _CODE.fullmatch(bare) is not None
        found = _ORDINAL.fullmatch(bare)
        self.ordinal = found[1] if found else ""
        #: the number of an estate's part: viii gives 8
        self.estate = "1" if text == ONE else ROMAN.get(bare, "")
        if not self.estate and (found := _ESTATE.fullmatch(bare)):
            self.estate = bare.lstrip("0") or bare
        if not self.estate:
            self.estate = self.ordinal
        #: whether anything but being part of a name may be meant
        self.special = bool(
            self.separator or self.dash or self.marker or self.relation or self.corner or self.compass
            or self.glue or self.joins or self.unit or self.landmark or self.former
        )  # fmt: skip


# --------------------------------------------------------------------------------------
# One text as words


def _table() -> dict[int, str | None]:
    table: dict[int, str | None] = dict(FOLD)
    table.update({ord(each): " " for each in '"„“”«»‘\u00a0\u202f\u2009\t\r\n+*_'})
    table.update({ord(each): "-" for each in "–—‑−‐"})
    table.update({ord(each): " , " for each in ",;:|"})
    table.update({ord(each): f" {each} " for each in "()[]/\\"})
    table[ord(".")] = ". "
    table[ord("№")] = table[ord("#")] = " № "
    table[ord(ONE)], table[ord(FIVE)] = ONE, FIVE
    return table


_TABLE = _table()
# In numbers, blocks and entrances a Latin letter counts as the Cyrillic one that it looks like: 14A is 14А.
_LONE_LATIN = re.compile(rf"(?<![A-Za-zЀ-ӿ])[{LOOKS_LATIN}bhkmt](?![A-Za-zЀ-ӿ])")
_LONE_ONE = re.compile(r"(?<![^\W\d_])[IІ](?![^\W_.])")
_LONE_FIVE = re.compile(r"(?<![^\W\d_])V(?![^\W_.])")
# In Latin letters и is an i between words, I a Roman one at the end of a name.
_LATIN_ONE = re.compile(r"(?<![^\W_])[Ii](?=\s*(?:$|[-,;:\d\"()/]|no\b))")
_LATIN_FIVE = re.compile(r"(?<=[A-Za-z]{4}[ -])(?<!evski[ -])V(?![\w.])")
_BREAK = re.compile(r"</?br ?/?>", re.IGNORECASE)
_CADASTRAL = re.compile(
    r"(?<!\w)(?:(?:с|поземлен|имот)\s+)*(?:идентификатор\w*:?\s*)?(?<![\d.])(\d{5}(?:\.\d{1,5}){2,4})(?!\.?\d)",
    re.IGNORECASE,
)
_SLASHED = re.compile(r"\b([мсМС])/([уУ])\b")
# ж. к., в. з., с. о., п. к., к. л., м. р., т. п., пл. №: two words that are one
_PAIR = re.compile(r"(?<![a-z0-9-])(zh|v|s|p|k|m|t|pl|o|kad)\.? +(k|z|o|l|p|r|t|№|nom)(?![a-z0-9-])\.?")
_PAIRS = {
    ("zh", "k"): "zhk.", ("v", "z"): "v.z.", ("s", "o"): "s.o.", ("p", "k"): "p.k.", ("k", "l"): "k.l.",
    ("k", "p"): "k.p.", ("m", "r"): "m.r.", ("t", "p"): "t.p.", ("pl", "№"): "pl.№",
    ("o", "t"): "o.t.", ("o", "k"): "o.k.", ("kad", "№"): "pl.№", ("kad", "nom"): "pl.№",
}  # fmt: skip
_GLUED = re.compile(r"(bl|vh|et|ap|no|n|ul|bul|kv|zhk)-?(\d.*)|(vh)([a-z])")
_MICRODISTRICT = re.compile(r"(?<=[\divx ])m\. *r(?![a-z0-9])\.?")
_GLUED_PART = re.compile(r"(.*\d|(?:.*-)?(?:[ivx]+|ⅰ|ⅴ))-?(chast|ch|mr)\.?")
_GLUED_NUMBER = re.compile(r"([a-z]{4,})-(\d+[a-z]{0,2}|[ivx]+|ⅰ|ⅴ|[a-z])\.?")
_GLUED_MARKER = re.compile(r"(\d+[a-z]?)(vh|bl|et|ap)\.")
_GLUED_WORD = re.compile(r"(\d+[a-z]?)-((?!etazh)[a-z]{4,}\.?)|([a-z]{3,})-((?:ul|bul|bl|kv|vh)\.)")
_HYPHENED = re.compile(r"([a-z]{3,})-([a-z]{3,})")


def words_of(text: str, *, cyrillic: bool = False) -> tuple[list[Word], list[str]]:
    """An address word by word, and the cadastral identifiers that stood in it.

    `cyrillic` says that the text is from a Cyrillic register even where it has no such letter itself.
    """
    if text.isascii():
        if not cyrillic:
            text = _LATIN_FIVE.sub(FIVE, _LATIN_ONE.sub(ONE, text))
    else:
        text = unicodedata.normalize("NFC", text)
        cyrillic = cyrillic or CYRILLIC.search(text) is not None
        if "/" in text:
            text = _SLASHED.sub(r"\1-\2", text)
    if cyrillic:
        text = _LONE_ONE.sub(ONE, text)
        if LATIN.search(text):
            text = one_script(_LONE_FIVE.sub(FIVE, text))
            text = _LONE_LATIN.sub(lambda match: match[0].upper().translate(TO_CYRILLIC), text)
    if "<" in text:
        text = _BREAK.sub(",", text)
    ids: list[str] = []
    if text.count(".") > 1:
        ids = _CADASTRAL.findall(text)
        if ids:
            text = _CADASTRAL.sub(" , ", text)
    text = text.translate(_TABLE)
    if ". " in text or "zh k" in text:
        if "m. " in text:
            text = _MICRODISTRICT.sub(" m.r. ", text)
        text = _PAIR.sub(_paired, text)
    words: list[Word] = []
    for part in text.split():
        words += _split(part)
    return words, ids


def _paired(match: re.Match[str]) -> str:
    return _PAIRS.get((match[1], match[2]), match[0])


@lru_cache(maxsize=131_072)
def _split(part: str) -> tuple[Word, ...]:
    """The words of what stands between two blanks: 'bl14' is a marker and a block."""
    match = _GLUED.fullmatch(part)
    if match:
        return Word(f"{match[1] or match[3]}."), Word(match[2] or match[4])
    match = _GLUED_PART.fullmatch(part)
    if match:
        return *_split(match[1]), Word(match[2])
    match = _GLUED_NUMBER.fullmatch(part)
    if match:
        return Word(match[1]), Word(match[2])
    match = _GLUED_MARKER.fullmatch(part)
    if match:
        return Word(match[1]), Word(f"{match[2]}.")
    match = _HYPHENED.fullmatch(part)
    if match:
        return Word(match[1]), Word(match[2])
    match = _GLUED_WORD.fullmatch(part)
    if match:
        return Word(match[1] or match[3]), Word("-"), Word(match[2] or match[4])
    if part[0] == "-" and part[1:2].isalpha():
        return Word("-"), Word(part[1:])
    if part[-1] == "-" and len(part) > 1:
        return Word(part[:-1]), Word("-")
    return (Word(part),)
