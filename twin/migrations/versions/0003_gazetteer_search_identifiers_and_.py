"""Gazetteer, search, identifiers and curated links."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context, op
from geoalchemy2 import Geometry

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


def downgrade() -> None:
    op.drop_index(
        "gazetteer_name_trgm",
        table_name="gazetteer",
        postgresql_using="gin",
        postgresql_ops={"name": "gin_trgm_ops"},
    )
    op.drop_index("gazetteer_kind_name_idx", table_name="gazetteer")
    op.drop_table("gazetteer")
