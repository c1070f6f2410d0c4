// What is under the pointer, or in the middle of the map for those who use the keyboard.

import type { Map as Drawing, MapGeoJSONFeature, PointLike } from "maplibre-gl";
import { type Swatch, USE_UNKNOWN, useOf } from "./colours";
import { kindOf } from "./entities";
import type { Layers } from "./layers";
import { enumerated, metres } from "./words";

/** Small things first: they are drawn on top and are hardest to hit. The number is how many pixels a miss may be. */
const ORDER: [string[], number][] = [
  [["site", "facility", "transit_stop"], 6],
  [["building"], 0],
  [["street_segment"], 5],
  [["neighbourhood"], 0],
  [["district"], 0],
];

export function pick(drawing: Drawing, layers: Layers, at: { x: number; y: number }): MapGeoJSONFeature | null {
  for (const [groups, near] of ORDER) {
    const ids = layers.ids(groups);
    if (!ids.length) continue;
    const box: [PointLike, PointLike] = [
      [at.x - near, at.y - near],
      [at.x + near, at.y + near],
    ];
    const found = drawing.queryRenderedFeatures(box, { layers: ids })[0];
    if (found) return found;
  }
  return null;
}

export function idOf(feature: MapGeoJSONFeature): string {
  return String(feature.properties["id"]);
}

/** What a feature is, in a line, from what its tile says. */
export function nameOf(feature: MapGeoJSONFeature, latin: boolean): string {
  const { name, name_latin, kind, use, height_m, estimated } = feature.properties;
  const what = kindOf(idOf(feature))?.one ?? "";
  const called = (latin && name_latin) || name;
  if (what === "Building") {
    const group: Swatch = (use && useOf(String(use))) || USE_UNKNOWN;
    const tall = height_m ? `, ${estimated ? "about " : ""}${metres(height_m)} tall` : "";
    return `${what}: ${group.title.toLowerCase()}${tall}`;
  }
  const sort = kind ? enumerated(kind) : what;
  return called ? `${called} · ${sort}` : sort;
}
