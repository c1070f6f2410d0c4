"""Registered organisations and where they are."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy.orm import Mapped

from twin.entities.base import CityEntity, SpatialEntity
from twin.fields import Choice, field, generated, geometry, link, many, rendition, text_field
from twin.names import core_name
from twin.terms import ORG, ROV


class Ownership(Choice):
    """Whose a publicly owned company is."""

    STATE = "STATE", "The State's"
    MUNICIPAL = "MUNICIPAL", "The municipality's"
    MIXED = "MIXED", "Partly public, partly private"


class Proceedings(Choice):
    """What is under way against or about a company."""

    LIQUIDATION = "LIQUIDATION", "It is being wound up"
    INSOLVENCY = "INSOLVENCY", "It is in insolvency proceedings"
    INSOLVENCY_SECOND_INSTANCE = "INSOLVENCY_SECOND_INSTANCE", "They are before the second instance"
    INSOLVENCY_THIRD_INSTANCE = "INSOLVENCY_THIRD_INSTANCE", "They are before the third instance"
    STABILISATION = "STABILISATION", "It is in stabilisation proceedings, to escape insolvency"


class ActivityEdition(Choice):
    """An edition of the Bulgarian classification of economic activities."""

    NKID_2003 = "NKID_2003", "НКИД-2003"
    KID_2008 = "KID_2008", "КИД-2008 (NACE Rev. 2)"
    KID_2025 = "KID_2025", "КИД-2025 (NACE Rev. 2.1)"


class EditionBasis(Choice):
    """What shows the edition of an activity's code."""

    CODE = "CODE", "Only this edition has such a code"
    DATE = "DATE", "Only this edition had it when the entry was made"
    TEXT = "TEXT", "The register's words for the code are this edition's"


class SiteKind(Choice):
    """What an organisation does at a site."""

    SEAT = "SEAT", "It has its registered seat there"
    BRANCH = "BRANCH", "It has a registered branch there"
    OUTLET = "OUTLET", "It serves people there: a shop, an office"


class Business(CityEntity):
    """A registered organisation (rov:RegisteredOrganization). Persons behind it are never kept; sole traders,
    whose name is a person's, show neither name nor address."""

    __tablename__ = "business"
    __term__ = ROV + "RegisteredOrganization"
    __label__ = ("legal_name", "legal_name_latin")

    eik: Mapped[str] = text_field(
        "Uniform identification code (ЕИК/БУЛСТАТ), 9 digits",
        identifier="EIK",
        unique=True,
        term=ROV + "registration",
    )
    legal_name: Mapped[str | None] = text_field("Legal name; null for sole traders", term=ROV + "legalName")
    legal_name_latin: Mapped[str | None] = text_field(
        "The register's own Latin name, else transliterated", latin_of="legal_name"
    )
    legal_name_folded: Mapped[str | None] = text_field("Folded name", folded_of="legal_name", hidden=True)
    name_core: Mapped[str | None] = generated(
        "Folded name without words of legal form", core_name("legal_name_folded")
    )
    legal_form: Mapped[str | None] = field("Legal form", codes="legal_form", index=True, term=ROV + "orgType")
    status: Mapped[str | None] = field(
        "State of its entry in the register: N and E are active, C and L closed. A closed business keeps its "
        "last known sites; ask for N and E to leave them out",
        codes="business_status", term=ROV + "orgStatus",
    )  # fmt: skip
    proceedings: Mapped[str | None] = field(
        "Liquidation, insolvency or stabilisation, where it is under way", enumeration=Proceedings
    )
    activity: Mapped[str | None] = field(
        "Main activity as the register codes it", codes="activity", term=ROV + "orgActivity"
    )
    activity_edition: Mapped[str | None] = field(
        "Edition of the classification that the activity's code is from (НКИД-2003, КИД-2008 or КИД-2025); "
        "null where the register does not show it", enumeration=ActivityEdition,
    )  # fmt: skip
    activity_edition_basis: Mapped[str | None] = field(
        "What shows the edition: only it has such a code, only it had when the entry was made, or the "
        "register's own words for the code are its", enumeration=EditionBasis,
    )  # fmt: skip
    ownership: Mapped[str | None] = field("Whose it is, for publicly owned companies", enumeration=Ownership)
    natural_person_like: Mapped[bool | None] = field(
        "Whether its name and seat may be a person's (sole traders); once so, always so"
    )
    registered_on: Mapped[dt.date | None] = field("When it was entered in the register")

    sites = many("Site", "Where it is", by="business", term=ORG + "hasSite")


class Site(SpatialEntity):
    """Where an organisation is (org:Site): the hinge between business and space."""

    __tablename__ = "site"
    __term__ = ORG + "Site"
    __label__ = ("name", "name_latin")
    __geometry__ = "position"

    kind: Mapped[str] = field("What the organisation does there", enumeration=SiteKind, index=True)
    eik: Mapped[str | None] = text_field(
        "A branch's own code (ЕИК/БУЛСТАТ), 13 digits that begin with its organisation's",
        identifier="EIK_BRANCH", index=True,
    )  # fmt: skip
    name: Mapped[str | None] = text_field("What is written above the door, or the organisation's name")
    name_latin: Mapped[str | None] = text_field("Name in Latin script", latin_of="name")
    name_folded: Mapped[str | None] = text_field("Folded name", folded_of="name", hidden=True)
    operator: Mapped[str | None] = text_field("Who runs it: the chain, brand or company")
    operator_folded: Mapped[str | None] = text_field("Folded operator", folded_of="operator", hidden=True)
    category: Mapped[str | None] = field(
        "Line of business, such as shop=supermarket", codes="site_category", index=True
    )
    address_text: Mapped[str | None] = text_field("Address as the source writes it; null for sole traders")
    match_key: Mapped[str | None] = text_field(
        "What two spellings of its address have in common", hidden=True, index=True
    )
    district_hint: Mapped[str | None] = text_field(
        "Key of the district that the source itself names", hidden=True
    )
    osm_id: Mapped[str | None] = text_field(
        "OpenStreetMap object, such as node/123", identifier="OSM_SITE", index=True
    )
    brand_wikidata: Mapped[str | None] = text_field(
        "Wikidata item of its brand or chain, such as Q537781", index=True
    )
    position: Mapped[Any] = geometry("Where it is, when the source says so", "POINT", nullable=True)
    geojson: Mapped[Any] = rendition("position")
    business: Mapped[str | None] = link(
        "Business",
        "The registered organisation: of a seat or branch as the register says it, of an outlet by its best "
        "link",
        derived=False, linked="business_linked", term=ORG + "siteOf",
    )  # fmt: skip
    business_hint: Mapped[str | None] = text_field(
        "Key of the business that the source of an outlet itself names", hidden=True
    )
    business_linked: Mapped[bool | None] = field(
        "Whether the business is that of the best link, for no source says it", hidden=True, derived=True
    )
    building: Mapped[str | None] = link("Building", "The building it is in, by its best link")
    address: Mapped[str | None] = link(
        "Address", "The address it is at, by its best link", term=ORG + "siteAddress"
    )
    district: Mapped[str | None] = link(
        "District",
        "The district of its position, else of its building or address, else the one its source names",
    )
    neighbourhood: Mapped[str | None] = link("Neighbourhood", "The neighbourhood, found as the district is")
