"""Gazetteer, search, identifiers and curated links."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context, op
from geoalchemy2 import Geometry
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    srid = context.get_context().opts["srid"]
    op.create_table(
        "gazetteer",
        sa.Column("number", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("kind", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(collation="C"), nullable=False),
        sa.Column("settlement", sa.Text(collation="C"), nullable=False),
        sa.Column("entity", sa.Text(collation="C"), nullable=False),
        sa.Column("key", sa.Text(collation="C"), nullable=True),
        sa.Column("district", sa.Text(collation="C"), nullable=True),
        sa.Column("neighbourhood", sa.Text(collation="C"), nullable=True),
        sa.Column(
            "position",
            Geometry(geometry_type="POINT", srid=srid, dimension=2, spatial_index=False),
            nullable=False,
        ),
        sa.Column("reach_m", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("gazetteer_pkey")),
    )
    op.create_index("gazetteer_kind_name_idx", "gazetteer", ["kind", "name"], unique=False)
    op.create_index(
        "gazetteer_name_trgm",
        "gazetteer",
        ["name"],
        unique=False,
        postgresql_using="gin",
        postgresql_ops={"name": "gin_trgm_ops"},
    )
    op.create_table(
        "linked_from",
        sa.Column("subject", sa.Text(collation="C"), nullable=False),
        sa.Column("of", sa.Text(collation="C"), nullable=False),
        sa.Column("state", sa.Text(collation="C"), nullable=False),
        sa.PrimaryKeyConstraint("subject", "of", name=op.f("linked_from_pkey")),
    )
    op.create_table(
        "search_entry",
        sa.Column("entity", sa.Text(collation="C"), nullable=False),
        sa.Column("key", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(collation="C"), nullable=False),
        sa.Column("names", sa.Text(collation="C"), nullable=False),
        sa.Column("words", postgresql.TSVECTOR(), nullable=False),
        sa.Column(
            "position",
            Geometry(geometry_type="POINT", srid=srid, dimension=2, spatial_index=False),
            nullable=True,
        ),
        sa.PrimaryKeyConstraint("entity", "key", name=op.f("search_entry_pkey")),
    )
    op.create_index(
        "idx_search_entry_position", "search_entry", ["position"], unique=False, postgresql_using="gist"
    )
    op.create_index("search_entry_name_idx", "search_entry", ["entity", "name", "key"], unique=False)
    op.create_index("search_entry_words_idx", "search_entry", ["words"], unique=False, postgresql_using="gin")
    op.create_table(
        "search_word",
        sa.Column("word", sa.Text(collation="C"), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("word", name=op.f("search_word_pkey")),
    )
    op.create_index(
        "search_word_word_trgm",
        "search_word",
        ["word"],
        unique=False,
        postgresql_using="gin",
        postgresql_ops={"word": "gin_trgm_ops"},
    )
    op.create_table(
        "succession",
        sa.Column("key", sa.Text(collation="C"), nullable=False),
        sa.Column("entity", sa.Text(collation="C"), nullable=False),
        sa.Column("old_key", sa.Text(collation="C"), nullable=False),
        sa.Column("new_key", sa.Text(collation="C"), nullable=False),
        sa.Column("reason", sa.Text(collation="C"), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sources", postgresql.ARRAY(sa.Text(collation="C")), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("succession_pkey")),
    )
    op.create_index(op.f("succession_new_key_idx"), "succession", ["new_key"], unique=False)
    op.create_index(op.f("succession_old_key_idx"), "succession", ["old_key"], unique=False)
    op.create_table(
        "succession_history",
        sa.Column("version", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("key", sa.Text(collation="C"), nullable=True),
        sa.Column("entity", sa.Text(collation="C"), nullable=True),
        sa.Column("old_key", sa.Text(collation="C"), nullable=True),
        sa.Column("new_key", sa.Text(collation="C"), nullable=True),
        sa.Column("reason", sa.Text(collation="C"), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sources", postgresql.ARRAY(sa.Text(collation="C")), nullable=True),
        sa.Column(
            "recorded_to", sa.DateTime(timezone=True), nullable=False, comment="When a newer version came"
        ),
        sa.PrimaryKeyConstraint("version", name=op.f("succession_history_pkey")),
    )
    op.create_index("succession_history_key_idx", "succession_history", ["key", "recorded_to"], unique=False)
    op.add_column("building", sa.Column("wikidata", sa.Text(collation="C"), nullable=True))
    op.create_index(op.f("building_wikidata_idx"), "building", ["wikidata"], unique=False)
    op.add_column("building_history", sa.Column("wikidata", sa.Text(collation="C"), nullable=True))
    op.create_index("building_history_cadastral_id_idx", "building_history", ["cadastral_id"], unique=False)
    op.create_index("building_history_osm_id_idx", "building_history", ["osm_id"], unique=False)
    op.create_index("building_history_wikidata_idx", "building_history", ["wikidata"], unique=False)
    op.add_column(
        "business",
        sa.Column(
            "name_core",
            sa.Text(collation="C"),
            sa.Computed(
                "NULLIF(btrim(left(regexp_replace(regexp_replace(legal_name_folded, '\\m(eood|ood|ead|ad|et|sd|kd|kda|adsits|eadsits|dzzd|dpk|edpk|dp|ltd|llc|plc|gmbh|ag|sa|se|inc|co|bulgaria|bg)\\M', ' ', 'g'), ' +', ' ', 'g'), 200)), '')",
                persisted=True,
            ),
            nullable=True,
        ),
    )
    op.create_index(op.f("business_name_core_idx"), "business", ["name_core"], unique=False)
    op.create_index("business_history_eik_idx", "business_history", ["eik"], unique=False)
    op.add_column("district", sa.Column("wikidata", sa.Text(collation="C"), nullable=True))
    op.create_index(op.f("district_wikidata_idx"), "district", ["wikidata"], unique=False)
    op.add_column("district_history", sa.Column("wikidata", sa.Text(collation="C"), nullable=True))
    op.create_index("district_history_code_idx", "district_history", ["code"], unique=False)
    op.create_index("district_history_wikidata_idx", "district_history", ["wikidata"], unique=False)
    op.add_column("facility", sa.Column("wikidata", sa.Text(collation="C"), nullable=True))
    op.create_index(op.f("facility_wikidata_idx"), "facility", ["wikidata"], unique=False)
    op.add_column("facility_history", sa.Column("wikidata", sa.Text(collation="C"), nullable=True))
    op.create_index("facility_history_osm_id_idx", "facility_history", ["osm_id"], unique=False)
    op.create_index("facility_history_wikidata_idx", "facility_history", ["wikidata"], unique=False)
    op.add_column("link", sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("link", sa.Column("reason", sa.Text(collation="C"), nullable=True))
    op.add_column("link_history", sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("link_history", sa.Column("reason", sa.Text(collation="C"), nullable=True))
    op.create_index("permit_history_register_id_idx", "permit_history", ["register_id"], unique=False)
    op.add_column("site", sa.Column("operator_folded", sa.Text(collation="C"), nullable=True))
    op.add_column("site", sa.Column("brand_wikidata", sa.Text(collation="C"), nullable=True))
    op.add_column("site", sa.Column("business_hint", sa.Text(collation="C"), nullable=True))
    op.add_column("site", sa.Column("business_linked", sa.Boolean(), nullable=True))
    op.create_index(op.f("site_brand_wikidata_idx"), "site", ["brand_wikidata"], unique=False)
    op.create_index(
        "site_operator_folded_trgm",
        "site",
        ["operator_folded"],
        unique=False,
        postgresql_using="gin",
        postgresql_ops={"operator_folded": "gin_trgm_ops"},
    )
    op.add_column("site_history", sa.Column("operator_folded", sa.Text(collation="C"), nullable=True))
    op.add_column("site_history", sa.Column("brand_wikidata", sa.Text(collation="C"), nullable=True))
    op.add_column("site_history", sa.Column("business_hint", sa.Text(collation="C"), nullable=True))
    op.add_column("site_history", sa.Column("business_linked", sa.Boolean(), nullable=True))
    op.create_index("site_history_eik_idx", "site_history", ["eik"], unique=False)
    op.create_index("site_history_osm_id_idx", "site_history", ["osm_id"], unique=False)
    op.create_index("street_segment_history_osm_id_idx", "street_segment_history", ["osm_id"], unique=False)
    op.create_index("transit_route_history_gtfs_id_idx", "transit_route_history", ["gtfs_id"], unique=False)
    op.add_column("transit_stop", sa.Column("street", sa.Text(collation="C"), nullable=True))
    op.create_index(op.f("transit_stop_street_idx"), "transit_stop", ["street"], unique=False)
    op.add_column("transit_stop_history", sa.Column("street", sa.Text(collation="C"), nullable=True))
    op.create_index("transit_stop_history_gtfs_id_idx", "transit_stop_history", ["gtfs_id"], unique=False)


def downgrade() -> None:
    op.drop_index("transit_stop_history_gtfs_id_idx", table_name="transit_stop_history")
    op.drop_column("transit_stop_history", "street")
    op.drop_index(op.f("transit_stop_street_idx"), table_name="transit_stop")
    op.drop_column("transit_stop", "street")
    op.drop_index("transit_route_history_gtfs_id_idx", table_name="transit_route_history")
    op.drop_index("street_segment_history_osm_id_idx", table_name="street_segment_history")
    op.drop_index("site_history_osm_id_idx", table_name="site_history")
    op.drop_index("site_history_eik_idx", table_name="site_history")
    op.drop_column("site_history", "business_linked")
    op.drop_column("site_history", "business_hint")
    op.drop_column("site_history", "brand_wikidata")
    op.drop_column("site_history", "operator_folded")
    op.drop_index(
        "site_operator_folded_trgm",
        table_name="site",
        postgresql_using="gin",
        postgresql_ops={"operator_folded": "gin_trgm_ops"},
    )
    op.drop_index(op.f("site_brand_wikidata_idx"), table_name="site")
    op.drop_column("site", "business_linked")
    op.drop_column("site", "business_hint")
    op.drop_column("site", "brand_wikidata")
    op.drop_column("site", "operator_folded")
    op.drop_index("permit_history_register_id_idx", table_name="permit_history")
    op.drop_column("link_history", "reason")
    op.drop_column("link_history", "decided_at")
    op.drop_column("link", "reason")
    op.drop_column("link", "decided_at")
    op.drop_index("facility_history_wikidata_idx", table_name="facility_history")
    op.drop_index("facility_history_osm_id_idx", table_name="facility_history")
    op.drop_column("facility_history", "wikidata")
    op.drop_index(op.f("facility_wikidata_idx"), table_name="facility")
    op.drop_column("facility", "wikidata")
    op.drop_index("district_history_wikidata_idx", table_name="district_history")
    op.drop_index("district_history_code_idx", table_name="district_history")
    op.drop_column("district_history", "wikidata")
    op.drop_index(op.f("district_wikidata_idx"), table_name="district")
    op.drop_column("district", "wikidata")
    op.drop_index("business_history_eik_idx", table_name="business_history")
    op.drop_index(op.f("business_name_core_idx"), table_name="business")
    op.drop_column("business", "name_core")
    op.drop_index("building_history_wikidata_idx", table_name="building_history")
    op.drop_index("building_history_osm_id_idx", table_name="building_history")
    op.drop_index("building_history_cadastral_id_idx", table_name="building_history")
    op.drop_column("building_history", "wikidata")
    op.drop_index(op.f("building_wikidata_idx"), table_name="building")
    op.drop_column("building", "wikidata")
    op.drop_index("succession_history_key_idx", table_name="succession_history")
    op.drop_table("succession_history")
    op.drop_index(op.f("succession_old_key_idx"), table_name="succession")
    op.drop_index(op.f("succession_new_key_idx"), table_name="succession")
    op.drop_table("succession")
    op.drop_index(
        "search_word_word_trgm",
        table_name="search_word",
        postgresql_using="gin",
        postgresql_ops={"word": "gin_trgm_ops"},
    )
    op.drop_table("search_word")
    op.drop_index("search_entry_words_idx", table_name="search_entry", postgresql_using="gin")
    op.drop_index("search_entry_name_idx", table_name="search_entry")
    op.drop_index("idx_search_entry_position", table_name="search_entry", postgresql_using="gist")
    op.drop_table("search_entry")
    op.drop_table("linked_from")
    op.drop_index(
        "gazetteer_name_trgm",
        table_name="gazetteer",
        postgresql_using="gin",
        postgresql_ops={"name": "gin_trgm_ops"},
    )
    op.drop_index("gazetteer_kind_name_idx", table_name="gazetteer")
    op.drop_table("gazetteer")
