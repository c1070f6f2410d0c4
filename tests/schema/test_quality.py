"""How old and how good data sets are, and what is wrong with them, as the API answers it."""

from __future__ import annotations

import datetime as dt

from tests.schema.conftest import Asked
from tests.town import Town


def test_a_source_says_how_old_and_how_good_it_is(town: Town, ask: Asked) -> None:
    """Its age is worked out when it is asked for; where it was fetched, that counts."""
    source = {"title": "T", "publisher": "P", "entities": "Facility", "format": "tabular", "file": "f.csv"}
    now = dt.datetime.now(dt.UTC)
    ages = {"fresh": (7, 7.5, None), "old": (7, 8.5, None), "fetched": (7, 1, 9), "odd": (None, 99, None)}
    for name, (days, loaded, fetched) in ages.items():
        town.add(
            "Source", f"aged-{name}", **source, refresh_days=days, loaded_at=now - dt.timedelta(loaded),
            fetched_at=fetched and now - dt.timedelta(fetched),
        )  # fmt: skip
    town.add("Source", "aged-never", **source, refresh_days=1)
    town.add(
        "QualityMeasurement", "aged-old/Facility/name/COMPLETENESS", source="aged-old", entity="Facility",
        field="name", metric="COMPLETENESS", value=0.25, least=0.5, outcome="BELOW",
    )  # fmt: skip
    answer = ask(
        """{ sources { id ageDays stale quality { nodes { metric entity field value least most outcome } } }
             qualityMeasurements(where: { outcome: { ne: MET }, source: { stale: { eq: true } } }) {
               nodes { id source { id } } } }"""
    )
    found = {one.pop("id"): one for one in answer["sources"]}
    assert {
        name: (found[f"Source:aged-{name}"]["ageDays"], found[f"Source:aged-{name}"]["stale"])
        for name in (*ages, "never")
    } == {
        "fresh": (7, False), "old": (8, True), "fetched": (9, True), "odd": (99, None), "never": (None, None)
    }  # fmt: skip
    assert found["Source:aged-old"]["quality"]["nodes"] == [
        {"metric": "COMPLETENESS", "entity": "Facility", "field": "name", "value": 0.25, "least": 0.5,
         "most": None, "outcome": "BELOW"}
    ]  # fmt: skip
    assert answer["qualityMeasurements"]["nodes"] == [
        {"id": "QualityMeasurement:aged-old/Facility/name/COMPLETENESS", "source": {"id": "Source:aged-old"}}
    ]


def test_a_notice_says_what_its_rule_means(town: Town, ask: Asked) -> None:
    town.run(
        "INSERT INTO code_value (key, scheme, code, label_en) VALUES"
        " ('notice_rule/no-key', 'notice_rule', 'no-key', 'A record has no key.')"
    )
    for rule in ("no-key", "gone-rule"):
        town.add("Notice", f"s/{rule}/1", rule=rule, severity="ERROR", occurrences=1, message="m")
    answer = ask('{ notices(where: { rule: { in: ["no-key", "gone-rule"] } }) { nodes { rule meaning } } }')
    assert answer["notices"]["nodes"] == [
        {"rule": "gone-rule", "meaning": None},
        {"rule": "no-key", "meaning": "A record has no key."},
    ]
