"""What spellings of an organisation's name have in common: the folded name without words of legal form."""

from __future__ import annotations

#: folded: legal forms, what firms add to say so, and the country, which a chain's sign leaves out
_FORM_WORDS = (
    "eood", "ood", "ead", "ad", "et", "sd", "kd", "kda", "adsits", "eadsits", "dzzd", "dpk", "edpk", "dp",
    "ltd", "llc", "plc", "gmbh", "ag", "sa", "se", "inc", "co", "bulgaria", "bg",
)  # fmt: skip

#: characters of a core that are kept: an index takes no text of any length
LONGEST_CORE = 200


def core_name(folded: str) -> str:
    """SQL for the core of a folded name, null where nothing is left: 'lidl bulgaria eood' gives 'lidl'.

    `folded` is an SQL expression whose value twin.text.fold made.
    """
    plain = f"regexp_replace({folded}, '\\m({'|'.join(_FORM_WORDS)})\\M', ' ', 'g')"
    return f"NULLIF(btrim(left(regexp_replace({plain}, ' +', ' ', 'g'), {LONGEST_CORE})), '')"
