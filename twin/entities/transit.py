"""Public transport: stops and routes of the timetable (GTFS), and the network of tracks and wires."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Mapped

from twin.entities.base import CityEntity, SpatialEntity
from twin.entities.facility import FacilityStatus
from twin.fields import (
    Choice,
    field,
    geometry,
    keys_of,
    length,
    link,
    many,
    rendition,
    text_field,
    texts_field,
)
from twin.terms import GTFS, INSPIRE


class TransitMode(Choice):
    """What runs on a route (GTFS route_type)."""

    TRAM = "TRAM", "A tram"
    METRO = "METRO", "A metro"
    RAIL = "RAIL", "A train"
    BUS = "BUS", "A bus"
    TROLLEYBUS = "TROLLEYBUS", "A trolleybus"
    FERRY = "FERRY", "A ferry"
    CABLE = "CABLE", "A cable tram or an aerial lift"
    FUNICULAR = "FUNICULAR", "A funicular"


class TransitStop(SpatialEntity):
    """A stop of the timetable (GTFS stop)."""

    __tablename__ = "transit_stop"
    __term__ = GTFS + "Stop"
    __label__ = ("name", "name_latin")
    __geometry__ = "position"

    gtfs_id: Mapped[str] = text_field("stop_id in the timetable", identifier="GTFS_STOP", index=True)
    name: Mapped[str] = text_field("Name as the timetable writes it")
    name_latin: Mapped[str | None] = text_field("Name in Latin script", latin_of="name")
    name_folded: Mapped[str | None] = text_field("Folded name", folded_of="name", hidden=True)
    departures_weekday: Mapped[int | None] = field("Departures on an ordinary weekday")
    departures_saturday: Mapped[int | None] = field("Departures on an ordinary Saturday")
    departures_sunday: Mapped[int | None] = field("Departures on an ordinary Sunday")
    position: Mapped[Any] = geometry("Where it is", "POINT")
    geojson: Mapped[Any] = rendition("position")
    route_keys: Mapped[list[str] | None] = keys_of("TransitRoute", "Routes that serve it")
    district: Mapped[str | None] = link("District", "The district it lies in")
    neighbourhood: Mapped[str | None] = link("Neighbourhood", "The neighbourhood it lies in")
    street: Mapped[str | None] = link("StreetSegment", "The street it is on, by its best link")

    routes = many("TransitRoute", "Routes that serve it", keys="route_keys")


class TransitRoute(CityEntity):
    """A route of the timetable (GTFS route)."""

    __tablename__ = "transit_route"
    __term__ = GTFS + "Route"
    __label__ = ("long_name", "long_name_latin")

    gtfs_id: Mapped[str] = text_field("route_id in the timetable", identifier="GTFS_ROUTE", index=True)
    short_name: Mapped[str] = text_field(
        "What is written on the vehicle, such as 94", term=GTFS + "shortName"
    )
    long_name: Mapped[str | None] = text_field("Full name", term=GTFS + "longName")
    long_name_latin: Mapped[str | None] = text_field("Full name in Latin script", latin_of="long_name")
    long_name_folded: Mapped[str | None] = text_field("Folded full name", folded_of="long_name", hidden=True)
    mode: Mapped[str] = field("What runs on it", enumeration=TransitMode, index=True)
    colour: Mapped[str | None] = text_field("Colour of the line, RRGGBB", term=GTFS + "color")
    text_colour: Mapped[str | None] = text_field("Colour of text upon it, RRGGBB", term=GTFS + "textColor")
    stop_keys: Mapped[list[str] | None] = keys_of("TransitStop", "Stops that it serves")

    stops = many("TransitStop", "Stops that it serves, in the order of travel", keys="stop_keys")


class TransitLink(SpatialEntity):
    """A stretch of tram track, trolleybus wire or metro line (INSPIRE TransportLink)."""

    __tablename__ = "transit_link"
    __term__ = INSPIRE + "TransportLink"
    __geometry__ = "centreline"

    mode: Mapped[str] = field("What runs on it", enumeration=TransitMode, index=True)
    lines: Mapped[list[str] | None] = texts_field("Numbers of the lines that run on it, such as 22")
    status: Mapped[str | None] = field("Whether it is there yet", enumeration=FacilityStatus)
    centreline: Mapped[Any] = geometry("Centre line", "MULTILINESTRING")
    geojson: Mapped[Any] = rendition("centreline")
    district: Mapped[str | None] = link("District", "The district that holds most of it; none when none does")

    length_m = length("centreline", "Length")
