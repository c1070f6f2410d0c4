// The layers a reader can switch, and switching them.

import type { Map as Drawing } from "maplibre-gl";
import { KINDS } from "./entities";
import type { StyleLayer } from "./style";

export class Layers {
  readonly #hidden = new Set<string>();
  #tilted: boolean;

  constructor(
    private readonly drawing: Drawing,
    tilted: boolean,
  ) {
    this.#tilted = tilted;
  }

  shows(group: string): boolean {
    return !this.#hidden.has(group);
  }

  show(group: string, wanted: boolean): void {
    if (wanted) this.#hidden.delete(group);
    else this.#hidden.add(group);
    this.apply();
  }

  get tilted(): boolean {
    return this.#tilted;
  }

  set tilted(tilted: boolean) {
    this.#tilted = tilted;
    this.apply();
  }

  apply(): void {
    for (const layer of this.#switchable()) {
      const role = layer.metadata;
      const fits = !role?.only || (role.only === "tilted") === this.#tilted;
      const visible = fits && this.shows(role?.group ?? "");
      this.drawing.setLayoutProperty(layer.id, "visibility", visible ? "visible" : "none");
    }
  }

  /** The visible style layers of these groups. */
  ids(groups: string[]): string[] {
    return this.#switchable()
      .filter((layer) => groups.includes(layer.metadata?.group ?? "") && layer.layout?.visibility !== "none")
      .map((layer) => layer.id);
  }

  #switchable(): StyleLayer[] {
    const layers = this.drawing.getStyle().layers as StyleLayer[];
    return layers.filter((layer) => layer.metadata?.group);
  }
}

/** In the order of the legend: what lies on top comes first. */
export const SWITCHES = KINDS.filter((kind) => kind.layer).map((kind) => ({ group: kind.layer!, title: kind.many }));
