// The example questions: one file each, whose first line says what it asks.

import type { City } from "../shared/city";

export interface Example {
  title: string;
  query: string;
}

const FILES = import.meta.glob<string>("../examples/*.graphql", { query: "?raw", import: "default", eager: true });
const POINT = /lon: [\d.]+, lat: [\d.]+/g;
const BOX = /west: [\d.]+, south: [\d.]+, east: [\d.]+, north: [\d.]+/g;
/** A question about codes of one place names the box that the place lies in. */
const WITHIN = /^# within ([\d.]+) ([\d.]+) ([\d.]+) ([\d.]+)\n/m;
const BOX_DEG = [0.004, 0.003] as const;

/** The questions that make sense in this city, about a place in it where that is known. */
export function examples(city: City | null, place: [number, number] | null): Example[] {
  return Object.keys(FILES)
    .sort()
    .map((path) => FILES[path]!)
    .filter((text) => concerns(text, city))
    .map((text) => {
      const [first = "", ...rest] = text.replace(WITHIN, "").split("\n");
      const query = place ? moved(rest.join("\n"), place) : rest.join("\n");
      return { title: first.replace(/^#\s*/, ""), query: `${first}\n${query}` };
    });
}

function concerns(text: string, city: City | null): boolean {
  const box = WITHIN.exec(text)?.slice(1).map(Number);
  if (!box || !city) return true;
  const [west, south, east, north] = city.bounds;
  return west < box[2]! && box[0]! < east && south < box[3]! && box[1]! < north;
}

function moved(query: string, [lon, lat]: [number, number]): string {
  const at = (degrees: number) => Number(degrees.toFixed(5));
  const [dx, dy] = BOX_DEG;
  return query
    .replace(POINT, `lon: ${at(lon)}, lat: ${at(lat)}`)
    .replace(BOX, `west: ${at(lon - dx)}, south: ${at(lat - dy)}, east: ${at(lon + dx)}, north: ${at(lat + dy)}`);
}
