// Names of districts and neighbourhoods, as HTML over the map: the style needs no glyphs for them.

import type { Map as Drawing } from "maplibre-gl";
import { ask } from "../shared/graphql";
import PLACES from "../queries/places.graphql?raw";
import { h } from "./dom";
import type { Layers } from "./layers";

interface Place {
  id: string;
  label: string | null;
  labelLatin: string | null;
  areaM2: number;
  pointOnSurface: { coordinates: [number, number] } | null;
}

interface Label {
  element: HTMLElement;
  at: [number, number];
  group: "district" | "neighbourhood";
  size: [number, number];
  own: string;
  latin: string;
}

/** From where to where, in zoom levels, the names of a group are shown. */
const RANGE: Record<Label["group"], [number, number]> = { district: [8.5, 14], neighbourhood: [13, 17] };
/** Pixels between two names. */
const GAP = 4;

export class Labels {
  readonly element = h("div", { class: "labels", "aria-hidden": "true" });
  #labels: Label[] = [];
  #latin = false;

  constructor(
    private readonly drawing: Drawing,
    private readonly layers: Layers,
  ) {
    drawing.on("move", () => this.place());
    drawing.on("resize", () => this.place());
  }

  /** Read the names; returns the ids of the districts. */
  async load(graphql: string): Promise<string[]> {
    const found = await ask<{ districts: { nodes: Place[] }; neighbourhoods: { nodes: Place[] } }>(graphql, PLACES);
    this.#labels = [
      ...this.#make("district", found.districts.nodes),
      ...this.#make("neighbourhood", found.neighbourhoods.nodes),
    ];
    this.element.replaceChildren(...this.#labels.map((label) => label.element));
    this.#measure();
    return found.districts.nodes.map((place) => place.id);
  }

  set latin(latin: boolean) {
    this.#latin = latin;
    this.#measure();
  }

  /** Put every name where it belongs, the largest areas first; a name that would cover another one waits. */
  place(): void {
    const zoom = this.drawing.getZoom();
    const { clientWidth: width, clientHeight: height } = this.drawing.getContainer();
    const taken: [number, number, number, number][] = [];
    const bounds = this.drawing.getBounds();
    for (const label of this.#labels) {
      const [from, to] = RANGE[label.group];
      let fits = zoom >= from && zoom < to && this.layers.shows(label.group) && bounds.contains(label.at);
      if (fits) {
        const { x, y } = this.drawing.project(label.at);
        const [w, h] = label.size;
        const box: [number, number, number, number] = [x - w / 2 - GAP, y - h / 2 - GAP, x + w / 2 + GAP, y + h / 2 + GAP];
        fits = x > 0 && y > 0 && x < width && y < height && !taken.some((other) => overlap(box, other));
        if (fits) {
          taken.push(box);
          label.element.style.transform = `translate(${Math.round(x - w / 2)}px, ${Math.round(y - h / 2)}px)`;
        }
      }
      label.element.classList.toggle("shown", fits);
    }
  }

  #make(group: Label["group"], places: Place[]): Label[] {
    return places
      .filter((place) => place.pointOnSurface && place.label)
      .sort((a, b) => b.areaM2 - a.areaM2)
      .map((place) => {
        const own = place.label!;
        return {
          element: h("span", { class: `label ${group}` }, own),
          at: place.pointOnSurface!.coordinates,
          group,
          size: [0, 0],
          own,
          latin: place.labelLatin ?? own,
        };
      });
  }

  #measure(): void {
    for (const label of this.#labels) label.element.textContent = this.#latin ? label.latin : label.own;
    for (const label of this.#labels) label.size = [label.element.offsetWidth, label.element.offsetHeight];
    this.place();
  }
}

function overlap(a: [number, number, number, number], b: [number, number, number, number]): boolean {
  return a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];
}
