// The map page: read the city, draw it, open records.

import { readCity } from "../shared/city";
import { h } from "./dom";
import { watchTheme } from "./theme";
import "./page.css";

async function start(): Promise<void> {
  watchTheme(() => undefined);
  const waiting = h("p", { class: "cover", role: "status" }, "Loading the city…");
  document.body.append(waiting);
  try {
    const city = await readCity();
    document.title = `${city.title} · City twin`;
    // MapLibre is large: the page says what it is doing before it arrives
    const { CityMap } = await import("./city_map");
    const map = new CityMap(city);
    waiting.remove();
    document.body.append(map.element);
    await map.start();
  } catch (failure) {
    waiting.replaceWith(cover(failure as Error));
  }
}

function cover(failure: Error): HTMLElement {
  return h(
    "div",
    { class: "cover", role: "alert" },
    h("h1", {}, "The map cannot be shown"),
    h("p", {}, failure.message),
    h("button", { type: "button", onclick: () => location.reload() }, "Try again"),
  );
}

void start();
