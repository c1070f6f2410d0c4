// The map's own buttons: flat or tilted, light or dark.

import type { IControl } from "maplibre-gl";
import { h } from "./dom";

export class ButtonControl implements IControl {
  readonly #button: HTMLButtonElement;
  readonly #box: HTMLElement;

  /** `face` is what the button shows, `title` what it will do. */
  constructor(
    private readonly wording: () => { face: string; title: string },
    run: () => void,
  ) {
    this.#button = h("button", { type: "button", class: "text", onclick: () => (run(), this.refresh()) });
    this.#box = h("div", { class: "maplibregl-ctrl maplibregl-ctrl-group" }, this.#button);
    this.refresh();
  }

  refresh(): void {
    const { face, title } = this.wording();
    this.#button.textContent = face;
    this.#button.title = title;
    this.#button.setAttribute("aria-label", title);
  }

  onAdd(): HTMLElement {
    return this.#box;
  }

  onRemove(): void {
    this.#box.remove();
  }
}
