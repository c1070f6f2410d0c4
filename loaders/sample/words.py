"""Invented Bulgarian names for the sample city's streets, neighbourhoods, people and companies.

Names are put together from parts, so that none is taken from a real register on purpose.
"""

from __future__ import annotations

from itertools import product

import numpy as np

# (masculine, feminine, neuter, plural): a Bulgarian adjective agrees with its noun
ADJECTIVES = (
    ("Бял", "Бяла", "Бяло", "Бели"),
    ("Стар", "Стара", "Старо", "Стари"),
    ("Нов", "Нова", "Ново", "Нови"),
    ("Зелен", "Зелена", "Зелено", "Зелени"),
    ("Златен", "Златна", "Златно", "Златни"),
    ("Сребърен", "Сребърна", "Сребърно", "Сребърни"),
    ("Червен", "Червена", "Червено", "Червени"),
    ("Син", "Синя", "Синьо", "Сини"),
    ("Горен", "Горна", "Горно", "Горни"),
    ("Долен", "Долна", "Долно", "Долни"),
    ("Тих", "Тиха", "Тихо", "Тихи"),
    ("Светъл", "Светла", "Светло", "Светли"),
    ("Слънчев", "Слънчева", "Слънчево", "Слънчеви"),
    ("Студен", "Студена", "Студено", "Студени"),
    ("Дълъг", "Дълга", "Дълго", "Дълги"),
    ("Висок", "Висока", "Високо", "Високи"),
    ("Широк", "Широка", "Широко", "Широки"),
    ("Росен", "Росна", "Росно", "Росни"),
    ("Пролетен", "Пролетна", "Пролетно", "Пролетни"),
    ("Есенен", "Есенна", "Есенно", "Есенни"),
    ("Каменен", "Каменна", "Каменно", "Каменни"),
    ("Ясен", "Ясна", "Ясно", "Ясни"),
)

# (noun, which of the four adjective forms it takes)
NOUNS = (
    ("извор", 0), ("кладенец", 0), ("бряг", 0), ("камък", 0), ("връх", 0), ("мост", 0), ("дъб", 0),
    ("явор", 0), ("бор", 0), ("дол", 0), ("рид", 0), ("лъч", 0), ("ручей", 0), ("здравец", 0),
    ("чешма", 1), ("поляна", 1), ("бреза", 1), ("роза", 1), ("звезда", 1), ("ливада", 1), ("могила", 1),
    ("река", 1), ("топола", 1), ("череша", 1), ("круша", 1), ("гора", 1), ("скала", 1), ("градина", 1),
    ("теменуга", 1), ("перуника", 1), ("върба", 1), ("мелница", 1), ("порта", 1), ("дъга", 1),
    ("поле", 2), ("езеро", 2), ("дърво", 2), ("бърдо", 2), ("утро", 2), ("лале", 2), ("кокиче", 2),
    ("липи", 3), ("брези", 3), ("дъбове", 3), ("ливади", 3), ("борове", 3), ("скали", 3), ("ниви", 3),
)  # fmt: skip

NEIGHBOURHOOD_NOUNS = (
    ("кладенец", 0), ("бряг", 0), ("рид", 0), ("дол", 0), ("чешма", 1), ("поляна", 1), ("могила", 1),
    ("ливада", 1), ("градина", 1), ("вада", 1), ("бара", 1), ("поле", 2), ("бърдо", 2), ("езеро", 2),
    ("липи", 3), ("брези", 3), ("ливади", 3), ("борове", 3), ("ниви", 3), ("овощници", 3), ("лозя", 3),
)  # fmt: skip

TITLES = ("", "", "Проф. ", "Ген. ", "Акад. ", "Д-р ", "Полк. ", "Поп ", "Кап. ")

