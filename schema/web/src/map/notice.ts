// One line at the foot of the map: what went wrong, or what to do next.

import { h } from "./dom";

export interface Action {
  title: string;
  run: () => void;
}

export class NoticeLine {
  readonly element = h("div", { class: "notice", role: "status", hidden: true });
  #kind = "";

  /** Say it; a notice of another kind gives way. */
  say(kind: string, words: string, action?: Action): void {
    if (this.#kind === kind && !this.element.hidden) return;
    this.#kind = kind;
    this.element.replaceChildren(
      h("span", {}, words),
      ...(action ? [h("button", { type: "button", onclick: action.run }, action.title)] : []),
    );
    this.element.hidden = false;
  }

  /** Stop saying it, if it is what is being said. */
  unsay(kind: string): void {
    if (this.#kind !== kind) return;
    this.element.hidden = true;
    this.#kind = "";
  }
}
