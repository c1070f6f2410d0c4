"""The first tables of a city."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context, op
from geoalchemy2 import Geometry
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    srid = context.get_context().opts["srid"]
    op.create_table(
        "address",
        sa.Column("key", sa.Text(collation="C"), nullable=False),
        sa.Column("text", sa.Text(collation="C"), nullable=False),
        sa.Column("text_latin", sa.Text(collation="C"), nullable=True),
        sa.Column("street", sa.Text(collation="C"), nullable=True),
        sa.Column("house_number", sa.Text(collation="C"), nullable=True),
        sa.Column("block", sa.Text(collation="C"), nullable=True),
        sa.Column("entrance", sa.Text(collation="C"), nullable=True),
        sa.Column("estate", sa.Text(collation="C"), nullable=True),
        sa.Column("settlement", sa.Text(collation="C"), nullable=True),
        sa.Column("postcode", sa.Text(collation="C"), nullable=True),
        sa.Column("match_key", sa.Text(collation="C"), nullable=True),
        sa.Column("building_hint", sa.Text(collation="C"), nullable=True),
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
        sa.Column("building", sa.Text(collation="C"), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sources", postgresql.ARRAY(sa.Text(collation="C")), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("address_pkey")),
    )
    op.create_index(op.f("address_building_idx"), "address", ["building"], unique=False)
    op.create_index(op.f("address_district_idx"), "address", ["district"], unique=False)
    op.create_index(op.f("address_match_key_idx"), "address", ["match_key"], unique=False)
    op.create_index(op.f("address_neighbourhood_idx"), "address", ["neighbourhood"], unique=False)
    op.create_index("idx_address_position", "address", ["position"], unique=False, postgresql_using="gist")
    op.create_table(
        "address_history",
        sa.Column("version", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("key", sa.Text(collation="C"), nullable=True),
        sa.Column("text", sa.Text(collation="C"), nullable=True),
        sa.Column("text_latin", sa.Text(collation="C"), nullable=True),
        sa.Column("street", sa.Text(collation="C"), nullable=True),
        sa.Column("house_number", sa.Text(collation="C"), nullable=True),
        sa.Column("block", sa.Text(collation="C"), nullable=True),
        sa.Column("entrance", sa.Text(collation="C"), nullable=True),
        sa.Column("estate", sa.Text(collation="C"), nullable=True),
        sa.Column("settlement", sa.Text(collation="C"), nullable=True),
        sa.Column("postcode", sa.Text(collation="C"), nullable=True),
        sa.Column("match_key", sa.Text(collation="C"), nullable=True),
        sa.Column("building_hint", sa.Text(collation="C"), nullable=True),
        sa.Column(
            "position",
            Geometry(geometry_type="POINT", srid=srid, dimension=2, spatial_index=False),
            nullable=True,
        ),
        sa.Column("district", sa.Text(collation="C"), nullable=True),
        sa.Column("neighbourhood", sa.Text(collation="C"), nullable=True),
        sa.Column("building", sa.Text(collation="C"), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sources", postgresql.ARRAY(sa.Text(collation="C")), nullable=True),
        sa.Column(
            "recorded_to", sa.DateTime(timezone=True), nullable=False, comment="When a newer version came"
        ),
        sa.PrimaryKeyConstraint("version", name=op.f("address_history_pkey")),
    )
    op.create_index("address_history_key_idx", "address_history", ["key", "recorded_to"], unique=False)
    op.create_table(
        "area_part",
        sa.Column("number", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("area_type", sa.Text(collation="C"), nullable=False),
        sa.Column("area_key", sa.Text(collation="C"), nullable=False),
        sa.Column(
            "part",
            Geometry(geometry_type="POLYGON", srid=srid, dimension=2, spatial_index=False),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("area_part_pkey")),
    )
    op.create_index(op.f("area_part_area_key_idx"), "area_part", ["area_key"], unique=False)
    op.create_index("idx_area_part_part", "area_part", ["part"], unique=False, postgresql_using="gist")
    op.create_table(
        "building",
        sa.Column("key", sa.Text(collation="C"), nullable=False),
        sa.Column("cadastral_id", sa.Text(collation="C"), nullable=True),
        sa.Column("osm_id", sa.Text(collation="C"), nullable=True),
        sa.Column("name", sa.Text(collation="C"), nullable=True),
        sa.Column("name_latin", sa.Text(collation="C"), nullable=True),
        sa.Column("current_use", sa.Text(collation="C"), nullable=True),
        sa.Column("storeys_above_ground", sa.Integer(), nullable=True),
        sa.Column("height_m", sa.Double(), nullable=True),
        sa.Column("date_of_construction", sa.Date(), nullable=True),
        sa.Column("dwellings", sa.Integer(), nullable=True),
        sa.Column("address_text", sa.Text(collation="C"), nullable=True),
        sa.Column(
            "footprint",
            Geometry(geometry_type="MULTIPOLYGON", srid=srid, dimension=2, spatial_index=False),
            nullable=False,
        ),
        sa.Column(
            "geojson",
            postgresql.JSON(none_as_null=True, astext_type=sa.Text()),
            sa.Computed("(ST_AsGeoJSON(ST_Transform(footprint, 4326), 7))::json", persisted=True),
            nullable=True,
        ),
        sa.Column("district", sa.Text(collation="C"), nullable=True),
        sa.Column("neighbourhood", sa.Text(collation="C"), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sources", postgresql.ARRAY(sa.Text(collation="C")), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("building_pkey")),
    )
    op.create_index(op.f("building_cadastral_id_idx"), "building", ["cadastral_id"], unique=False)
    op.create_index(op.f("building_current_use_idx"), "building", ["current_use"], unique=False)
    op.create_index(op.f("building_district_idx"), "building", ["district"], unique=False)
    op.create_index(op.f("building_neighbourhood_idx"), "building", ["neighbourhood"], unique=False)
    op.create_index(op.f("building_osm_id_idx"), "building", ["osm_id"], unique=False)
    op.create_index(
        "idx_building_footprint", "building", ["footprint"], unique=False, postgresql_using="gist"
    )
    op.create_table(
        "building_history",
        sa.Column("version", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("key", sa.Text(collation="C"), nullable=True),
        sa.Column("cadastral_id", sa.Text(collation="C"), nullable=True),
        sa.Column("osm_id", sa.Text(collation="C"), nullable=True),
        sa.Column("name", sa.Text(collation="C"), nullable=True),
        sa.Column("name_latin", sa.Text(collation="C"), nullable=True),
        sa.Column("current_use", sa.Text(collation="C"), nullable=True),
        sa.Column("storeys_above_ground", sa.Integer(), nullable=True),
        sa.Column("height_m", sa.Double(), nullable=True),
        sa.Column("date_of_construction", sa.Date(), nullable=True),
        sa.Column("dwellings", sa.Integer(), nullable=True),
        sa.Column("address_text", sa.Text(collation="C"), nullable=True),
        sa.Column(
            "footprint",
            Geometry(geometry_type="MULTIPOLYGON", srid=srid, dimension=2, spatial_index=False),
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
        sa.PrimaryKeyConstraint("version", name=op.f("building_history_pkey")),
    )
    op.create_index("building_history_key_idx", "building_history", ["key", "recorded_to"], unique=False)
    op.create_table(
        "business",
        sa.Column("key", sa.Text(collation="C"), nullable=False),
        sa.Column("eik", sa.Text(collation="C"), nullable=False),
        sa.Column("legal_name", sa.Text(collation="C"), nullable=True),
        sa.Column("legal_name_latin", sa.Text(collation="C"), nullable=True),
        sa.Column("legal_name_folded", sa.Text(collation="C"), nullable=True),
        sa.Column("legal_form", sa.Text(collation="C"), nullable=True),
        sa.Column("status", sa.Text(collation="C"), nullable=True),
        sa.Column("activity", sa.Text(collation="C"), nullable=True),
        sa.Column("ownership", sa.Text(collation="C"), nullable=True),
        sa.Column("natural_person_like", sa.Boolean(), nullable=True),
        sa.Column("registered_on", sa.Date(), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sources", postgresql.ARRAY(sa.Text(collation="C")), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("business_pkey")),
        sa.UniqueConstraint("eik", name=op.f("business_eik_key")),
    )
    op.create_index(op.f("business_legal_form_idx"), "business", ["legal_form"], unique=False)
    op.create_index(
        "business_legal_name_folded_trgm",
        "business",
        ["legal_name_folded"],
        unique=False,
        postgresql_using="gin",
        postgresql_ops={"legal_name_folded": "gin_trgm_ops"},
    )
    op.create_table(
        "business_history",
        sa.Column("version", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("key", sa.Text(collation="C"), nullable=True),
        sa.Column("eik", sa.Text(collation="C"), nullable=True),
        sa.Column("legal_name", sa.Text(collation="C"), nullable=True),
        sa.Column("legal_name_latin", sa.Text(collation="C"), nullable=True),
        sa.Column("legal_name_folded", sa.Text(collation="C"), nullable=True),
        sa.Column("legal_form", sa.Text(collation="C"), nullable=True),
        sa.Column("status", sa.Text(collation="C"), nullable=True),
        sa.Column("activity", sa.Text(collation="C"), nullable=True),
        sa.Column("ownership", sa.Text(collation="C"), nullable=True),
        sa.Column("natural_person_like", sa.Boolean(), nullable=True),
        sa.Column("registered_on", sa.Date(), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sources", postgresql.ARRAY(sa.Text(collation="C")), nullable=True),
        sa.Column(
            "recorded_to", sa.DateTime(timezone=True), nullable=False, comment="When a newer version came"
        ),
        sa.PrimaryKeyConstraint("version", name=op.f("business_history_pkey")),
    )
    op.create_index("business_history_key_idx", "business_history", ["key", "recorded_to"], unique=False)
    op.create_table(
        "code_value",
        sa.Column("key", sa.Text(collation="C"), nullable=False),
        sa.Column("scheme", sa.Text(collation="C"), nullable=False),
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("label_bg", sa.Text(collation="C"), nullable=True),
        sa.Column("label_en", sa.Text(collation="C"), nullable=True),
        sa.PrimaryKeyConstraint("key", name=op.f("code_value_pkey")),
    )
    op.create_table(
        "district",
        sa.Column("key", sa.Text(collation="C"), nullable=False),
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("name_bg", sa.Text(collation="C"), nullable=True),
        sa.Column("name_latin", sa.Text(collation="C"), nullable=True),
        sa.Column("name_folded", sa.Text(collation="C"), nullable=True),
        sa.Column("population", sa.Integer(), nullable=True),
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
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sources", postgresql.ARRAY(sa.Text(collation="C")), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("district_pkey")),
        sa.UniqueConstraint("code", name=op.f("district_code_key")),
    )
    op.create_index(
        "district_name_folded_trgm",
        "district",
        ["name_folded"],
        unique=False,
        postgresql_using="gin",
        postgresql_ops={"name_folded": "gin_trgm_ops"},
    )
    op.create_index("idx_district_boundary", "district", ["boundary"], unique=False, postgresql_using="gist")
    op.create_table(
        "district_history",
        sa.Column("version", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("key", sa.Text(collation="C"), nullable=True),
        sa.Column("code", sa.Text(collation="C"), nullable=True),
        sa.Column("name_bg", sa.Text(collation="C"), nullable=True),
        sa.Column("name_latin", sa.Text(collation="C"), nullable=True),
        sa.Column("name_folded", sa.Text(collation="C"), nullable=True),
        sa.Column("population", sa.Integer(), nullable=True),
        sa.Column(
            "boundary",
            Geometry(geometry_type="MULTIPOLYGON", srid=srid, dimension=2, spatial_index=False),
            nullable=True,
        ),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sources", postgresql.ARRAY(sa.Text(collation="C")), nullable=True),
        sa.Column(
            "recorded_to", sa.DateTime(timezone=True), nullable=False, comment="When a newer version came"
        ),
        sa.PrimaryKeyConstraint("version", name=op.f("district_history_pkey")),
    )
    op.create_index("district_history_key_idx", "district_history", ["key", "recorded_to"], unique=False)
    op.create_table(
        "facility",
        sa.Column("key", sa.Text(collation="C"), nullable=False),
        sa.Column("kind", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(collation="C"), nullable=True),
        sa.Column("name_latin", sa.Text(collation="C"), nullable=True),
        sa.Column("name_folded", sa.Text(collation="C"), nullable=True),
        sa.Column("status", sa.Text(collation="C"), nullable=True),
        sa.Column("operator", sa.Text(collation="C"), nullable=True),
        sa.Column("capacity", sa.Integer(), nullable=True),
        sa.Column("wheelchair", sa.Boolean(), nullable=True),
        sa.Column("osm_id", sa.Text(collation="C"), nullable=True),
        sa.Column("address_text", sa.Text(collation="C"), nullable=True),
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
        sa.Column(
            "footprint",
            Geometry(geometry_type="MULTIPOLYGON", srid=srid, dimension=2, spatial_index=False),
            nullable=True,
        ),
        sa.Column("district", sa.Text(collation="C"), nullable=True),
        sa.Column("neighbourhood", sa.Text(collation="C"), nullable=True),
        sa.Column("building", sa.Text(collation="C"), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sources", postgresql.ARRAY(sa.Text(collation="C")), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("facility_pkey")),
    )
    op.create_index(op.f("facility_building_idx"), "facility", ["building"], unique=False)
    op.create_index(op.f("facility_district_idx"), "facility", ["district"], unique=False)
    op.create_index(op.f("facility_kind_idx"), "facility", ["kind"], unique=False)
    op.create_index(
        "facility_name_folded_trgm",
        "facility",
        ["name_folded"],
        unique=False,
        postgresql_using="gin",
        postgresql_ops={"name_folded": "gin_trgm_ops"},
    )
    op.create_index(op.f("facility_neighbourhood_idx"), "facility", ["neighbourhood"], unique=False)
    op.create_index(op.f("facility_osm_id_idx"), "facility", ["osm_id"], unique=False)
    op.create_index(
        "idx_facility_footprint", "facility", ["footprint"], unique=False, postgresql_using="gist"
    )
    op.create_index("idx_facility_position", "facility", ["position"], unique=False, postgresql_using="gist")
    op.create_table(
        "facility_history",
        sa.Column("version", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("key", sa.Text(collation="C"), nullable=True),
        sa.Column("kind", sa.Text(collation="C"), nullable=True),
        sa.Column("name", sa.Text(collation="C"), nullable=True),
        sa.Column("name_latin", sa.Text(collation="C"), nullable=True),
        sa.Column("name_folded", sa.Text(collation="C"), nullable=True),
        sa.Column("status", sa.Text(collation="C"), nullable=True),
        sa.Column("operator", sa.Text(collation="C"), nullable=True),
        sa.Column("capacity", sa.Integer(), nullable=True),
        sa.Column("wheelchair", sa.Boolean(), nullable=True),
        sa.Column("osm_id", sa.Text(collation="C"), nullable=True),
        sa.Column("address_text", sa.Text(collation="C"), nullable=True),
        sa.Column(
            "position",
            Geometry(geometry_type="POINT", srid=srid, dimension=2, spatial_index=False),
            nullable=True,
        ),
        sa.Column(
            "footprint",
            Geometry(geometry_type="MULTIPOLYGON", srid=srid, dimension=2, spatial_index=False),
            nullable=True,
        ),
        sa.Column("district", sa.Text(collation="C"), nullable=True),
        sa.Column("neighbourhood", sa.Text(collation="C"), nullable=True),
        sa.Column("building", sa.Text(collation="C"), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sources", postgresql.ARRAY(sa.Text(collation="C")), nullable=True),
        sa.Column(
            "recorded_to", sa.DateTime(timezone=True), nullable=False, comment="When a newer version came"
        ),
        sa.PrimaryKeyConstraint("version", name=op.f("facility_history_pkey")),
    )
    op.create_index("facility_history_key_idx", "facility_history", ["key", "recorded_to"], unique=False)
    op.create_table(
        "import_run",
        sa.Column("key", sa.Text(collation="C"), nullable=False),
        sa.Column("source", sa.Text(collation="C"), nullable=True),
        sa.Column("status", sa.Text(collation="C"), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("file", sa.Text(collation="C"), nullable=False),
        sa.Column("checksum", sa.Text(collation="C"), nullable=False),
        sa.Column("bytes_read", sa.BigInteger(), nullable=False),
        sa.Column("records_read", sa.Integer(), nullable=False),
        sa.Column("records_refused", sa.Integer(), nullable=False),
        sa.Column("rows_added", sa.Integer(), nullable=False),
        sa.Column("rows_changed", sa.Integer(), nullable=False),
        sa.Column("rows_unchanged", sa.Integer(), nullable=False),
        sa.Column("rows_closed", sa.Integer(), nullable=False),
        sa.Column("failure", sa.Text(collation="C"), nullable=True),
        sa.PrimaryKeyConstraint("key", name=op.f("import_run_pkey")),
    )
    op.create_index(op.f("import_run_source_idx"), "import_run", ["source"], unique=False)
    op.create_table(
        "link",
        sa.Column("key", sa.Text(collation="C"), nullable=False),
        sa.Column("type", sa.Text(collation="C"), nullable=False),
        sa.Column("subject_type", sa.Text(collation="C"), nullable=False),
        sa.Column("subject_key", sa.Text(collation="C"), nullable=False),
        sa.Column("object_type", sa.Text(collation="C"), nullable=False),
        sa.Column("object_key", sa.Text(collation="C"), nullable=False),
        sa.Column("method", sa.Text(collation="C"), nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("evidence", postgresql.JSON(astext_type=sa.Text()), nullable=False),
        sa.Column("status", sa.Text(collation="C"), nullable=False),
        sa.Column("decided_by", sa.Text(collation="C"), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("link_pkey")),
    )
    op.create_index(op.f("link_object_key_idx"), "link", ["object_key"], unique=False)
    op.create_index(op.f("link_subject_key_idx"), "link", ["subject_key"], unique=False)
    op.create_table(
        "link_history",
        sa.Column("version", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("key", sa.Text(collation="C"), nullable=True),
        sa.Column("type", sa.Text(collation="C"), nullable=True),
        sa.Column("subject_type", sa.Text(collation="C"), nullable=True),
        sa.Column("subject_key", sa.Text(collation="C"), nullable=True),
        sa.Column("object_type", sa.Text(collation="C"), nullable=True),
        sa.Column("object_key", sa.Text(collation="C"), nullable=True),
        sa.Column("method", sa.Text(collation="C"), nullable=True),
        sa.Column("score", sa.Double(), nullable=True),
        sa.Column("evidence", postgresql.JSON(astext_type=sa.Text()), nullable=True),
        sa.Column("status", sa.Text(collation="C"), nullable=True),
        sa.Column("decided_by", sa.Text(collation="C"), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "recorded_to", sa.DateTime(timezone=True), nullable=False, comment="When a newer version came"
        ),
        sa.PrimaryKeyConstraint("version", name=op.f("link_history_pkey")),
    )
    op.create_index("link_history_key_idx", "link_history", ["key", "recorded_to"], unique=False)
    op.create_table(
        "neighbourhood",
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
        sa.PrimaryKeyConstraint("key", name=op.f("neighbourhood_pkey")),
    )
    op.create_index(
        "idx_neighbourhood_boundary", "neighbourhood", ["boundary"], unique=False, postgresql_using="gist"
    )
    op.create_index(op.f("neighbourhood_district_idx"), "neighbourhood", ["district"], unique=False)
    op.create_index(
        "neighbourhood_name_folded_trgm",
        "neighbourhood",
        ["name_folded"],
        unique=False,
        postgresql_using="gin",
        postgresql_ops={"name_folded": "gin_trgm_ops"},
    )
    op.create_table(
        "neighbourhood_history",
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
        sa.PrimaryKeyConstraint("version", name=op.f("neighbourhood_history_pkey")),
    )
    op.create_index(
        "neighbourhood_history_key_idx", "neighbourhood_history", ["key", "recorded_to"], unique=False
    )
    op.create_table(
        "notice",
        sa.Column("key", sa.Text(collation="C"), nullable=False),
        sa.Column("source", sa.Text(collation="C"), nullable=True),
        sa.Column("rule", sa.Text(collation="C"), nullable=False),
        sa.Column("severity", sa.Text(collation="C"), nullable=False),
        sa.Column("occurrences", sa.Integer(), nullable=False),
        sa.Column("file", sa.Text(collation="C"), nullable=True),
        sa.Column("position", sa.Text(collation="C"), nullable=True),
        sa.Column("field", sa.Text(collation="C"), nullable=True),
        sa.Column("value", sa.Text(collation="C"), nullable=True),
        sa.Column("message", sa.Text(collation="C"), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("notice_pkey")),
    )
    op.create_index(op.f("notice_rule_idx"), "notice", ["rule"], unique=False)
    op.create_index(op.f("notice_source_idx"), "notice", ["source"], unique=False)
    op.create_table(
        "record",
        sa.Column("entity", sa.Text(collation="C"), nullable=False),
        sa.Column("key", sa.Text(collation="C"), nullable=False),
        sa.Column("source", sa.Text(collation="C"), nullable=False),
        sa.Column(
            "fields",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="The fields that this source fills",
        ),
        sa.PrimaryKeyConstraint("entity", "key", "source", name=op.f("record_pkey")),
    )
    op.create_index(op.f("record_source_idx"), "record", ["source"], unique=False)
    op.create_table(
        "site",
        sa.Column("key", sa.Text(collation="C"), nullable=False),
        sa.Column("kind", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(collation="C"), nullable=True),
        sa.Column("name_latin", sa.Text(collation="C"), nullable=True),
        sa.Column("name_folded", sa.Text(collation="C"), nullable=True),
        sa.Column("operator", sa.Text(collation="C"), nullable=True),
        sa.Column("category", sa.Text(collation="C"), nullable=True),
        sa.Column("address_text", sa.Text(collation="C"), nullable=True),
        sa.Column("match_key", sa.Text(collation="C"), nullable=True),
        sa.Column("district_hint", sa.Text(collation="C"), nullable=True),
        sa.Column("osm_id", sa.Text(collation="C"), nullable=True),
        sa.Column(
            "position",
            Geometry(geometry_type="POINT", srid=srid, dimension=2, spatial_index=False),
            nullable=True,
        ),
        sa.Column(
            "geojson",
            postgresql.JSON(none_as_null=True, astext_type=sa.Text()),
            sa.Computed("(ST_AsGeoJSON(ST_Transform(position, 4326), 7))::json", persisted=True),
            nullable=True,
        ),
        sa.Column("business", sa.Text(collation="C"), nullable=True),
        sa.Column("building", sa.Text(collation="C"), nullable=True),
        sa.Column("address", sa.Text(collation="C"), nullable=True),
        sa.Column("district", sa.Text(collation="C"), nullable=True),
        sa.Column("neighbourhood", sa.Text(collation="C"), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sources", postgresql.ARRAY(sa.Text(collation="C")), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("site_pkey")),
    )
    op.create_index("idx_site_position", "site", ["position"], unique=False, postgresql_using="gist")
    op.create_index(op.f("site_address_idx"), "site", ["address"], unique=False)
    op.create_index(op.f("site_building_idx"), "site", ["building"], unique=False)
    op.create_index(op.f("site_business_idx"), "site", ["business"], unique=False)
    op.create_index(op.f("site_category_idx"), "site", ["category"], unique=False)
    op.create_index(op.f("site_district_idx"), "site", ["district"], unique=False)
    op.create_index(op.f("site_kind_idx"), "site", ["kind"], unique=False)
    op.create_index(op.f("site_match_key_idx"), "site", ["match_key"], unique=False)
    op.create_index(
        "site_name_folded_trgm",
        "site",
        ["name_folded"],
        unique=False,
        postgresql_using="gin",
        postgresql_ops={"name_folded": "gin_trgm_ops"},
    )
    op.create_index(op.f("site_neighbourhood_idx"), "site", ["neighbourhood"], unique=False)
    op.create_index(op.f("site_osm_id_idx"), "site", ["osm_id"], unique=False)
    op.create_table(
        "site_history",
        sa.Column("version", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("key", sa.Text(collation="C"), nullable=True),
        sa.Column("kind", sa.Text(collation="C"), nullable=True),
        sa.Column("name", sa.Text(collation="C"), nullable=True),
        sa.Column("name_latin", sa.Text(collation="C"), nullable=True),
        sa.Column("name_folded", sa.Text(collation="C"), nullable=True),
        sa.Column("operator", sa.Text(collation="C"), nullable=True),
        sa.Column("category", sa.Text(collation="C"), nullable=True),
        sa.Column("address_text", sa.Text(collation="C"), nullable=True),
        sa.Column("match_key", sa.Text(collation="C"), nullable=True),
        sa.Column("district_hint", sa.Text(collation="C"), nullable=True),
        sa.Column("osm_id", sa.Text(collation="C"), nullable=True),
        sa.Column(
            "position",
            Geometry(geometry_type="POINT", srid=srid, dimension=2, spatial_index=False),
            nullable=True,
        ),
        sa.Column("business", sa.Text(collation="C"), nullable=True),
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
        sa.PrimaryKeyConstraint("version", name=op.f("site_history_pkey")),
    )
    op.create_index("site_history_key_idx", "site_history", ["key", "recorded_to"], unique=False)
    op.create_table(
        "source",
        sa.Column("key", sa.Text(collation="C"), nullable=False),
        sa.Column("title", sa.Text(collation="C"), nullable=False),
        sa.Column("publisher", sa.Text(collation="C"), nullable=False),
        sa.Column("licence", sa.Text(collation="C"), nullable=True),
        sa.Column("url", sa.Text(collation="C"), nullable=True),
        sa.Column("entities", sa.Text(collation="C"), nullable=False),
        sa.Column("format", sa.Text(collation="C"), nullable=False),
        sa.Column("file", sa.Text(collation="C"), nullable=False),
        sa.Column("refresh", sa.Text(collation="C"), nullable=True),
        sa.Column("records", sa.Integer(), nullable=True),
        sa.Column("loaded_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("key", name=op.f("source_pkey")),
    )
    op.create_table(
        "street_segment",
        sa.Column("key", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(collation="C"), nullable=True),
        sa.Column("name_latin", sa.Text(collation="C"), nullable=True),
        sa.Column("name_folded", sa.Text(collation="C"), nullable=True),
        sa.Column("osm_id", sa.Text(collation="C"), nullable=True),
        sa.Column("function", sa.Text(collation="C"), nullable=True),
        sa.Column("surface", sa.Text(collation="C"), nullable=True),
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
        sa.Column("neighbourhood", sa.Text(collation="C"), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sources", postgresql.ARRAY(sa.Text(collation="C")), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("street_segment_pkey")),
    )
    op.create_index(
        "idx_street_segment_centreline",
        "street_segment",
        ["centreline"],
        unique=False,
        postgresql_using="gist",
    )
    op.create_index(op.f("street_segment_district_idx"), "street_segment", ["district"], unique=False)
    op.create_index(op.f("street_segment_function_idx"), "street_segment", ["function"], unique=False)
    op.create_index(
        "street_segment_name_folded_trgm",
        "street_segment",
        ["name_folded"],
        unique=False,
        postgresql_using="gin",
        postgresql_ops={"name_folded": "gin_trgm_ops"},
    )
    op.create_index(
        op.f("street_segment_neighbourhood_idx"), "street_segment", ["neighbourhood"], unique=False
    )
    op.create_index(op.f("street_segment_osm_id_idx"), "street_segment", ["osm_id"], unique=False)
    op.create_table(
        "street_segment_history",
        sa.Column("version", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("key", sa.Text(collation="C"), nullable=True),
        sa.Column("name", sa.Text(collation="C"), nullable=True),
        sa.Column("name_latin", sa.Text(collation="C"), nullable=True),
        sa.Column("name_folded", sa.Text(collation="C"), nullable=True),
        sa.Column("osm_id", sa.Text(collation="C"), nullable=True),
        sa.Column("function", sa.Text(collation="C"), nullable=True),
        sa.Column("surface", sa.Text(collation="C"), nullable=True),
        sa.Column(
            "centreline",
            Geometry(geometry_type="MULTILINESTRING", srid=srid, dimension=2, spatial_index=False),
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
        sa.PrimaryKeyConstraint("version", name=op.f("street_segment_history_pkey")),
    )
    op.create_index(
        "street_segment_history_key_idx", "street_segment_history", ["key", "recorded_to"], unique=False
    )
    op.create_table(
        "transit_route",
        sa.Column("key", sa.Text(collation="C"), nullable=False),
        sa.Column("gtfs_id", sa.Text(collation="C"), nullable=False),
        sa.Column("short_name", sa.Text(collation="C"), nullable=False),
        sa.Column("long_name", sa.Text(collation="C"), nullable=True),
        sa.Column("long_name_latin", sa.Text(collation="C"), nullable=True),
        sa.Column("mode", sa.Text(collation="C"), nullable=False),
        sa.Column("colour", sa.Text(collation="C"), nullable=True),
        sa.Column("text_colour", sa.Text(collation="C"), nullable=True),
        sa.Column("stop_keys", postgresql.ARRAY(sa.Text(collation="C")), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sources", postgresql.ARRAY(sa.Text(collation="C")), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("transit_route_pkey")),
    )
    op.create_index(op.f("transit_route_gtfs_id_idx"), "transit_route", ["gtfs_id"], unique=False)
    op.create_index(op.f("transit_route_mode_idx"), "transit_route", ["mode"], unique=False)
    op.create_table(
        "transit_route_history",
        sa.Column("version", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("key", sa.Text(collation="C"), nullable=True),
        sa.Column("gtfs_id", sa.Text(collation="C"), nullable=True),
        sa.Column("short_name", sa.Text(collation="C"), nullable=True),
        sa.Column("long_name", sa.Text(collation="C"), nullable=True),
        sa.Column("long_name_latin", sa.Text(collation="C"), nullable=True),
        sa.Column("mode", sa.Text(collation="C"), nullable=True),
        sa.Column("colour", sa.Text(collation="C"), nullable=True),
        sa.Column("text_colour", sa.Text(collation="C"), nullable=True),
        sa.Column("stop_keys", postgresql.ARRAY(sa.Text(collation="C")), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sources", postgresql.ARRAY(sa.Text(collation="C")), nullable=True),
        sa.Column(
            "recorded_to", sa.DateTime(timezone=True), nullable=False, comment="When a newer version came"
        ),
        sa.PrimaryKeyConstraint("version", name=op.f("transit_route_history_pkey")),
    )
    op.create_index(
        "transit_route_history_key_idx", "transit_route_history", ["key", "recorded_to"], unique=False
    )
    op.create_table(
        "transit_stop",
        sa.Column("key", sa.Text(collation="C"), nullable=False),
        sa.Column("gtfs_id", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(collation="C"), nullable=False),
        sa.Column("name_latin", sa.Text(collation="C"), nullable=True),
        sa.Column("name_folded", sa.Text(collation="C"), nullable=True),
        sa.Column("departures_weekday", sa.Integer(), nullable=True),
        sa.Column("departures_saturday", sa.Integer(), nullable=True),
        sa.Column("departures_sunday", sa.Integer(), nullable=True),
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
        sa.Column("route_keys", postgresql.ARRAY(sa.Text(collation="C")), nullable=True),
        sa.Column("district", sa.Text(collation="C"), nullable=True),
        sa.Column("neighbourhood", sa.Text(collation="C"), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sources", postgresql.ARRAY(sa.Text(collation="C")), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("transit_stop_pkey")),
    )
    op.create_index(
        "idx_transit_stop_position", "transit_stop", ["position"], unique=False, postgresql_using="gist"
    )
    op.create_index(op.f("transit_stop_district_idx"), "transit_stop", ["district"], unique=False)
    op.create_index(op.f("transit_stop_gtfs_id_idx"), "transit_stop", ["gtfs_id"], unique=False)
    op.create_index(
        "transit_stop_name_folded_trgm",
        "transit_stop",
        ["name_folded"],
        unique=False,
        postgresql_using="gin",
        postgresql_ops={"name_folded": "gin_trgm_ops"},
    )
    op.create_index(op.f("transit_stop_neighbourhood_idx"), "transit_stop", ["neighbourhood"], unique=False)
    op.create_table(
        "transit_stop_history",
        sa.Column("version", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("key", sa.Text(collation="C"), nullable=True),
        sa.Column("gtfs_id", sa.Text(collation="C"), nullable=True),
        sa.Column("name", sa.Text(collation="C"), nullable=True),
        sa.Column("name_latin", sa.Text(collation="C"), nullable=True),
        sa.Column("name_folded", sa.Text(collation="C"), nullable=True),
        sa.Column("departures_weekday", sa.Integer(), nullable=True),
        sa.Column("departures_saturday", sa.Integer(), nullable=True),
        sa.Column("departures_sunday", sa.Integer(), nullable=True),
        sa.Column(
            "position",
            Geometry(geometry_type="POINT", srid=srid, dimension=2, spatial_index=False),
            nullable=True,
        ),
        sa.Column("route_keys", postgresql.ARRAY(sa.Text(collation="C")), nullable=True),
        sa.Column("district", sa.Text(collation="C"), nullable=True),
        sa.Column("neighbourhood", sa.Text(collation="C"), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sources", postgresql.ARRAY(sa.Text(collation="C")), nullable=True),
        sa.Column(
            "recorded_to", sa.DateTime(timezone=True), nullable=False, comment="When a newer version came"
        ),
        sa.PrimaryKeyConstraint("version", name=op.f("transit_stop_history_pkey")),
    )
    op.create_index(
        "transit_stop_history_key_idx", "transit_stop_history", ["key", "recorded_to"], unique=False
    )


def downgrade() -> None:
    op.drop_index("transit_stop_history_key_idx", table_name="transit_stop_history")
    op.drop_table("transit_stop_history")
    op.drop_index(op.f("transit_stop_neighbourhood_idx"), table_name="transit_stop")
    op.drop_index(
        "transit_stop_name_folded_trgm",
        table_name="transit_stop",
        postgresql_using="gin",
        postgresql_ops={"name_folded": "gin_trgm_ops"},
    )
    op.drop_index(op.f("transit_stop_gtfs_id_idx"), table_name="transit_stop")
    op.drop_index(op.f("transit_stop_district_idx"), table_name="transit_stop")
    op.drop_index("idx_transit_stop_position", table_name="transit_stop", postgresql_using="gist")
    op.drop_table("transit_stop")
    op.drop_index("transit_route_history_key_idx", table_name="transit_route_history")
    op.drop_table("transit_route_history")
    op.drop_index(op.f("transit_route_mode_idx"), table_name="transit_route")
    op.drop_index(op.f("transit_route_gtfs_id_idx"), table_name="transit_route")
    op.drop_table("transit_route")
    op.drop_index("street_segment_history_key_idx", table_name="street_segment_history")
    op.drop_table("street_segment_history")
    op.drop_index(op.f("street_segment_osm_id_idx"), table_name="street_segment")
    op.drop_index(op.f("street_segment_neighbourhood_idx"), table_name="street_segment")
    op.drop_index(
        "street_segment_name_folded_trgm",
        table_name="street_segment",
        postgresql_using="gin",
        postgresql_ops={"name_folded": "gin_trgm_ops"},
    )
    op.drop_index(op.f("street_segment_function_idx"), table_name="street_segment")
    op.drop_index(op.f("street_segment_district_idx"), table_name="street_segment")
    op.drop_index("idx_street_segment_centreline", table_name="street_segment", postgresql_using="gist")
    op.drop_table("street_segment")
    op.drop_table("source")
    op.drop_index("site_history_key_idx", table_name="site_history")
    op.drop_table("site_history")
    op.drop_index(op.f("site_osm_id_idx"), table_name="site")
    op.drop_index(op.f("site_neighbourhood_idx"), table_name="site")
    op.drop_index(
        "site_name_folded_trgm",
        table_name="site",
        postgresql_using="gin",
        postgresql_ops={"name_folded": "gin_trgm_ops"},
    )
    op.drop_index(op.f("site_match_key_idx"), table_name="site")
    op.drop_index(op.f("site_kind_idx"), table_name="site")
    op.drop_index(op.f("site_district_idx"), table_name="site")
    op.drop_index(op.f("site_category_idx"), table_name="site")
    op.drop_index(op.f("site_business_idx"), table_name="site")
    op.drop_index(op.f("site_building_idx"), table_name="site")
    op.drop_index(op.f("site_address_idx"), table_name="site")
    op.drop_index("idx_site_position", table_name="site", postgresql_using="gist")
    op.drop_table("site")
    op.drop_index(op.f("record_source_idx"), table_name="record")
    op.drop_table("record")
    op.drop_index(op.f("notice_source_idx"), table_name="notice")
    op.drop_index(op.f("notice_rule_idx"), table_name="notice")
    op.drop_table("notice")
    op.drop_index("neighbourhood_history_key_idx", table_name="neighbourhood_history")
    op.drop_table("neighbourhood_history")
    op.drop_index(
        "neighbourhood_name_folded_trgm",
        table_name="neighbourhood",
        postgresql_using="gin",
        postgresql_ops={"name_folded": "gin_trgm_ops"},
    )
    op.drop_index(op.f("neighbourhood_district_idx"), table_name="neighbourhood")
    op.drop_index("idx_neighbourhood_boundary", table_name="neighbourhood", postgresql_using="gist")
    op.drop_table("neighbourhood")
    op.drop_index("link_history_key_idx", table_name="link_history")
    op.drop_table("link_history")
    op.drop_index(op.f("link_subject_key_idx"), table_name="link")
    op.drop_index(op.f("link_object_key_idx"), table_name="link")
    op.drop_table("link")
    op.drop_index(op.f("import_run_source_idx"), table_name="import_run")
    op.drop_table("import_run")
    op.drop_index("facility_history_key_idx", table_name="facility_history")
    op.drop_table("facility_history")
    op.drop_index("idx_facility_position", table_name="facility", postgresql_using="gist")
    op.drop_index("idx_facility_footprint", table_name="facility", postgresql_using="gist")
    op.drop_index(op.f("facility_osm_id_idx"), table_name="facility")
    op.drop_index(op.f("facility_neighbourhood_idx"), table_name="facility")
    op.drop_index(
        "facility_name_folded_trgm",
        table_name="facility",
        postgresql_using="gin",
        postgresql_ops={"name_folded": "gin_trgm_ops"},
    )
    op.drop_index(op.f("facility_kind_idx"), table_name="facility")
    op.drop_index(op.f("facility_district_idx"), table_name="facility")
    op.drop_index(op.f("facility_building_idx"), table_name="facility")
    op.drop_table("facility")
    op.drop_index("district_history_key_idx", table_name="district_history")
    op.drop_table("district_history")
    op.drop_index("idx_district_boundary", table_name="district", postgresql_using="gist")
    op.drop_index(
        "district_name_folded_trgm",
        table_name="district",
        postgresql_using="gin",
        postgresql_ops={"name_folded": "gin_trgm_ops"},
    )
    op.drop_table("district")
    op.drop_table("code_value")
    op.drop_index("business_history_key_idx", table_name="business_history")
    op.drop_table("business_history")
    op.drop_index(
        "business_legal_name_folded_trgm",
        table_name="business",
        postgresql_using="gin",
        postgresql_ops={"legal_name_folded": "gin_trgm_ops"},
    )
    op.drop_index(op.f("business_legal_form_idx"), table_name="business")
    op.drop_table("business")
    op.drop_index("building_history_key_idx", table_name="building_history")
    op.drop_table("building_history")
    op.drop_index("idx_building_footprint", table_name="building", postgresql_using="gist")
    op.drop_index(op.f("building_osm_id_idx"), table_name="building")
    op.drop_index(op.f("building_neighbourhood_idx"), table_name="building")
    op.drop_index(op.f("building_district_idx"), table_name="building")
    op.drop_index(op.f("building_current_use_idx"), table_name="building")
    op.drop_index(op.f("building_cadastral_id_idx"), table_name="building")
    op.drop_table("building")
    op.drop_index("idx_area_part_part", table_name="area_part", postgresql_using="gist")
    op.drop_index(op.f("area_part_area_key_idx"), table_name="area_part")
    op.drop_table("area_part")
    op.drop_index("address_history_key_idx", table_name="address_history")
    op.drop_table("address_history")
    op.drop_index("idx_address_position", table_name="address", postgresql_using="gist")
    op.drop_index(op.f("address_neighbourhood_idx"), table_name="address")
    op.drop_index(op.f("address_match_key_idx"), table_name="address")
    op.drop_index(op.f("address_district_idx"), table_name="address")
    op.drop_index(op.f("address_building_idx"), table_name="address")
    op.drop_table("address")
