"""Planning units: the areas that the master plan and the census count by."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Mapped

from twin.entities.base import SpatialEntity
from twin.fields import area, field, geometry, link, perimeter, rendition, text_field
from twin.terms import INSPIRE


class PlanningUnit(SpatialEntity):
    """A planning unit (градоустройствена единица) with a census count of it (INSPIRE StatisticalUnit)."""

    __tablename__ = "planning_unit"
    __term__ = INSPIRE + "StatisticalUnit"
    __label__ = ("name", "name_latin")
    __geometry__ = "boundary"

    name: Mapped[str | None] = text_field("Name as published, such as ж.к. Надежда 4")
    name_latin: Mapped[str | None] = text_field("Name in Latin script", latin_of="name")
    name_folded: Mapped[str | None] = text_field("Folded name", folded_of="name", hidden=True)
    settlement: Mapped[str | None] = text_field("Settlement, as the source writes it")
    stated_district: Mapped[str | None] = text_field(
        "Code of the district that the source names; null where it names several"
    )
    census_year: Mapped[int | None] = field("The year of the census that its counts are of", unit="a")
    population: Mapped[int | None] = field("Inhabitants", minimum=0)
    dwellings: Mapped[int | None] = field("Dwellings", minimum=0)
    male: Mapped[int | None] = field("Male inhabitants", minimum=0)
    female: Mapped[int | None] = field("Female inhabitants", minimum=0)
    age_0_14: Mapped[int | None] = field("Inhabitants up to 14 years old", minimum=0)
    age_15_24: Mapped[int | None] = field("Inhabitants of 15 to 24 years", minimum=0)
    age_25_34: Mapped[int | None] = field("Inhabitants of 25 to 34 years", minimum=0)
    age_35_44: Mapped[int | None] = field("Inhabitants of 35 to 44 years", minimum=0)
    age_45_54: Mapped[int | None] = field("Inhabitants of 45 to 54 years", minimum=0)
    age_55_64: Mapped[int | None] = field("Inhabitants of 55 to 64 years", minimum=0)
    age_65_over: Mapped[int | None] = field("Inhabitants of 65 years and more", minimum=0)
    # the file numbers the levels without naming them; their order is told from the totals of the census
    education_tertiary: Mapped[int | None] = field("Inhabitants with higher education", minimum=0)
    education_upper_secondary: Mapped[int | None] = field("Inhabitants with secondary education", minimum=0)
    education_lower_secondary: Mapped[int | None] = field("Inhabitants with basic education", minimum=0)
    education_primary: Mapped[int | None] = field("Inhabitants with primary education", minimum=0)
    education_less: Mapped[int | None] = field("Inhabitants with less than primary education", minimum=0)
    boundary: Mapped[Any] = geometry("Boundary", "MULTIPOLYGON")
    geojson: Mapped[Any] = rendition("boundary")
    district: Mapped[str | None] = link("District", "The district that holds most of it; none when none does")

    area_m2 = area("boundary", "Area")
    perimeter_m = perimeter("boundary", "Perimeter (holes included)")
