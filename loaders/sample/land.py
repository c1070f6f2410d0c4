"""The ground of the sample city: the 24 districts around the real centres of Sofia's districts.

It is the same for every seed and size; what is built on it is not.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from pyproj import Transformer
from shapely import Polygon

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

METRIC_CRS = "EPSG:7801"
PUBLISHER = "sample"
NOTICE = "Sample city: invented data in a real published format, not a register"

_to_metric = Transformer.from_crs("EPSG:4326", METRIC_CRS, always_xy=True)
_to_degrees = Transformer.from_crs(METRIC_CRS, "EPSG:4326", always_xy=True)


@dataclass(frozen=True)
class District:
    """One of the 24 districts: its official name, a rounded centre, and what it is built like.

    `share` weighs its part of the city's buildings. `mix` has a letter for each neighbourhood, from the
    district's centre outwards: C city blocks, E housing estate, H houses, V villas, I industry.
    """

    number: int
    name: str
    latin: str
    lon: float
    lat: float
    postcode: str
    share: float
    mix: str

    @property
    def code(self) -> str:
        """The official code of the district, such as 68134-09."""
        return f"68134-{self.number:02d}"

    @property
    def centre(self) -> tuple[float, float]:
        """The centre as metres (x east, y north) in EPSG:7801."""
        x, y = _to_metric.transform(self.lon, self.lat)
        return x, y


# Names: the БУЛСТАТ nomenclature of 2009. Centres are general knowledge, rounded to 0.005 degrees; postcodes
# are one usual code of each district; shares and mixes are this sample's own.
DISTRICTS = (
    District(1, "Средец", "Sredets", 23.330, 42.690, "1000", 3.0, "CCCCCCCCCE"),
    District(2, "Красно село", "Krasno selo", 23.285, 42.680, "1618", 3.5, "CECEHECEHE"),
    District(3, "Възраждане", "Vazrazhdane", 23.305, 42.700, "1303", 3.0, "CCCECCECCC"),
    District(4, "Оборище", "Oborishte", 23.345, 42.700, "1504", 3.0, "CCCCCECCCC"),
    District(5, "Сердика", "Serdika", 23.325, 42.725, "1202", 4.5, "CEHICEHIEH"),
    District(6, "Подуяне", "Poduyane", 23.370, 42.710, "1517", 5.0, "ECEHEEIEEH"),
    District(7, "Слатина", "Slatina", 23.385, 42.685, "1574", 4.5, "CEECEHEEIH"),
    District(8, "Изгрев", "Izgrev", 23.350, 42.670, "1113", 2.0, "ECEEHECEEC"),
    District(9, "Лозенец", "Lozenets", 23.325, 42.665, "1164", 4.0, "CCECHECEEH"),
    District(10, "Триадица", "Triaditsa", 23.305, 42.665, "1408", 4.0, "CCECEHECEI"),
    District(11, "Красна поляна", "Krasna polyana", 23.265, 42.695, "1330", 4.0, "EEHCEHEEIH"),
    District(12, "Илинден", "Ilinden", 23.290, 42.715, "1309", 2.0, "ECECEICECE"),
    District(13, "Надежда", "Nadezhda", 23.300, 42.740, "1220", 5.0, "EEEHEIEHEI"),
    District(14, "Искър", "Iskar", 23.420, 42.655, "1528", 4.5, "EEHEIEIEHI"),
    District(15, "Младост", "Mladost", 23.380, 42.640, "1784", 4.5, "EEEEEHEEIE"),
    District(16, "Студентски", "Studentski", 23.350, 42.645, "1700", 3.0, "EEEHEECEEH"),
    District(17, "Витоша", "Vitosha", 23.270, 42.630, "1415", 10.0, "HHEHHVHHHV"),
    District(18, "Овча купел", "Ovcha kupel", 23.235, 42.680, "1632", 6.0, "EHHEHHEIHV"),
    District(19, "Люлин", "Lyulin", 23.245, 42.720, "1324", 5.0, "EEEEEEEEHE"),
    District(20, "Връбница", "Vrabnitsa", 23.260, 42.745, "1229", 5.0, "EEHEHEHIEH"),
    District(21, "Нови Искър", "Novi Iskar", 23.350, 42.805, "1280", 8.0, "HHHIHHVHHV"),
    District(22, "Кремиковци", "Kremikovtsi", 23.490, 42.770, "1849", 6.0, "HIHHIHHIHV"),
    District(23, "Панчарево", "Pancharevo", 23.410, 42.590, "1137", 9.0, "HHVHHVHVHV"),
    District(24, "Банкя", "Bankya", 23.145, 42.705, "1320", 5.0, "HHHVHHVHHV"),
)


def degrees(metres: Floats) -> Floats:
    """Positions as longitude and latitude, to the centimetre, from an (n, 2) array of EPSG:7801 metres."""
    lon, lat = _to_degrees.transform(metres[:, 0], metres[:, 1])
    return np.column_stack((lon, lat)).round(7)


def polygon_degrees(polygon: Polygon) -> list[list[list[float]]]:
    """The rings of a metric polygon as GeoJSON coordinates."""
    rings = [polygon.exterior, *polygon.interiors]
    return [degrees(shapely.get_coordinates(ring)).tolist() for ring in rings]


def write_geojson(path: Path, name: str, crs: str, features: Iterable[dict[str, Any]]) -> int:
    """Write features one a line under a named CRS; returns how many."""
    count = 0
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(geojson_head(name, crs))
        for feature in features:
            file.write(",\n" if count else "")
            file.write(json.dumps(feature, ensure_ascii=False, separators=(",", ":")))
            count += 1
        file.write("\n]}\n")
    return count


def geojson_head(name: str, crs: str) -> str:
    """The opening of a feature collection, with the old-style CRS member that the real files carry."""
    head = {
        "type": "FeatureCollection",
        "name": name,
        "publisher": PUBLISHER,
        "description": NOTICE,
        "crs": {"type": "name", "properties": {"name": crs}},
    }
    return json.dumps(head, ensure_ascii=False)[:-1] + ', "features": [\n'


@cache
def district_polygons() -> tuple[Polygon, ...]:
    """The land of each district in EPSG:7801: a partition of the city, in the order of DISTRICTS."""
    centres = np.array([district.centre for district in DISTRICTS])
    outline = _city_outline(centres.mean(axis=0))
    voronoi = shapely.voronoi_polygons(
        shapely.MultiPoint(centres), extend_to=outline.envelope.buffer(20_000), only_edges=True
    )
    # bent only as far as the city reaches, else the long outer edges would come out nearly straight
    near = shapely.intersection(voronoi.geoms, outline.buffer(400))
    edges = sorted(
        (shapely.get_coordinates(edge) for edge in near if not edge.is_empty), key=lambda edge: edge.tolist()
    )
    rng = np.random.default_rng(68134)
    bent = [shapely.LineString(_bend(edge, rng)) for edge in edges]
    lines = shapely.union_all([*bent, outline.exterior])
    pieces = [
        piece for piece in shapely.polygonize([lines]).geoms if outline.covers(piece.point_on_surface())
    ]
    tree = shapely.STRtree(pieces)
    point, piece = tree.query(shapely.points(centres), predicate="within")
    return tuple(pieces[k] for k in piece[np.argsort(point)])


def _city_outline(centre: Floats) -> Polygon:
    """A smooth closed curve about as large as the municipality."""
    turn = np.linspace(0, 2 * np.pi, 361)[:-1]
    radius = 20_000 * (1 + 0.09 * np.cos(2 * turn + 1.1) + 0.05 * np.sin(3 * turn) + 0.02 * np.cos(5 * turn))
    ring = np.column_stack((3_500 + radius * np.cos(turn), -3_500 + 1.08 * radius * np.sin(turn)))
    return Polygon((centre + ring).round(2))


def _bend(edge: Floats, rng: np.random.Generator) -> Floats:
    """A gently winding line in place of a straight one; its two ends stay, so neighbours still meet."""
    (start, end) = edge
    length = float(np.hypot(*(end - start)))
    along = np.linspace(0, 1, max(6, int(length / 180)))
    waves = sum(rng.uniform(-1, 1) * np.sin(np.pi * k * along) / k for k in (1, 2, 3, 5, 8))
    sideways = np.array([start[1] - end[1], end[0] - start[0]]) / length
    winding: Floats = start + along[:, None] * (end - start)
    winding += sideways * (min(0.07 * length, 420.0) * np.sin(np.pi * along) * waves)[:, None]
    winding[0], winding[-1] = start, end
    return winding


def write_districts(folder: Path) -> dict[str, int]:
    """Write the districts' boundaries and the table of their codes; returns the rows of each file."""
    features = (
        {
            "type": "Feature",
            "properties": {
                "id": district.number,
                "obns_num": f"{district.number:02d}",
                "obns_cyr": district.name,
                "obns_lat": district.latin,
            },
            "geometry": {"type": "MultiPolygon", "coordinates": [polygon_degrees(polygon)]},
        }
        for district, polygon in zip(DISTRICTS, district_polygons(), strict=True)
    )
    path = folder / "districts.geojson"
    boundaries = write_geojson(path, "districts", "urn:ogc:def:crs:OGC:1.3:CRS84", features)
    # the published table pads its columns with spaces, so this one does
    rows = ["name         ,code    ,city_area_code\n"]
    rows += [f"{district.name:<13},{district.code},{district.number}\n" for district in DISTRICTS]
    (folder / "district_codes.csv").write_text("".join(rows), encoding="utf-8", newline="\n")
    return {"districts.geojson": boundaries, "district_codes.csv": len(DISTRICTS)}


def write_populations(folder: Path, populations: Sequence[int]) -> int:
    """Write the districts' population estimates, with the published table's row for 'unknown'."""
    rows = ["id,name,population_estimate\n", '0,"Неизвестно",\n']
    for district, population in zip(DISTRICTS, populations, strict=True):
        rows.append(f'{district.number},"{district.name}",{population}\n')
    (folder / "district_populations.csv").write_text("".join(rows), encoding="utf-8", newline="\n")
    return len(rows) - 1
