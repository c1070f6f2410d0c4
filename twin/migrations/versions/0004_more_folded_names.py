"""Names of buildings, stations and routes, and operators of facilities, searched by folded words."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from twin.text import fold

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

#: table, the name in it
NAMES = (
    ("building", "name"),
    ("facility", "operator"),
    ("transit_route", "long_name"),
    ("air_quality_station", "name"),
)


def upgrade() -> None:
    for table, name in NAMES:
        for changed in (table, f"{table}_history"):
            op.add_column(changed, sa.Column(f"{name}_folded", sa.Text(collation="C"), nullable=True))
        _fold_all(table, name)
        op.create_index(
            f"{table}_{name}_folded_trgm",
            table,
            [f"{name}_folded"],
            unique=False,
            postgresql_using="gin",
            postgresql_ops={f"{name}_folded": "gin_trgm_ops"},
        )


def _fold_all(table: str, name: str) -> None:
    """Fold what is loaded already: the next load finds it as it would write it."""
    connection = op.get_bind()
    read = sa.text(f"SELECT DISTINCT {name} FROM {table} WHERE {name} IS NOT NULL")
    names = list(connection.scalars(read))
    write = sa.text(
        f"UPDATE {table} AS t SET {name}_folded = f.folded"
        f" FROM unnest(CAST(:names AS text[]), CAST(:folded AS text[])) AS f (name, folded) WHERE t.{name} = f.name"
    )
    connection.execute(write, {"names": names, "folded": [fold(one) for one in names]})


def downgrade() -> None:
    for table, name in NAMES:
        op.drop_index(f"{table}_{name}_folded_trgm", table_name=table)
        for changed in (table, f"{table}_history"):
            op.drop_column(changed, f"{name}_folded")
