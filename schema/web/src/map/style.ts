// The map's style: what of the tiles is drawn how, from the ground up. It has no text layers, so it needs no glyphs.

import type {
  DataDrivenPropertyValueSpecification as Driven,
  ExpressionSpecification,
  FilterSpecification,
  LayerSpecification,
  StyleSpecification,
} from "maplibre-gl";
import {
  between,
  FACILITIES,
  FACILITY_OTHER,
  PALETTES,
  type Palette,
  SITE,
  STOP,
  USES,
  USE_UNKNOWN,
} from "./colours";
import type { Theme } from "./theme";

export const SOURCE = "twin";
export const SELECTION = "selection";
/** Scales beyond this one show the tiles of this one, enlarged. */
const TILE_ZOOM_CEILING = 16;
/** How tall a building is drawn when nobody knows. */
const HEIGHT_UNKNOWN_M = 3;

/** Which of the reader's layers a style layer belongs to, and whether it is for the flat or the tilted view only. */
export interface Role {
  group: string;
  only?: "flat" | "tilted";
}
export type StyleLayer = LayerSpecification & { metadata?: Role };

const state = (name: string): ExpressionSpecification => ["boolean", ["feature-state", name], false];

function whenSelected<T extends string | number>(selected: T, hovered: T, otherwise: unknown): Driven<T> {
  return ["case", state("selected"), selected, state("hovered"), hovered, otherwise] as unknown as Driven<T>;
}

function useColour(p: Palette): ExpressionSpecification {
  const dimmed = (colour: string) => between(colour, p.ground, p.dimmed);
  const cases = USES.flatMap(({ codes, colour }) => [
    [...codes, ...codes.filter((code) => !/^\d/.test(code)).map((code) => `building=${code}`)],
    dimmed(colour),
  ]);
  return ["match", ["coalesce", ["get", "use"], ""], ...cases, dimmed(USE_UNKNOWN.colour)] as unknown as ExpressionSpecification;
}

function facilityColour(): ExpressionSpecification {
  const cases = FACILITIES.flatMap(({ kinds }) => Object.entries(kinds).flat());
  return ["match", ["get", "kind"], ...cases, FACILITY_OTHER] as unknown as ExpressionSpecification;
}

function byZoom(...stops: number[]): ExpressionSpecification {
  return ["interpolate", ["exponential", 1.5], ["zoom"], ...stops] as ExpressionSpecification;
}

const height: ExpressionSpecification = ["coalesce", ["get", "height_m"], HEIGHT_UNKNOWN_M];
/** Ways to walk or cycle on: OpenStreetMap's values and the twin's own for municipal networks. */
const onFoot: ExpressionSpecification = [
  "in",
  ["coalesce", ["get", "function"], ""],
  ["literal", [
    "footway", "path", "steps", "cycleway", "pedestrian", "track", "bridleway", "pavement", "path_paved", "path_unpaved",
    "crossing_marked", "crossing_signals", "crossing_unmarked", "underpass",
  ]],
];

export function style(theme: Theme, tiles: string, bounds: [number, number, number, number]): StyleSpecification {
  const palette = PALETTES[theme];
  return {
    version: 8,
    name: `City twin, ${theme}`,
    sources: {
      [SOURCE]: {
        type: "vector",
        tiles: [tiles],
        minzoom: 0,
        maxzoom: TILE_ZOOM_CEILING,
        bounds: grown(bounds),
        promoteId: "id",
      },
      [SELECTION]: { type: "geojson", data: { type: "FeatureCollection", features: [] } },
    },
    light: { anchor: "viewport", color: "#ffffff", intensity: palette.light, position: [1.2, 210, 35] },
    transition: { duration: 200, delay: 0 },
    layers: layers(palette),
  };
}

/** Records may lie a little outside what a city calls its bounds. */
function grown([west, south, east, north]: [number, number, number, number]): [number, number, number, number] {
  return [Math.max(west - 1, -180), Math.max(south - 1, -85), Math.min(east + 1, 180), Math.min(north + 1, 85)];
}

