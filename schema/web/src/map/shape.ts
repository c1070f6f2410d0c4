// Where a record is: its own geometry, else that of what it is tied to.

import type { Feature, Geometry, Point } from "geojson";
import type { Connection, Entity } from "./entities";

export type Box = [number, number, number, number];

export interface Shape {
  features: Feature[];
  box: Box | null;
}

export function shapeOf(record: Entity): Shape {
  const own = placed(record);
  if (own.box) return own;
  const building = record["building"] as Entity | null | undefined;
  if (building) return placed(building);
  const list = (record["stops"] ?? record["sites"]) as Connection | undefined;
  const points = (list?.nodes ?? []).flatMap((node) => (node["position"] as Point | null) ?? []);
  return { features: points.map(feature), box: around(points.map((point) => point.coordinates as [number, number])) };
}

function placed(entity: Entity): Shape {
  const geometry = entity["geometry"] as Geometry | null | undefined;
  const box = entity["bbox"] as Box | null | undefined;
  return { features: geometry ? [feature(geometry)] : [], box: box ?? null };
}

function feature(geometry: Geometry): Feature {
  return { type: "Feature", geometry, properties: {} };
}

function around(points: [number, number][]): Box | null {
  if (!points.length) return null;
  const lons = points.map(([lon]) => lon);
  const lats = points.map(([, lat]) => lat);
  return [Math.min(...lons), Math.min(...lats), Math.max(...lons), Math.max(...lats)];
}