# (his, hers): given names; a surname's feminine form adds "а"
MEN = (
    "Борислав", "Велизар", "Радослав", "Тихомир", "Цветомир", "Живко", "Делян", "Огнян", "Камен",
    "Явор", "Светлин", "Бисер", "Росен", "Младен", "Станимир", "Любен", "Калоян", "Мирослав",
    "Здравко", "Искрен", "Добромир", "Велин", "Захари", "Чавдар", "Симеон", "Крум",
)  # fmt: skip
WOMEN = (
    "Биляна", "Велина", "Радостина", "Теменужка", "Цветана", "Живка", "Деляна", "Огняна", "Калина",
    "Яворка", "Светлина", "Бисера", "Росица", "Младена", "Станимира", "Любена", "Мирослава",
    "Здравка", "Искра", "Добромира", "Невена", "Зорница", "Снежана", "Симона", "Ралица",
)  # fmt: skip
SURNAMES = (
    "Брезов", "Яворов", "Чешмеджиев", "Кладенчев", "Поляков", "Горянов", "Липов", "Дъбев", "Трендафилов",
    "Ручеев", "Скалов", "Мостов", "Върбанов", "Копривчин", "Планински", "Изворски", "Равнинов", "Житаров",
    "Лозарев", "Медникаров", "Грънчаров", "Тепавичаров", "Воденичаров", "Овощаров", "Пчеларов", "Каменаров",
    "Звездев", "Слънчев", "Мразов", "Снегов", "Росенов", "Виделинов", "Светлев", "Бистрев", "Кипров",
    "Божурин", "Синчецов", "Макаров", "Детелинов", "Здравчев",
)  # fmt: skip

COMPANY_SYLLABLES = (
    "БА", "ВЕ", "ГО", "ДИ", "ЖЕ", "ЗО", "КА", "ЛЕ", "МИ", "НО", "ПЕ", "РА", "СИ", "ТО", "ФИ", "ЦВЕ", "ША",
    "Ю",
)  # fmt: skip
COMPANY_ENDINGS = ("Н", "КС", "РА", "ЛИ", "МА", "ТЕКС", "НИ", "РО", "ВИЯ", "ДА")
COMPANY_TRADES = (
    "ТРЕЙД", "КОНСУЛТ", "СТРОЙ", "ИНВЕСТ", "ГРУП", "СЪРВИЗ", "ДИЗАЙН", "ЛОГИСТИК", "СОФТ", "МЕДИА", "ФУУДС",
    "ИМОТИ", "ЕНЕРДЖИ", "АГРО", "ТРАНС", "МЕД", "ТЕХ", "АРТ", "ХОУМ", "КЛИЙН", "АВТО", "ТУРС", "ФИНАНС",
    "ИНЖЕНЕРИНГ", "ФАРМ",
)  # fmt: skip


def street_names(rng: np.random.Generator) -> list[str]:
    """Thousands of different street names without the word for street, in a shuffled order."""
    plain = [f"{forms[gender]} {noun}" for forms, (noun, gender) in product(ADJECTIVES, NOUNS)]
    people = [f"{title}{man} {surname}" for title, man, surname in product(TITLES[1:], MEN, SURNAMES)]
    pool = plain + [people[k] for k in rng.permutation(len(people))[:2600]]
    return [pool[k] for k in rng.permutation(len(pool))]


def neighbourhood_names(rng: np.random.Generator) -> list[str]:
    """Different neighbourhood names without their prefix, enough for every district, shuffled."""
    pool = [f"{forms[gender]} {noun}" for forms, (noun, gender) in product(ADJECTIVES, NEIGHBOURHOOD_NOUNS)]
    return [pool[k] for k in rng.permutation(len(pool))]


def person_names(rng: np.random.Generator, count: int) -> list[str]:
    """Invented people, as given name, father's name and surname."""
    parts = zip(
        (rng.random(count) < 0.45).tolist(),
        rng.integers(len(WOMEN), size=count).tolist(),
        rng.integers(len(MEN), size=count).tolist(),
        rng.integers(len(SURNAMES), size=count).tolist(),
        rng.integers(len(SURNAMES), size=count).tolist(),
        strict=True,
    )
    return [
        f"{WOMEN[given]} {_hers(SURNAMES[father])} {_hers(SURNAMES[family])}"
        if female
        else f"{MEN[given_man]} {SURNAMES[father]} {SURNAMES[family]}"
        for female, given, given_man, father, family in parts
    ]


def _hers(surname: str) -> str:
    return surname.removesuffix("и") + "а"


def company_name(number: int) -> str:
    """An invented company name; different numbers give different names."""
    # a stride prime to the number of combinations spreads neighbours over the whole pool
    combinations = len(COMPANY_SYLLABLES) ** 2 * len(COMPANY_ENDINGS) * len(COMPANY_TRADES)
    again, k = divmod(number, combinations)
    k = k * 48_611 % combinations
    k, trade = divmod(k, len(COMPANY_TRADES))
    k, ending = divmod(k, len(COMPANY_ENDINGS))
    second, first = divmod(k, len(COMPANY_SYLLABLES))
    word = COMPANY_SYLLABLES[first] + COMPANY_SYLLABLES[second] + COMPANY_ENDINGS[ending]
    return f"{word} {COMPANY_TRADES[trade]}" + (f" {again + 1}" if again else "")
