"""Building permits: what may be built, where, and since when."""

from __future__ import annotations

import datetime as dt

from sqlalchemy.orm import Mapped

from twin.entities.base import CityEntity
from twin.fields import Choice, field, link, text_field, texts_field


class PermitStatus(Choice):
    """What a permit is worth."""

    IN_FORCE = "IN_FORCE", "It is in force"
    RECERTIFIED = "RECERTIFIED", "It had run out and was certified anew"


class PermitWorks(Choice):
    """What a permit is for, told from the words of its description."""

    CHANGE_OF_USE = "CHANGE_OF_USE", "A change of use"
    EXTENSION = "EXTENSION", "An extension or a further storey"
    TELECOMMUNICATIONS = "TELECOMMUNICATIONS", "Telecommunications: antennas, base stations"
    UTILITY_NETWORK = "UTILITY_NETWORK", "Pipes, cables or other utility networks"
    RENOVATION = "RENOVATION", "A renovation or conversion"
    FENCE = "FENCE", "A fence or retaining wall"
    RESIDENTIAL = "RESIDENTIAL", "Dwellings"
    PARKING = "PARKING", "Garages or parking spaces"
    COMMERCIAL = "COMMERCIAL", "Shops, offices, hotels, industry"
    PUBLIC = "PUBLIC", "Schools and other public buildings"
    OUTBUILDING = "OUTBUILDING", "An outbuilding"


class Permit(CityEntity):
    """A building permit (разрешение за строеж). The register's free text may name people; of the description
    only its kind is kept, of the address no floor or flat."""

    __tablename__ = "permit"
    __label__ = ("number", "number")

    register_id: Mapped[str] = text_field(
        "The register's own key of the permit; its number alone is not unique",
        identifier="PERMIT", unique=True,
    )  # fmt: skip
    number: Mapped[str] = text_field("Number and date of issue, such as 39/09.11.2018", index=True)
    issued_on: Mapped[dt.date | None] = field("When it was issued", index=True)
    took_effect_on: Mapped[dt.date | None] = field("When it took effect, where the register says it")
    status: Mapped[str | None] = field("What it is worth", enumeration=PermitStatus)
    works: Mapped[str | None] = field(
        "What may be built, told from the first telling word of the description; null where none tells",
        enumeration=PermitWorks, index=True,
    )  # fmt: skip
    issuer: Mapped[str | None] = text_field("The office that issued it")
    locality: Mapped[str | None] = text_field("Locality or plan area, as the register writes it")
    regulation_quarter: Mapped[str | None] = text_field("Quarter (кв.) of the regulation plan")
    regulated_plot: Mapped[str | None] = text_field("Regulated plot (УПИ) of that quarter")
    cadastral_ids: Mapped[list[str] | None] = texts_field(
        "Cadastral identifiers of the parcels, buildings and units that it names"
    )
    cadastral_parcel: Mapped[str | None] = text_field(
        "Cadastral identifier of the parcel it is for: that of the first identifier that it names", index=True
    )
    address_text: Mapped[str | None] = text_field("Address as the register writes it, without floor and flat")
    match_key: Mapped[str | None] = text_field(
        "What two spellings of its address have in common", hidden=True, index=True
    )
    district_hint: Mapped[str | None] = text_field("Key of the district that the register names", hidden=True)
    building: Mapped[str | None] = link("Building", "The building it is for, by its best link")
    address: Mapped[str | None] = link("Address", "The address it is for, by its best link")
    district: Mapped[str | None] = link(
        "District", "The district of its building or address, else the one that the register names"
    )
    neighbourhood: Mapped[str | None] = link(
        "Neighbourhood", "The neighbourhood of its building or address; null where it is tied to neither"
    )
