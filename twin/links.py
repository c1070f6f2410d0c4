"""Areas and the link ledger: which record lies where and which is tied to which, how, and how surely.

The loaders call these after a merge; everything here is set-based SQL on one city's schema, which the
caller's connection has as its search_path.
"""

from __future__ import annotations

from typing import Any

from geoalchemy2 import Geometry
from sqlalchemy import Text
from sqlalchemy.orm import Mapped, mapped_column

from twin.entities import Base
from twin.fields import KEY


class AreaPart(Base):
    """A piece of a district's or neighbourhood's boundary, small enough to be found and tested quickly."""

    __tablename__ = "area_part"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    area_type: Mapped[str] = mapped_column(Text(collation="C"))
    area_key: Mapped[str] = mapped_column(KEY, index=True)
    part: Mapped[Any] = mapped_column(Geometry("POLYGON", srid=0, spatial_index=True), nullable=False)
