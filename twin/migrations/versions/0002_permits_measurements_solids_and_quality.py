"""Permits, measurements, solids and quality."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context, op
from geoalchemy2 import Geometry
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    srid = context.get_context().opts["srid"]
    op.create_table(
        "air_quality_station",
        sa.Column("key", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(collation="C"), nullable=False),
        sa.Column(
            "position",
            Geometry(geometry_type="POINT", srid=srid, dimension=2, spatial_index=False),
            nullable=False,
        ),
        sa.Column(
            "geojson",
            postgresql.JSON(none_as_null=True, astext_type=sa.Text()),
            sa.Computed("(ST_AsGeoJSON(ST_Transform(position, 4326), 7))::json", persisted=True),
            nullable=True,
        ),
        sa.Column("district", sa.Text(collation="C"), nullable=True),
        sa.Column("neighbourhood", sa.Text(collation="C"), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sources", postgresql.ARRAY(sa.Text(collation="C")), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("air_quality_station_pkey")),
    )
    op.create_index(
        op.f("air_quality_station_district_idx"), "air_quality_station", ["district"], unique=False
    )
    op.create_index(
        op.f("air_quality_station_neighbourhood_idx"), "air_quality_station", ["neighbourhood"], unique=False
    )
    op.create_index(
        "idx_air_quality_station_position",
        "air_quality_station",
        ["position"],
        unique=False,
        postgresql_using="gist",
    )
    op.create_table(
        "air_quality_station_history",
        sa.Column("version", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("key", sa.Text(collation="C"), nullable=True),
        sa.Column("name", sa.Text(collation="C"), nullable=True),
        sa.Column(
            "position",
            Geometry(geometry_type="POINT", srid=srid, dimension=2, spatial_index=False),
            nullable=True,
        ),
        sa.Column("district", sa.Text(collation="C"), nullable=True),
        sa.Column("neighbourhood", sa.Text(collation="C"), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sources", postgresql.ARRAY(sa.Text(collation="C")), nullable=True),
        sa.Column(
            "recorded_to", sa.DateTime(timezone=True), nullable=False, comment="When a newer version came"
        ),
        sa.PrimaryKeyConstraint("version", name=op.f("air_quality_station_history_pkey")),
    )
    op.create_index(
        "air_quality_station_history_key_idx",
        "air_quality_station_history",
        ["key", "recorded_to"],
        unique=False,
    )
    op.create_table(
        "building_solid",
        sa.Column("key", sa.Text(collation="C"), nullable=False),
        sa.Column("building", sa.Text(collation="C"), nullable=True),
        sa.Column("lod", sa.Text(collation="C"), nullable=False),
        sa.Column("volume_m3", sa.Double(), nullable=True),
        sa.Column("ground_area_m2", sa.Double(), nullable=True),
        sa.Column("roof_area_m2", sa.Double(), nullable=True),
        sa.Column("wall_area_m2", sa.Double(), nullable=True),
        sa.Column("lowest_m", sa.Double(), nullable=False),
        sa.Column("highest_m", sa.Double(), nullable=False),
        sa.Column("height_datum", sa.Text(collation="C"), nullable=True),
        sa.Column(
            "solid",
            Geometry(geometry_type="GEOMETRYZ", srid=srid, dimension=3, spatial_index=False),
            nullable=False,
        ),
        sa.Column("cityjson", postgresql.JSON(astext_type=sa.Text()), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sources", postgresql.ARRAY(sa.Text(collation="C")), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("building_solid_pkey")),
    )
    op.create_index(op.f("building_solid_building_idx"), "building_solid", ["building"], unique=False)
    op.create_index(op.f("building_solid_volume_m3_idx"), "building_solid", ["volume_m3"], unique=False)
    op.create_index(
        "idx_building_solid_solid", "building_solid", ["solid"], unique=False, postgresql_using="gist"
    )
    op.create_table(
        "building_solid_history",
        sa.Column("version", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("key", sa.Text(collation="C"), nullable=True),
        sa.Column("building", sa.Text(collation="C"), nullable=True),
        sa.Column("lod", sa.Text(collation="C"), nullable=True),
        sa.Column("volume_m3", sa.Double(), nullable=True),
        sa.Column("ground_area_m2", sa.Double(), nullable=True),
        sa.Column("roof_area_m2", sa.Double(), nullable=True),
        sa.Column("wall_area_m2", sa.Double(), nullable=True),
        sa.Column("lowest_m", sa.Double(), nullable=True),
        sa.Column("highest_m", sa.Double(), nullable=True),
        sa.Column("height_datum", sa.Text(collation="C"), nullable=True),
        sa.Column(
            "solid",
            Geometry(geometry_type="GEOMETRYZ", srid=srid, dimension=3, spatial_index=False),
            nullable=True,
        ),
        sa.Column("cityjson", postgresql.JSON(astext_type=sa.Text()), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sources", postgresql.ARRAY(sa.Text(collation="C")), nullable=True),
        sa.Column(
            "recorded_to", sa.DateTime(timezone=True), nullable=False, comment="When a newer version came"
        ),
        sa.PrimaryKeyConstraint("version", name=op.f("building_solid_history_pkey")),
    )
    op.create_index(
        "building_solid_history_key_idx", "building_solid_history", ["key", "recorded_to"], unique=False
    )
    op.create_table(
        "city_furniture",
        sa.Column("key", sa.Text(collation="C"), nullable=False),
        sa.Column("function", sa.Text(collation="C"), nullable=False),
        sa.Column("count", sa.Integer(), nullable=True),
        sa.Column("volume_l", sa.Integer(), nullable=True),
        sa.Column("condition", sa.Text(collation="C"), nullable=True),
        sa.Column(
            "position",
            Geometry(geometry_type="POINT", srid=srid, dimension=2, spatial_index=False),
            nullable=False,
        ),
        sa.Column(
            "geojson",
            postgresql.JSON(none_as_null=True, astext_type=sa.Text()),
            sa.Computed("(ST_AsGeoJSON(ST_Transform(position, 4326), 7))::json", persisted=True),
            nullable=True,
        ),
        sa.Column("district", sa.Text(collation="C"), nullable=True),
        sa.Column("neighbourhood", sa.Text(collation="C"), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sources", postgresql.ARRAY(sa.Text(collation="C")), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("city_furniture_pkey")),
    )
    op.create_index(op.f("city_furniture_district_idx"), "city_furniture", ["district"], unique=False)
    op.create_index(op.f("city_furniture_function_idx"), "city_furniture", ["function"], unique=False)
    op.create_index(
        op.f("city_furniture_neighbourhood_idx"), "city_furniture", ["neighbourhood"], unique=False
    )
    op.create_index(
        "idx_city_furniture_position", "city_furniture", ["position"], unique=False, postgresql_using="gist"
    )
    op.create_table(
        "city_furniture_history",
        sa.Column("version", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("key", sa.Text(collation="C"), nullable=True),
        sa.Column("function", sa.Text(collation="C"), nullable=True),
        sa.Column("count", sa.Integer(), nullable=True),
        sa.Column("volume_l", sa.Integer(), nullable=True),
        sa.Column("condition", sa.Text(collation="C"), nullable=True),
        sa.Column(
            "position",
            Geometry(geometry_type="POINT", srid=srid, dimension=2, spatial_index=False),
            nullable=True,
        ),
        sa.Column("district", sa.Text(collation="C"), nullable=True),
        sa.Column("neighbourhood", sa.Text(collation="C"), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sources", postgresql.ARRAY(sa.Text(collation="C")), nullable=True),
        sa.Column(
            "recorded_to", sa.DateTime(timezone=True), nullable=False, comment="When a newer version came"
        ),
        sa.PrimaryKeyConstraint("version", name=op.f("city_furniture_history_pkey")),
    )
    op.create_index(
        "city_furniture_history_key_idx", "city_furniture_history", ["key", "recorded_to"], unique=False
    )
    op.create_table(
        "loaded_file",
        sa.Column("key", sa.Text(collation="C"), nullable=False),
        sa.Column("run", sa.Text(collation="C"), nullable=True),
        sa.Column("name", sa.Text(collation="C"), nullable=False),
        sa.Column("checksum", sa.Text(collation="C"), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("loaded_file_pkey")),
    )
    op.create_index(op.f("loaded_file_run_idx"), "loaded_file", ["run"], unique=False)
    op.create_table(
        "named_place",
        sa.Column("key", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(collation="C"), nullable=True),
        sa.Column("name_latin", sa.Text(collation="C"), nullable=True),
        sa.Column("name_folded", sa.Text(collation="C"), nullable=True),
        sa.Column(
            "boundary",
            Geometry(geometry_type="MULTIPOLYGON", srid=srid, dimension=2, spatial_index=False),
            nullable=False,
        ),
        sa.Column(
            "geojson",
            postgresql.JSON(none_as_null=True, astext_type=sa.Text()),
            sa.Computed("(ST_AsGeoJSON(ST_Transform(boundary, 4326), 7))::json", persisted=True),
            nullable=True,
        ),
        sa.Column("district", sa.Text(collation="C"), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sources", postgresql.ARRAY(sa.Text(collation="C")), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("named_place_pkey")),
    )
    op.create_index(
        "idx_named_place_boundary", "named_place", ["boundary"], unique=False, postgresql_using="gist"
    )
    op.create_index(op.f("named_place_district_idx"), "named_place", ["district"], unique=False)
    op.create_index(
        "named_place_name_folded_trgm",
        "named_place",
        ["name_folded"],
        unique=False,
        postgresql_using="gin",
        postgresql_ops={"name_folded": "gin_trgm_ops"},
    )
    op.create_table(
        "named_place_history",
        sa.Column("version", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("key", sa.Text(collation="C"), nullable=True),
        sa.Column("name", sa.Text(collation="C"), nullable=True),
        sa.Column("name_latin", sa.Text(collation="C"), nullable=True),
        sa.Column("name_folded", sa.Text(collation="C"), nullable=True),
        sa.Column(
            "boundary",
            Geometry(geometry_type="MULTIPOLYGON", srid=srid, dimension=2, spatial_index=False),
            nullable=True,
        ),
        sa.Column("district", sa.Text(collation="C"), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sources", postgresql.ARRAY(sa.Text(collation="C")), nullable=True),
        sa.Column(
            "recorded_to", sa.DateTime(timezone=True), nullable=False, comment="When a newer version came"
        ),
        sa.PrimaryKeyConstraint("version", name=op.f("named_place_history_pkey")),
    )
    op.create_index(
        "named_place_history_key_idx", "named_place_history", ["key", "recorded_to"], unique=False
    )
    op.create_table(
        "observation",
        sa.Column("key", sa.Text(collation="C"), nullable=False),
        sa.Column("station", sa.Text(collation="C"), nullable=True),
        sa.Column("observed_property", sa.Text(collation="C"), nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("unit", sa.Text(collation="C"), nullable=True),
        sa.Column("phenomenon_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sources", postgresql.ARRAY(sa.Text(collation="C")), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("observation_pkey")),
    )
    op.create_index(
        op.f("observation_observed_property_idx"), "observation", ["observed_property"], unique=False
    )
    op.create_index(op.f("observation_phenomenon_time_idx"), "observation", ["phenomenon_time"], unique=False)
    op.create_index(op.f("observation_station_idx"), "observation", ["station"], unique=False)
    op.create_index(
        "observation_station_time_idx", "observation", ["station", "phenomenon_time"], unique=False
    )
    op.create_table(
        "observation_history",
        sa.Column("version", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("key", sa.Text(collation="C"), nullable=True),
        sa.Column("station", sa.Text(collation="C"), nullable=True),
        sa.Column("observed_property", sa.Text(collation="C"), nullable=True),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("unit", sa.Text(collation="C"), nullable=True),
        sa.Column("phenomenon_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sources", postgresql.ARRAY(sa.Text(collation="C")), nullable=True),
        sa.Column(
            "recorded_to", sa.DateTime(timezone=True), nullable=False, comment="When a newer version came"
        ),
        sa.PrimaryKeyConstraint("version", name=op.f("observation_history_pkey")),
    )
    op.create_index(
        "observation_history_key_idx", "observation_history", ["key", "recorded_to"], unique=False
    )
    op.create_table(
        "parking_zone",
        sa.Column("key", sa.Text(collation="C"), nullable=False),
        sa.Column("number", sa.Text(collation="C"), nullable=False),
        sa.Column("tariff", sa.Text(collation="C"), nullable=True),
        sa.Column(
            "boundary",
            Geometry(geometry_type="MULTIPOLYGON", srid=srid, dimension=2, spatial_index=False),
            nullable=False,
        ),
        sa.Column(
            "geojson",
            postgresql.JSON(none_as_null=True, astext_type=sa.Text()),
            sa.Computed("(ST_AsGeoJSON(ST_Transform(boundary, 4326), 7))::json", persisted=True),
            nullable=True,
        ),
        sa.Column("district", sa.Text(collation="C"), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sources", postgresql.ARRAY(sa.Text(collation="C")), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("parking_zone_pkey")),
    )
    op.create_index(
        "idx_parking_zone_boundary", "parking_zone", ["boundary"], unique=False, postgresql_using="gist"
    )
    op.create_index(op.f("parking_zone_district_idx"), "parking_zone", ["district"], unique=False)
    op.create_index(op.f("parking_zone_tariff_idx"), "parking_zone", ["tariff"], unique=False)
    op.create_table(
        "parking_zone_history",
        sa.Column("version", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("key", sa.Text(collation="C"), nullable=True),
        sa.Column("number", sa.Text(collation="C"), nullable=True),
        sa.Column("tariff", sa.Text(collation="C"), nullable=True),
        sa.Column(
            "boundary",
            Geometry(geometry_type="MULTIPOLYGON", srid=srid, dimension=2, spatial_index=False),
            nullable=True,
        ),
        sa.Column("district", sa.Text(collation="C"), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sources", postgresql.ARRAY(sa.Text(collation="C")), nullable=True),
        sa.Column(
            "recorded_to", sa.DateTime(timezone=True), nullable=False, comment="When a newer version came"
        ),
        sa.PrimaryKeyConstraint("version", name=op.f("parking_zone_history_pkey")),
    )
    op.create_index(
        "parking_zone_history_key_idx", "parking_zone_history", ["key", "recorded_to"], unique=False
    )
    op.create_table(
        "permit",
        sa.Column("key", sa.Text(collation="C"), nullable=False),
        sa.Column("register_id", sa.Text(collation="C"), nullable=False),
        sa.Column("number", sa.Text(collation="C"), nullable=False),
        sa.Column("issued_on", sa.Date(), nullable=True),
        sa.Column("took_effect_on", sa.Date(), nullable=True),
        sa.Column("status", sa.Text(collation="C"), nullable=True),
        sa.Column("works", sa.Text(collation="C"), nullable=True),
        sa.Column("issuer", sa.Text(collation="C"), nullable=True),
        sa.Column("locality", sa.Text(collation="C"), nullable=True),
        sa.Column("regulation_quarter", sa.Text(collation="C"), nullable=True),
        sa.Column("regulated_plot", sa.Text(collation="C"), nullable=True),
        sa.Column("cadastral_ids", postgresql.ARRAY(sa.Text(collation="C")), nullable=True),
        sa.Column("cadastral_parcel", sa.Text(collation="C"), nullable=True),
        sa.Column("address_text", sa.Text(collation="C"), nullable=True),
        sa.Column("match_key", sa.Text(collation="C"), nullable=True),
        sa.Column("district_hint", sa.Text(collation="C"), nullable=True),
        sa.Column("building", sa.Text(collation="C"), nullable=True),
        sa.Column("address", sa.Text(collation="C"), nullable=True),
        sa.Column("district", sa.Text(collation="C"), nullable=True),
        sa.Column("neighbourhood", sa.Text(collation="C"), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sources", postgresql.ARRAY(sa.Text(collation="C")), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("permit_pkey")),
        sa.UniqueConstraint("register_id", name=op.f("permit_register_id_key")),
    )
    op.create_index(op.f("permit_address_idx"), "permit", ["address"], unique=False)
    op.create_index(op.f("permit_building_idx"), "permit", ["building"], unique=False)
    op.create_index(
        "permit_cadastral_ids_gin", "permit", ["cadastral_ids"], unique=False, postgresql_using="gin"
    )
    op.create_index(op.f("permit_cadastral_parcel_idx"), "permit", ["cadastral_parcel"], unique=False)
    op.create_index(op.f("permit_district_idx"), "permit", ["district"], unique=False)
    op.create_index(op.f("permit_issued_on_idx"), "permit", ["issued_on"], unique=False)
    op.create_index(op.f("permit_match_key_idx"), "permit", ["match_key"], unique=False)
    op.create_index(op.f("permit_neighbourhood_idx"), "permit", ["neighbourhood"], unique=False)
    op.create_index(op.f("permit_number_idx"), "permit", ["number"], unique=False)
    op.create_index(op.f("permit_works_idx"), "permit", ["works"], unique=False)
    op.create_table(
        "permit_history",
        sa.Column("version", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("key", sa.Text(collation="C"), nullable=True),
        sa.Column("register_id", sa.Text(collation="C"), nullable=True),
        sa.Column("number", sa.Text(collation="C"), nullable=True),
        sa.Column("issued_on", sa.Date(), nullable=True),
        sa.Column("took_effect_on", sa.Date(), nullable=True),
        sa.Column("status", sa.Text(collation="C"), nullable=True),
        sa.Column("works", sa.Text(collation="C"), nullable=True),
        sa.Column("issuer", sa.Text(collation="C"), nullable=True),
        sa.Column("locality", sa.Text(collation="C"), nullable=True),
        sa.Column("regulation_quarter", sa.Text(collation="C"), nullable=True),
        sa.Column("regulated_plot", sa.Text(collation="C"), nullable=True),
        sa.Column("cadastral_ids", postgresql.ARRAY(sa.Text(collation="C")), nullable=True),
        sa.Column("cadastral_parcel", sa.Text(collation="C"), nullable=True),
        sa.Column("address_text", sa.Text(collation="C"), nullable=True),
        sa.Column("match_key", sa.Text(collation="C"), nullable=True),
        sa.Column("district_hint", sa.Text(collation="C"), nullable=True),
        sa.Column("building", sa.Text(collation="C"), nullable=True),
        sa.Column("address", sa.Text(collation="C"), nullable=True),
        sa.Column("district", sa.Text(collation="C"), nullable=True),
        sa.Column("neighbourhood", sa.Text(collation="C"), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sources", postgresql.ARRAY(sa.Text(collation="C")), nullable=True),
        sa.Column(
            "recorded_to", sa.DateTime(timezone=True), nullable=False, comment="When a newer version came"
        ),
        sa.PrimaryKeyConstraint("version", name=op.f("permit_history_pkey")),
    )
    op.create_index("permit_history_key_idx", "permit_history", ["key", "recorded_to"], unique=False)
    op.create_table(
        "planning_unit",
        sa.Column("key", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(collation="C"), nullable=True),
        sa.Column("name_latin", sa.Text(collation="C"), nullable=True),
        sa.Column("name_folded", sa.Text(collation="C"), nullable=True),
        sa.Column("settlement", sa.Text(collation="C"), nullable=True),
        sa.Column("stated_district", sa.Text(collation="C"), nullable=True),
        sa.Column("census_year", sa.Integer(), nullable=True),
        sa.Column("population", sa.Integer(), nullable=True),
        sa.Column("dwellings", sa.Integer(), nullable=True),
        sa.Column("male", sa.Integer(), nullable=True),
        sa.Column("female", sa.Integer(), nullable=True),
        sa.Column("age_0_14", sa.Integer(), nullable=True),
        sa.Column("age_15_24", sa.Integer(), nullable=True),
        sa.Column("age_25_34", sa.Integer(), nullable=True),
        sa.Column("age_35_44", sa.Integer(), nullable=True),
        sa.Column("age_45_54", sa.Integer(), nullable=True),
        sa.Column("age_55_64", sa.Integer(), nullable=True),
        sa.Column("age_65_over", sa.Integer(), nullable=True),
        sa.Column("education_tertiary", sa.Integer(), nullable=True),
        sa.Column("education_upper_secondary", sa.Integer(), nullable=True),
        sa.Column("education_lower_secondary", sa.Integer(), nullable=True),
        sa.Column("education_primary", sa.Integer(), nullable=True),
        sa.Column("education_less", sa.Integer(), nullable=True),
        sa.Column(
            "boundary",
            Geometry(geometry_type="MULTIPOLYGON", srid=srid, dimension=2, spatial_index=False),
            nullable=False,
        ),
        sa.Column(
            "geojson",
            postgresql.JSON(none_as_null=True, astext_type=sa.Text()),
            sa.Computed("(ST_AsGeoJSON(ST_Transform(boundary, 4326), 7))::json", persisted=True),
            nullable=True,
        ),
        sa.Column("district", sa.Text(collation="C"), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sources", postgresql.ARRAY(sa.Text(collation="C")), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("planning_unit_pkey")),
    )
    op.create_index(
        "idx_planning_unit_boundary", "planning_unit", ["boundary"], unique=False, postgresql_using="gist"
    )
    op.create_index(op.f("planning_unit_district_idx"), "planning_unit", ["district"], unique=False)
    op.create_index(
        "planning_unit_name_folded_trgm",
        "planning_unit",
        ["name_folded"],
        unique=False,
        postgresql_using="gin",
        postgresql_ops={"name_folded": "gin_trgm_ops"},
    )
    op.create_table(
        "planning_unit_history",
        sa.Column("version", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("key", sa.Text(collation="C"), nullable=True),
        sa.Column("name", sa.Text(collation="C"), nullable=True),
        sa.Column("name_latin", sa.Text(collation="C"), nullable=True),
        sa.Column("name_folded", sa.Text(collation="C"), nullable=True),
        sa.Column("settlement", sa.Text(collation="C"), nullable=True),
        sa.Column("stated_district", sa.Text(collation="C"), nullable=True),
        sa.Column("census_year", sa.Integer(), nullable=True),
        sa.Column("population", sa.Integer(), nullable=True),
        sa.Column("dwellings", sa.Integer(), nullable=True),
        sa.Column("male", sa.Integer(), nullable=True),
        sa.Column("female", sa.Integer(), nullable=True),
        sa.Column("age_0_14", sa.Integer(), nullable=True),
        sa.Column("age_15_24", sa.Integer(), nullable=True),
        sa.Column("age_25_34", sa.Integer(), nullable=True),
        sa.Column("age_35_44", sa.Integer(), nullable=True),
        sa.Column("age_45_54", sa.Integer(), nullable=True),
        sa.Column("age_55_64", sa.Integer(), nullable=True),
        sa.Column("age_65_over", sa.Integer(), nullable=True),
        sa.Column("education_tertiary", sa.Integer(), nullable=True),
        sa.Column("education_upper_secondary", sa.Integer(), nullable=True),
        sa.Column("education_lower_secondary", sa.Integer(), nullable=True),
        sa.Column("education_primary", sa.Integer(), nullable=True),
        sa.Column("education_less", sa.Integer(), nullable=True),
        sa.Column(
            "boundary",
            Geometry(geometry_type="MULTIPOLYGON", srid=srid, dimension=2, spatial_index=False),
            nullable=True,
        ),
        sa.Column("district", sa.Text(collation="C"), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sources", postgresql.ARRAY(sa.Text(collation="C")), nullable=True),
        sa.Column(
            "recorded_to", sa.DateTime(timezone=True), nullable=False, comment="When a newer version came"
        ),
        sa.PrimaryKeyConstraint("version", name=op.f("planning_unit_history_pkey")),
    )
    op.create_index(
        "planning_unit_history_key_idx", "planning_unit_history", ["key", "recorded_to"], unique=False
    )
    op.create_table(
        "quality_measurement",
        sa.Column("key", sa.Text(collation="C"), nullable=False),
        sa.Column("source", sa.Text(collation="C"), nullable=True),
        sa.Column("entity", sa.Text(collation="C"), nullable=True),
        sa.Column("metric", sa.Text(collation="C"), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("least", sa.Double(), nullable=True),
        sa.Column("most", sa.Double(), nullable=True),
        sa.Column("outcome", sa.Text(collation="C"), nullable=True),
        sa.Column("field", sa.Text(collation="C"), nullable=True),
        sa.PrimaryKeyConstraint("key", name=op.f("quality_measurement_pkey")),
    )
    op.create_index(op.f("quality_measurement_source_idx"), "quality_measurement", ["source"], unique=False)
    op.create_table(
        "transit_link",
        sa.Column("key", sa.Text(collation="C"), nullable=False),
        sa.Column("mode", sa.Text(collation="C"), nullable=False),
        sa.Column("lines", postgresql.ARRAY(sa.Text(collation="C")), nullable=True),
        sa.Column("status", sa.Text(collation="C"), nullable=True),
        sa.Column(
            "centreline",
            Geometry(geometry_type="MULTILINESTRING", srid=srid, dimension=2, spatial_index=False),
            nullable=False,
        ),
        sa.Column(
            "geojson",
            postgresql.JSON(none_as_null=True, astext_type=sa.Text()),
            sa.Computed("(ST_AsGeoJSON(ST_Transform(centreline, 4326), 7))::json", persisted=True),
            nullable=True,
        ),
        sa.Column("district", sa.Text(collation="C"), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sources", postgresql.ARRAY(sa.Text(collation="C")), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("transit_link_pkey")),
    )
    op.create_index(
        "idx_transit_link_centreline", "transit_link", ["centreline"], unique=False, postgresql_using="gist"
    )
    op.create_index(op.f("transit_link_district_idx"), "transit_link", ["district"], unique=False)
    op.create_index("transit_link_lines_gin", "transit_link", ["lines"], unique=False, postgresql_using="gin")
    op.create_index(op.f("transit_link_mode_idx"), "transit_link", ["mode"], unique=False)
    op.create_table(
        "transit_link_history",
        sa.Column("version", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("key", sa.Text(collation="C"), nullable=True),
        sa.Column("mode", sa.Text(collation="C"), nullable=True),
        sa.Column("lines", postgresql.ARRAY(sa.Text(collation="C")), nullable=True),
        sa.Column("status", sa.Text(collation="C"), nullable=True),
        sa.Column(
            "centreline",
            Geometry(geometry_type="MULTILINESTRING", srid=srid, dimension=2, spatial_index=False),
            nullable=True,
        ),
        sa.Column("district", sa.Text(collation="C"), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sources", postgresql.ARRAY(sa.Text(collation="C")), nullable=True),
        sa.Column(
            "recorded_to", sa.DateTime(timezone=True), nullable=False, comment="When a newer version came"
        ),
        sa.PrimaryKeyConstraint("version", name=op.f("transit_link_history_pkey")),
    )
    op.create_index(
        "transit_link_history_key_idx", "transit_link_history", ["key", "recorded_to"], unique=False
    )
    op.add_column("business", sa.Column("proceedings", sa.Text(collation="C"), nullable=True))
    op.add_column("business", sa.Column("activity_edition", sa.Text(collation="C"), nullable=True))
    op.add_column("business", sa.Column("activity_edition_basis", sa.Text(collation="C"), nullable=True))
    op.add_column("business_history", sa.Column("proceedings", sa.Text(collation="C"), nullable=True))
    op.add_column("business_history", sa.Column("activity_edition", sa.Text(collation="C"), nullable=True))
    op.add_column(
        "business_history", sa.Column("activity_edition_basis", sa.Text(collation="C"), nullable=True)
    )
    op.add_column(
        "facility", sa.Column("activities", postgresql.ARRAY(sa.Text(collation="C")), nullable=True)
    )
    op.create_index(
        "facility_activities_gin", "facility", ["activities"], unique=False, postgresql_using="gin"
    )
    op.add_column(
        "facility_history", sa.Column("activities", postgresql.ARRAY(sa.Text(collation="C")), nullable=True)
    )
    op.add_column("import_run", sa.Column("mode", sa.Text(collation="C"), nullable=True))
    op.add_column("import_run", sa.Column("record_limit", sa.Integer(), nullable=True))
    op.add_column("import_run", sa.Column("fingerprint", sa.Text(collation="C"), nullable=True))
    op.add_column(
        "record",
        sa.Column(
            "versions",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="Field -> version of the last word on it, of a source that publishes changes",
        ),
    )
    op.add_column("site", sa.Column("eik", sa.Text(collation="C"), nullable=True))
    op.create_index(op.f("site_eik_idx"), "site", ["eik"], unique=False)
    op.add_column("site_history", sa.Column("eik", sa.Text(collation="C"), nullable=True))
    op.add_column("source", sa.Column("stated_licence", sa.Text(collation="C"), nullable=True))
    op.add_column("source", sa.Column("refresh_days", sa.Integer(), nullable=True))
    op.add_column("source", sa.Column("fetched_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("source", "fetched_at")
    op.drop_column("source", "refresh_days")
    op.drop_column("source", "stated_licence")
    op.drop_column("site_history", "eik")
    op.drop_index(op.f("site_eik_idx"), table_name="site")
    op.drop_column("site", "eik")
    op.drop_column("record", "versions")
    op.drop_column("import_run", "fingerprint")
    op.drop_column("import_run", "record_limit")
    op.drop_column("import_run", "mode")
    op.drop_column("facility_history", "activities")
    op.drop_index("facility_activities_gin", table_name="facility", postgresql_using="gin")
    op.drop_column("facility", "activities")
    op.drop_column("business_history", "activity_edition_basis")
    op.drop_column("business_history", "activity_edition")
    op.drop_column("business_history", "proceedings")
    op.drop_column("business", "activity_edition_basis")
    op.drop_column("business", "activity_edition")
    op.drop_column("business", "proceedings")
    op.drop_index("transit_link_history_key_idx", table_name="transit_link_history")
    op.drop_table("transit_link_history")
    op.drop_index(op.f("transit_link_mode_idx"), table_name="transit_link")
    op.drop_index("transit_link_lines_gin", table_name="transit_link", postgresql_using="gin")
    op.drop_index(op.f("transit_link_district_idx"), table_name="transit_link")
    op.drop_index("idx_transit_link_centreline", table_name="transit_link", postgresql_using="gist")
    op.drop_table("transit_link")
    op.drop_index(op.f("quality_measurement_source_idx"), table_name="quality_measurement")
    op.drop_table("quality_measurement")
    op.drop_index("planning_unit_history_key_idx", table_name="planning_unit_history")
    op.drop_table("planning_unit_history")
    op.drop_index(
        "planning_unit_name_folded_trgm",
        table_name="planning_unit",
        postgresql_using="gin",
        postgresql_ops={"name_folded": "gin_trgm_ops"},
    )
    op.drop_index(op.f("planning_unit_district_idx"), table_name="planning_unit")
    op.drop_index("idx_planning_unit_boundary", table_name="planning_unit", postgresql_using="gist")
    op.drop_table("planning_unit")
    op.drop_index("permit_history_key_idx", table_name="permit_history")
    op.drop_table("permit_history")
    op.drop_index(op.f("permit_works_idx"), table_name="permit")
    op.drop_index(op.f("permit_number_idx"), table_name="permit")
    op.drop_index(op.f("permit_neighbourhood_idx"), table_name="permit")
    op.drop_index(op.f("permit_match_key_idx"), table_name="permit")
    op.drop_index(op.f("permit_issued_on_idx"), table_name="permit")
    op.drop_index(op.f("permit_district_idx"), table_name="permit")
    op.drop_index(op.f("permit_cadastral_parcel_idx"), table_name="permit")
    op.drop_index("permit_cadastral_ids_gin", table_name="permit", postgresql_using="gin")
    op.drop_index(op.f("permit_building_idx"), table_name="permit")
    op.drop_index(op.f("permit_address_idx"), table_name="permit")
    op.drop_table("permit")
    op.drop_index("parking_zone_history_key_idx", table_name="parking_zone_history")
    op.drop_table("parking_zone_history")
    op.drop_index(op.f("parking_zone_tariff_idx"), table_name="parking_zone")
    op.drop_index(op.f("parking_zone_district_idx"), table_name="parking_zone")
    op.drop_index("idx_parking_zone_boundary", table_name="parking_zone", postgresql_using="gist")
    op.drop_table("parking_zone")
    op.drop_index("observation_history_key_idx", table_name="observation_history")
    op.drop_table("observation_history")
    op.drop_index("observation_station_time_idx", table_name="observation")
    op.drop_index(op.f("observation_station_idx"), table_name="observation")
    op.drop_index(op.f("observation_phenomenon_time_idx"), table_name="observation")
    op.drop_index(op.f("observation_observed_property_idx"), table_name="observation")
    op.drop_table("observation")
    op.drop_index("named_place_history_key_idx", table_name="named_place_history")
    op.drop_table("named_place_history")
    op.drop_index(
        "named_place_name_folded_trgm",
        table_name="named_place",
        postgresql_using="gin",
        postgresql_ops={"name_folded": "gin_trgm_ops"},
    )
    op.drop_index(op.f("named_place_district_idx"), table_name="named_place")
    op.drop_index("idx_named_place_boundary", table_name="named_place", postgresql_using="gist")
    op.drop_table("named_place")
    op.drop_index(op.f("loaded_file_run_idx"), table_name="loaded_file")
    op.drop_table("loaded_file")
    op.drop_index("city_furniture_history_key_idx", table_name="city_furniture_history")
    op.drop_table("city_furniture_history")
    op.drop_index("idx_city_furniture_position", table_name="city_furniture", postgresql_using="gist")
    op.drop_index(op.f("city_furniture_neighbourhood_idx"), table_name="city_furniture")
    op.drop_index(op.f("city_furniture_function_idx"), table_name="city_furniture")
    op.drop_index(op.f("city_furniture_district_idx"), table_name="city_furniture")
    op.drop_table("city_furniture")
    op.drop_index("building_solid_history_key_idx", table_name="building_solid_history")
    op.drop_table("building_solid_history")
    op.drop_index("idx_building_solid_solid", table_name="building_solid", postgresql_using="gist")
    op.drop_index(op.f("building_solid_volume_m3_idx"), table_name="building_solid")
    op.drop_index(op.f("building_solid_building_idx"), table_name="building_solid")
    op.drop_table("building_solid")
    op.drop_index("air_quality_station_history_key_idx", table_name="air_quality_station_history")
    op.drop_table("air_quality_station_history")
    op.drop_index(
        "idx_air_quality_station_position", table_name="air_quality_station", postgresql_using="gist"
    )
    op.drop_index(op.f("air_quality_station_neighbourhood_idx"), table_name="air_quality_station")
    op.drop_index(op.f("air_quality_station_district_idx"), table_name="air_quality_station")
    op.drop_table("air_quality_station")
