"""Bulgarian text: official Latin spelling, one folded form for searching, names in capitals.

Loaders fold what they store, the geocoder folds what it is asked; both must come here and nowhere else.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from twin.errors import BadRequest


def storable(text: str, *, where: str) -> str:
    """The same text; BadRequest where PostgreSQL could not take it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise BadRequest("holds half of a surrogate pair", where=where) from None
    if "\0" in text:
        raise BadRequest("holds a NUL character", where=where)
    return text


# --------------------------------------------------------------------------------------
# Transliteration: Закон за транслитерацията (2009). дж, дз, ьо and йо (чл. 5, ал. 1) need no rule of their
# own: their letters already give dzh, dz, yo, yo.

_LETTERS = {
    "а": "a", "б": "b", "в": "v", "г": "g", "д": "d", "е": "e", "ж": "zh", "з": "z", "и": "i", "й": "y",
    "к": "k", "л": "l", "м": "m", "н": "n", "о": "o", "п": "p", "р": "r", "с": "s", "т": "t", "у": "u",
    "ф": "f", "х": "h", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "sht", "ъ": "a", "ь": "y", "ю": "yu", "я": "ya",
    # Not in the Act: the stressed pronoun ѝ, and Russian and Serbian letters in names of foreign firms.
    "ѝ": "i", "ѐ": "e", "ё": "yo", "ы": "y", "э": "e", "ј": "y", "і": "i", "ї": "i", "є": "e", "ђ": "dzh",
    "љ": "ly", "њ": "ny", "ћ": "ch", "џ": "dzh", "ѓ": "g", "ќ": "k",
}  # fmt: skip
# Written as the Act (чл. 6) and the names' own languages (чл. 9) have them; no rule could tell.
EXCEPTIONS = {
    "българия": "Bulgaria",
    "джеймс": "James",
    "баучер": "Bourchier",
    "жолио": "Joliot",
    "кюри": "Curie",
    "вашингтон": "Washington",
    "гладстон": "Gladstone",
}
_CYRILLIC_WORD = re.compile("[Ѐ-ӿ]+")
CYRILLIC = re.compile("[Ѐ-ӿ]")
LATIN = re.compile("[A-Za-z]")


def transliterate(text: str) -> str:
    """Bulgarian text in Latin letters as the law of 2009 writes it: 'Шипка' gives 'Shipka'.

    Other text stays as it is. The law says nothing of whole words in capitals: 'ЩАСТИЕ' gives 'SHTASTIE'.
    """
    # Decomposed, й is и and a breve; other marks over Cyrillic letters are stress and go.
    text = unicodedata.normalize("NFC", text).translate(_STRESS)
    return _CYRILLIC_WORD.sub(lambda match: _latin_word(match[0]), text)


_STRESS = {0x300: None, 0x301: None}


@lru_cache(maxsize=65_536)
def _latin_word(word: str) -> str:
    low = word.lower()
    capitals = len(word) > 1 and word == word.upper()
    if low in EXCEPTIONS:
        latin = EXCEPTIONS[low]
        return latin.upper() if capitals else latin if word[0].isupper() else latin.lower()
    letters = [_LETTERS.get(each, each) for each in low]
    # чл. 5, ал. 2: at the end of a word ия is written ia.
    if low.endswith("ия"):
        letters[-1] = "a"
    if capitals:
        return "".join(letters).upper()
    return "".join(
        latin.capitalize() if cyrillic.isupper() else latin
        for cyrillic, latin in zip(word, letters, strict=True)
    )


# --------------------------------------------------------------------------------------
# Folding

# Letters that look alike in the two alphabets, in pairs.
LOOKS_LATIN = "ABCEHKMOPTXaceopxy"
_LOOKS_CYRILLIC = "АВСЕНКМОРТХасеорху"
TO_CYRILLIC = str.maketrans(LOOKS_LATIN, _LOOKS_CYRILLIC)
_TO_LATIN = str.maketrans(_LOOKS_CYRILLIC, LOOKS_LATIN)
_WORD = re.compile(r"[^\W\d_]+")
_NOT_PLAIN = re.compile(r"[^a-z0-9]+")
_IYA = re.compile("iya(?![a-z])")
_APOSTROPHES = "'’ʼ`´"


def one_script(text: str) -> str:
    """Text in which no word mixes alphabets: look-alike letters become those of the word's majority.

    'Cофия' with a Latin C is София; where the two are equal, Cyrillic wins.
    """
    if text.isascii() or not (LATIN.search(text) and CYRILLIC.search(text)):
        return text
    return _WORD.sub(_one_script_word, text)


