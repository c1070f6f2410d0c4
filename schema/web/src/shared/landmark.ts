// Where there is something to see in a city.

import type { City } from "./city";
import { ask } from "./graphql";
import LANDMARK from "../queries/landmark.graphql?raw";

export type LonLat = [number, number];
type Places = { nodes: { centroid: { coordinates: LonLat } | null }[] };

/** How far, in degrees of latitude, things are still near each other: about 400 m. */
const NEAR_DEG = 0.0036;

/** The busiest stop, else the place with the most around it; null where the city holds nothing. */
export async function landmark(city: City): Promise<LonLat | null> {
  const found = await ask<Record<"stops" | "buildings" | "sites" | "facilities", Places>>(city.graphql, LANDMARK);
  const [busiest] = points(found.stops);
  return busiest ?? densest([...points(found.buildings), ...points(found.sites), ...points(found.facilities)]);
}

function points(places: Places): LonLat[] {
  return places.nodes.flatMap((place) => (place.centroid ? [place.centroid.coordinates] : []));
}

function densest(places: LonLat[]): LonLat | null {
  let best: LonLat | null = null;
  let most = -1;
  for (const [lon, lat] of places) {
    const narrower = Math.cos((lat * Math.PI) / 180);
    const around = places.filter(
      (other) => Math.abs(other[1] - lat) < NEAR_DEG && Math.abs(other[0] - lon) * narrower < NEAR_DEG,
    ).length;
    if (around > most) [best, most] = [[lon, lat], around];
  }
  return best;
}
