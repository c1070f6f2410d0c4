// The card at the map's left: which city, which layers, what the colours mean.

import type { City } from "../shared/city";
import { FACILITIES, SITE, STOP, type Swatch, USES, USE_UNKNOWN } from "./colours";
import { type Child, h } from "./dom";
import { type Layers, SWITCHES } from "./layers";
import { enumerated } from "./words";

export interface SidebarActions {
  latin: (wanted: boolean) => void;
  shown: () => void;
}

export function sidebar(city: City, layers: Layers, actions: SidebarActions): HTMLElement {
  const body = h(
    "details",
    { class: "layers", open: window.innerWidth > 720 },
    h("summary", {}, "Layers and legend"),
    h("ul", {}, ...[...SWITCHES].reverse().map(({ group, title }) => layerRow(group, title, layers, actions))),
    h("label", { class: "row" }, latinSwitch(actions), h("span", {}, "Names in Latin script")),
  );
  return h(
    "section",
    { id: "city", class: "card", "aria-label": "City and layers" },
    h("header", {}, h("h1", {}, city.title), cities(city)),
    body,
    h("p", { class: "links" }, h("a", { href: city.graphql }, "Ask in GraphQL")),
  );
}

function cities(city: City): Child {
  if (city.cities.length < 2) return null;
  const options = city.cities.map(({ title, path, name }) => h("option", { value: path, selected: name === city.name }, title));
  const select = h("select", { "aria-label": "Another city" }, ...options);
  select.addEventListener("change", () => location.assign(select.value));
  return select;
}

function layerRow(group: string, title: string, layers: Layers, actions: SidebarActions): HTMLElement {
  const box = h("input", { type: "checkbox", checked: layers.shows(group), name: group });
  box.addEventListener("change", () => {
    layers.show(group, box.checked);
    actions.shown();
  });
  const legend = LEGENDS[group];
  return h("li", {}, h("label", { class: "row" }, box, mark(group), h("span", {}, title)), legend?.());
}

function latinSwitch(actions: SidebarActions): HTMLElement {
  const box = h("input", { type: "checkbox", name: "latin" });
  box.addEventListener("change", () => actions.latin(box.checked));
  return box;
}

function mark(group: string): HTMLElement {
  return h("i", { class: `mark ${group}`, style: MARKS[group] ?? "", "aria-hidden": "true" });
}

const MARKS: Record<string, string> = {
  site: `background:${SITE}`,
  transit_stop: `border-color:${STOP}`,
  facility: `background:${FACILITIES[0]?.colour}`,
  building: `background:${USES[0]?.colour}`,
};

const LEGENDS: Record<string, () => HTMLElement> = {
  building: () =>
    legend("Colours by use", [
      ...USES.map((use) => swatch(use)),
      swatch(USE_UNKNOWN),
      h("li", { class: "note" }, "Height as measured, else 3 m for every storey; 3 m where neither is known."),
    ]),
  facility: () =>
    legend(
      "Colours by kind",
      FACILITIES.map(({ title, kinds }) =>
        h("li", {}, h("b", {}, title), h("ul", {}, ...Object.entries(kinds).map(([kind, colour]) => swatch({ title: enumerated(kind), colour }, "dot")))),
      ),
    ),
};

function legend(title: string, rows: Child[]): HTMLElement {
  return h("details", { class: "legend" }, h("summary", {}, title), h("ul", {}, ...rows));
}

function swatch({ title, colour }: Swatch, shape = "square"): HTMLElement {
  return h("li", { class: "swatch" }, h("i", { class: shape, style: `background:${colour}`, "aria-hidden": "true" }), title);
}
