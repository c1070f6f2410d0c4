// Where there is something to see in a city.

import type { City } from "./city";
import { ask } from "./graphql";
import LANDMARK from "../queries/landmark.graphql?raw";

type Place = { centroid: { coordinates: [number, number] } | null };
type Nearest = Record<"buildings" | "sites" | "stops" | "facilities", { nodes: Place[] }>;

export function middle(city: City): [number, number] {
  const [west, south, east, north] = city.bounds;
  return [(west + east) / 2, (south + north) / 2];
}

/** The building closest to the city's middle, else a site, stop or facility; null where there is none. */
export async function landmark(city: City): Promise<[number, number] | null> {
  const [lon, lat] = middle(city);
  const nearest = await ask<Nearest>(city.graphql, LANDMARK, { middle: { lon, lat } });
  const found = [nearest.buildings, nearest.sites, nearest.stops, nearest.facilities];
  return found.map((list) => list.nodes[0]?.centroid?.coordinates).find(Boolean) ?? null;
}