def _one_script_word(match: re.Match[str]) -> str:
    word = match[0]
    latin = len(LATIN.findall(word))
    cyrillic = len(CYRILLIC.findall(word))
    if not latin or not cyrillic:
        return word
    return word.translate(TO_CYRILLIC if cyrillic >= latin else _TO_LATIN)


def _fold_table() -> dict[int, str | None]:
    table: dict[int, str | None] = {}
    for letter, latin in _LETTERS.items():
        table[ord(letter)] = table[ord(letter.upper())] = latin
    table.update({ord(letter): letter.lower() for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"})
    table.update(dict.fromkeys(map(ord, _APOSTROPHES)))
    table[ord("№")] = " "
    table.update(_STRESS)
    return table


FOLD = _fold_table()


def fold(text: str) -> str:
    """The form under which a name is searched: small Latin letters, digits and single spaces, nothing else.

    Cyrillic and Latin spellings of one name give one text: 'Ж.К. „София–юг“' and 'zh.k. Sofia-yug' both give
    'zh k sofia yug'. Accents, quotes, dashes and punctuation go; look-alike letters are made the word's.
    """
    text = unicodedata.normalize("NFC", text)
    exceptional = _CYRILLIC_WORD.search(text) is not None
    folded = one_script(text)
    if exceptional:
        folded = _CYRILLIC_WORD.sub(_exception, folded)
    folded = folded.translate(FOLD)
    if not folded.isascii():
        folded = unicodedata.normalize("NFKD", folded.casefold())
        folded = "".join(each for each in folded if not unicodedata.combining(each)).casefold()
    # What is left are letters of other scripts, which are dropped like punctuation.
    return plain(folded)


def plain(folded: str) -> str:
    """Small Latin letters, digits and single spaces of a text whose letters are folded already."""
    folded = _NOT_PLAIN.sub(" ", folded).strip()
    return _IYA.sub("ia", folded) if "iya" in folded else folded


def _exception(match: re.Match[str]) -> str:
    return EXCEPTIONS.get(match[0].lower(), match[0])


# --------------------------------------------------------------------------------------
# Names in capitals

_SMALL_WORDS = frozenset(("и", "на", "от", "за", "в", "във", "с", "със", "до", "при", "по"))
# Words for kinds of places, small with their full stop: кв. Лозенец. The one-letter ones are initials as well
# and count only as the first word: с. Балша, but Г. М. Димитров.
_PREFIXES = frozenset(("кв", "жк", "гр", "ул", "бул", "пл", "бл", "вх", "ет", "ап", "сп"))
_FIRST_ONLY = frozenset(("с", "м"))
_ACRONYMS = frozenset(
    ("ОУ", "СУ", "СОУ", "УМБАЛ", "МБАЛ", "БАН", "ТЕЦ", "ОДЗ", "ЕАД", "ЕООД", "ООД", "АД", "ЕТ")
)
_VOWELS = frozenset("АЕИОУЪЮЯ")
_TITLE_WORD = re.compile(r"(?<!\w)((?:Ж\.\s?К|В\.\s?З|С\.\s?О)\.)|([^\W_]+(?:[’'][^\W\d_]+)?)(\.?)")


def title_case(text: str) -> str:
    """A Bulgarian name published in capitals as it is usually written; any other text stays as it is.

    'КВ. МАНАСТИРСКИ ЛИВАДИ' gives 'кв. Манастирски Ливади', 'ЛЮЛИН VIII' gives 'Люлин VIII'. Words without a
    vowel (НДК) are taken for abbreviations and stay.
    """
    if text != text.upper() or not CYRILLIC.search(text):
        return text
    return _TITLE_WORD.sub(lambda match: _title_word(match, text), text)


def _title_word(match: re.Match[str], text: str) -> str:
    pair, word, stop = match.groups()
    if pair:
        return str(pair).lower()
    low = word.lower()
    start = match.start()
    first = not _WORD.search(text, 0, start)
    joined = start > 0 and text[start - 1] == "-"
    if joined and start > 1 and text[start - 2].isdigit():
        return f"{low}{stop}"  # 102-ро
    if not word.isalpha() or not CYRILLIC.search(word):
        return f"{word}{stop}"  # 14А, VIII
    if stop and (low in _PREFIXES or (first and low in _FIRST_ONLY)):
        return f"{low}{stop}"
    if low in _SMALL_WORDS and not (first or stop or joined):
        return str(low)
    if word in _ACRONYMS or (len(word) > 1 and not stop and not _VOWELS & set(word)):
        return f"{word}{stop}"
    return f"{word[0]}{low[1:]}{stop}"
