"""What is packed for binary COPY is what PostgreSQL reads back, for every type and for nulls."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loaders.packing import HEADER, TRAILER, pack
from twin.database import connect

#: what PostgreSQL's text holds: anything but NUL and lone surrogates
TEXT = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=20)
ROWS = st.lists(
    st.tuples(
        st.none() | TEXT,
        st.none() | st.integers(-(2**31), 2**31 - 1),
        st.none() | st.integers(-(2**63), 2**63 - 1),
        st.none() | st.floats(allow_nan=False),
        st.none() | st.booleans(),
        st.none() | st.dates(dt.date(1, 1, 1), dt.date(9999, 12, 31)),
        st.none() | st.lists(TEXT, max_size=3),
    ),
    min_size=1,
    max_size=20,
)
TYPES = (pa.string(), pa.int32(), pa.int64(), pa.float64(), pa.bool_(), pa.date32(), pa.list_(pa.string()))
TABLE = (
    "CREATE TEMPORARY TABLE packed (a text, b int, c bigint, d float8, e boolean, f date, g text[], n bigint)"
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS)
def test_rows_come_back_as_they_were(database_url: str, rows: list[tuple[object, ...]]) -> None:
    columns = [pa.array([row[place] for row in rows], kind) for place, kind in enumerate(TYPES)] + [
        pa.array(range(len(rows)), pa.int64())
    ]
    with connect(database_url) as connection:
        connection.execute(TABLE)
        with connection.cursor().copy("COPY packed FROM STDIN (FORMAT BINARY)") as copy:
            copy.write(HEADER)
            copy.write(pack(columns))
            copy.write(TRAILER)
        found = connection.execute("SELECT a, b, c, d, e, f, g FROM packed ORDER BY n").fetchall()
        connection.rollback()
    assert found == rows


def test_a_slice_is_packed_as_itself(database_url: str) -> None:
    column = pa.array(["a", None, "c", "d"])[1:3]
    with connect(database_url) as connection:
        connection.execute("CREATE TEMPORARY TABLE sliced (a text)")
        with connection.cursor().copy("COPY sliced FROM STDIN (FORMAT BINARY)") as copy:
            for piece in (HEADER, pack([column]), TRAILER):
                copy.write(piece)
        assert connection.execute("SELECT a FROM sliced").fetchall() == [(None,), ("c",)]
        connection.rollback()


def test_shapes_keep_their_coordinates_to_the_last_bit(database_url: str) -> None:
    shape = shapely.set_srid(shapely.MultiPolygon([shapely.box(1 / 3, 2 / 7, 1e6 / 3, 2e6 / 7)]), 7801)
    column = pa.array([shapely.to_wkb(shape, include_srid=True), None], pa.binary())
    with connect(database_url) as connection:
        connection.execute("CREATE TEMPORARY TABLE shaped (a geometry(MULTIPOLYGON, 7801))")
        with connection.cursor().copy("COPY shaped FROM STDIN (FORMAT BINARY)") as copy:
            for piece in (HEADER, pack([column]), TRAILER):
                copy.write(piece)
        rows = connection.execute("SELECT ST_AsBinary(a), ST_SRID(a) FROM shaped").fetchall()
        connection.rollback()
    assert shapely.from_wkb(rows[0][0]).equals_exact(shape, 0)
    assert [row[1] for row in rows] == [7801, None]