function layers(p: Palette): StyleLayer[] {
  const from = (layer: string) => ({ source: SOURCE, "source-layer": layer });
  const tint = ["match", ["coalesce", ["feature-state", "tint"], 0],
    ...p.district.flatMap((colour, index) => [index, colour]), p.district[0]] as unknown as Driven<string>;
  return [
    { id: "ground", type: "background", paint: { "background-color": p.ground } },
    {
      id: "district", type: "fill", ...from("district"), metadata: { group: "district" },
      paint: { "fill-color": tint, "fill-opacity": whenSelected(0.75, 0.85, 1) },
    },
    {
      id: "neighbourhood", type: "fill", ...from("neighbourhood"), metadata: { group: "neighbourhood" },
      paint: { "fill-color": p.selected, "fill-opacity": whenSelected(0, 0.05, 0) },
    },
    {
      id: "neighbourhood-edge", type: "line", ...from("neighbourhood"), metadata: { group: "neighbourhood" },
      paint: { "line-color": p.neighbourhoodEdge, "line-width": byZoom(12, 0.6, 16, 1.6), "line-dasharray": [3, 2] },
    },
    {
      id: "street", type: "line", ...from("street_segment"), metadata: { group: "street_segment" },
      layout: { "line-cap": "round", "line-join": "round" },
      paint: {
        "line-color": whenSelected(p.selected, p.selected, ["case", onFoot, p.path, p.street]),
        "line-width": [
          "interpolate", ["exponential", 1.6], ["zoom"],
          14, ["case", onFoot, 0.6, 1.6],
          18, ["case", onFoot, 3, 11],
        ],
      },
    },
    {
      id: "district-edge", type: "line", ...from("district"), metadata: { group: "district" },
      layout: { "line-join": "round" },
      paint: { "line-color": p.districtEdge, "line-width": byZoom(8, 0.6, 12, 1.6, 16, 3), "line-opacity": 0.8 },
    },
    {
      id: "building", type: "fill", ...from("building"), metadata: { group: "building", only: "flat" },
      paint: { "fill-color": whenSelected(p.selected, p.selected, useColour(p)), "fill-outline-color": p.buildingEdge },
    },
    {
      id: "building-tall", type: "fill-extrusion", ...from("building"), metadata: { group: "building", only: "tilted" },
      paint: {
        "fill-extrusion-color": whenSelected(p.selected, p.selected, useColour(p)),
        "fill-extrusion-height": height,
        "fill-extrusion-vertical-gradient": true,
      },
    },
    {
      id: "selection-area", type: "fill", source: SELECTION, filter: geometryIs("Polygon"),
      paint: { "fill-color": p.selected, "fill-opacity": 0.12 },
    },
    {
      id: "selection-halo", type: "line", source: SELECTION, filter: ["!", geometryIs("Point")] as FilterSpecification,
      layout: { "line-join": "round", "line-cap": "round" },
      paint: { "line-color": p.halo, "line-width": 6, "line-opacity": 0.7 },
    },
    {
      id: "selection-edge", type: "line", source: SELECTION, filter: ["!", geometryIs("Point")] as FilterSpecification,
      layout: { "line-join": "round", "line-cap": "round" },
      paint: { "line-color": p.selected, "line-width": 3 },
    },
    {
      id: "site", type: "circle", ...from("site"), metadata: { group: "site" },
      paint: {
        "circle-color": whenSelected(p.selected, p.selected, SITE),
        "circle-radius": byZoom(14, 1.6, 16, 3.2, 19, 6),
        "circle-stroke-color": p.halo, "circle-stroke-width": byZoom(14, 0.4, 17, 1.2),
      },
    },
    {
      id: "transit_stop", type: "circle", ...from("transit_stop"), metadata: { group: "transit_stop" },
      paint: {
        "circle-color": whenSelected(p.selected, p.selected, "#ffffff"),
        "circle-radius": byZoom(13, 1.8, 16, 4, 19, 7),
        "circle-stroke-color": STOP, "circle-stroke-width": byZoom(13, 1, 17, 2.4),
      },
    },
    {
      id: "facility", type: "circle", ...from("facility"), metadata: { group: "facility" },
      paint: {
        "circle-color": whenSelected(p.selected, p.selected, facilityColour()),
        "circle-radius": byZoom(12, 2.4, 16, 5.5, 19, 9),
        "circle-stroke-color": p.halo, "circle-stroke-width": byZoom(12, 0.6, 17, 1.6),
      },
    },
    {
      id: "selection-point", type: "circle", source: SELECTION, filter: geometryIs("Point"),
      paint: {
        "circle-color": "transparent", "circle-radius": byZoom(12, 8, 19, 15),
        "circle-stroke-color": p.selected, "circle-stroke-width": 3,
      },
    },
  ] as StyleLayer[];
}

function geometryIs(kind: string): FilterSpecification {
  return ["==", ["geometry-type"], kind];
}
