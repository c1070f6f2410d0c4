// A city on screen: the drawing, its layers, the record that is open, and the address that keeps both.

import { Map as Drawing, type MapGeoJSONFeature, NavigationControl, ScaleControl, type GeoJSONSource, setWorkerUrl } from "maplibre-gl";
import workerUrl from "maplibre-gl/dist/maplibre-gl-worker.mjs?url";
import "maplibre-gl/dist/maplibre-gl.css";
import type { City } from "../shared/city";
import { landmark } from "../shared/landmark";
import { putRecordInAddress, recordInAddress, viewInAddress } from "./address";
import { attribution } from "./attribution";
import { PALETTES } from "./colours";
import { ButtonControl } from "./controls";
import { h } from "./dom";
import { type Entity, kindOf } from "./entities";
import { Labels } from "./labels";
import { Layers } from "./layers";
import { NoticeLine } from "./notice";
import { Panel } from "./panel";
import { idOf, nameOf, pick } from "./pick";
import { readMore, readRecord } from "./records";
import { shapeOf } from "./shape";
import { sidebar } from "./sidebar";
import { SELECTION, SOURCE, style } from "./style";
import { theme, toggleTheme, watchTheme } from "./theme";

setWorkerUrl(new URL(workerUrl, location.href).href);

const TILT = 50;
/** Windows up to this width have the record below the map, as page.css says. */
const NARROW_PX = 720;
/** Below this zoom the tiles hold areas only. */
const CLOSE = 13;

export class CityMap {
  readonly element: HTMLElement;
  readonly #drawing: Drawing;
  readonly #layers: Layers;
  readonly #labels: Labels;
  readonly #panel: Panel;
  readonly #notice = new NoticeLine();
  readonly #tooltip = h("div", { class: "tooltip", hidden: true });
  readonly #tiles: string;
  #open: string | null = null;
  #hovered: MapGeoJSONFeature | null = null;
  #reading = new AbortController();
  #latin = false;
  /** Whether the address said where to look, before the drawing began to write there itself. */
  readonly #viewGiven = viewInAddress();

  constructor(private readonly city: City) {
    this.#tiles = location.origin + city.tiles;
    const canvas = h("div", { id: "map" });
    this.#drawing = new Drawing({
      container: canvas,
      style: style(theme(), this.#tiles, city.bounds),
      bounds: city.bounds,
      fitBoundsOptions: { padding: 20 },
      pitch: TILT * 0.6,
      maxPitch: 70,
      minZoom: 6,
      maxZoom: 20,
      hash: "view",
      attributionControl: false,
      locale: { "Map.Title": `Map of ${city.title}. Arrows move, plus and minus zoom, Enter opens what is in the middle.` },
    });
    this.#layers = new Layers(this.#drawing, true);
    this.#labels = new Labels(this.#drawing, this.#layers);
    this.#panel = new Panel({
      open: (id) => this.#select(id, true),
      close: () => this.#select(null, false),
      more: (record, list, after) => readMore(city.graphql, record, list, after),
    });
    const card = sidebar(city, this.#layers, {
      latin: (wanted) => this.#useLatin(wanted),
      shown: () => this.#labels.place(),
    });
    this.element = h(
      "main",
      {},
      canvas, this.#labels.element, h("div", { class: "crosshair", "aria-hidden": "true" }),
      card, this.#panel.element, this.#notice.element, this.#tooltip,
    );
  }

  /** Fill the page and answer the reader from here on. */
  async start(): Promise<void> {
    this.#drawing.resize();
    if (!this.#viewGiven) this.#drawing.fitBounds(this.city.bounds, { padding: this.#room(), duration: 0, pitch: TILT * 0.6 });
    this.#addControls();
    this.#listen();
    await new Promise<void>((resolve) => this.#drawing.once("style.load", () => resolve()));
    this.#layers.apply();
    this.#hint();
    watchTheme(() => this.#repaint());
    const record = recordInAddress();
    if (record) this.#select(record, !this.#viewGiven);
    await Promise.all([this.#nameDistricts(), this.#attribute()]);
  }

  #addControls(): void {
    this.#drawing.addControl(new NavigationControl({ visualizePitch: true }), "top-right");
    this.#drawing.addControl(
      new ButtonControl(
        () => (this.#layers.tilted ? { face: "2D", title: "Show the map flat" } : { face: "3D", title: "Show the buildings' heights" }),
        () => this.#tilt(!this.#layers.tilted),
      ),
      "top-right",
    );
    const shade = new ButtonControl(
      () => (theme() === "dark" ? { face: "☀", title: "Light colours" } : { face: "☾", title: "Dark colours" }),
      () => toggleTheme(),
    );
    watchTheme(() => shade.refresh());
    this.#drawing.addControl(shade, "top-right");
    this.#drawing.addControl(new ScaleControl({ maxWidth: 120 }), "bottom-left");
  }

  #listen(): void {
    this.#drawing.on("click", (event) => {
      const feature = pick(this.#drawing, this.#layers, event.point);
      this.#select(feature ? idOf(feature) : null, false);
    });
    this.#drawing.on("mousemove", (event) => this.#hover(pick(this.#drawing, this.#layers, event.point), event.point));
    this.#drawing.on("mouseout", () => this.#hover(null));
    this.#drawing.on("movestart", () => this.#hover(null));
    this.#drawing.on("zoomend", () => this.#hint());
    for (const begun of ["movestart", "dataloading"] as const) this.#drawing.on(begun, () => this.#busy(true));
    this.#drawing.on("idle", () => this.#busy(false));
    this.#drawing.on("error", ({ error }) => {
      console.error(error);
      this.#notice.say("tiles", "Part of the map could not be read from the server.", {
        title: "Try again",
        run: () => location.reload(),
      });
    });
    this.#drawing.getCanvas().addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      const { clientWidth, clientHeight } = this.#drawing.getContainer();
      const feature = pick(this.#drawing, this.#layers, { x: clientWidth / 2, y: clientHeight / 2 });
      if (feature) this.#select(idOf(feature), false);
    });
    const follow = () => {
      const id = recordInAddress();
      if (id !== this.#open) this.#select(id, false);
    };
    window.addEventListener("popstate", follow);
    window.addEventListener("hashchange", follow);
  }

  /** Open a record, or none; `visit` also goes there. */
  #select(id: string | null, visit: boolean): void {
    this.#mark(this.#open, "selected", false);
    this.#open = id;
    this.#reading.abort();
    this.#outline(null);
    putRecordInAddress(id);
    this.element.classList.toggle("reading", id !== null);
    if (id === null) {
      this.#panel.hide();
      this.#drawing.getCanvas().focus({ preventScroll: true });
      return;
    }
    this.#mark(id, "selected", true);
    void this.#read(id, visit);
  }

  async #read(id: string, visit: boolean): Promise<void> {
    this.#reading = new AbortController();
    const { signal } = this.#reading;
    this.#panel.loading(id);
    try {
      const record = await readRecord(this.city.graphql, id, signal);
      if (signal.aborted) return;
      if (!record) return this.#panel.missing(id);
      this.#panel.show(record);
      this.#outline(record);
      if (visit) this.#visit(record);
    } catch (failure) {
      if (!signal.aborted) this.#panel.failed(id, (failure as Error).message, () => this.#select(id, visit));
    }
  }

  #visit(record: Entity): void {
    const { box } = shapeOf(record);
    if (!box) return;
    this.#drawing.fitBounds(box, {
      padding: this.#room(),
      maxZoom: kindOf(record.id)?.zoom ?? 17,
      pitch: this.#layers.tilted ? TILT : 0,
      bearing: this.#drawing.getBearing(),
    });
  }

  /** The part of the window that no card covers. */
  #room(): { top: number; right: number; bottom: number; left: number } {
    const read = this.#panel.open;
    if (window.innerWidth <= NARROW_PX) {
      return { top: 70, right: 30, bottom: read ? window.innerHeight * 0.52 : 90, left: 30 };
    }
    return { top: 30, right: read ? 420 : 60, bottom: read ? 60 : 110, left: 270 };
  }

  #outline(record: Entity | null): void {
    const source = this.#drawing.getSource(SELECTION) as GeoJSONSource | undefined;
    // a building in 3D glows by itself; a line on the ground would show through it
    const features = record && !(record.__typename === "Building" && this.#layers.tilted) ? shapeOf(record).features : [];
    void source?.setData({ type: "FeatureCollection", features });
  }

  #hover(feature: MapGeoJSONFeature | null, at?: { x: number; y: number }): void {
    if (this.#hovered) this.#mark(idOf(this.#hovered), "hovered", false);
    this.#hovered = feature;
    this.#drawing.getCanvas().style.cursor = feature ? "pointer" : "";
    this.#tooltip.hidden = !feature;
    if (!feature || !at) return;
    this.#mark(idOf(feature), "hovered", true);
    this.#tooltip.textContent = nameOf(feature, this.#latin);
    const left = Math.min(at.x + 14, window.innerWidth - this.#tooltip.offsetWidth - 8);
    this.#tooltip.style.transform = `translate(${left}px, ${at.y + 18}px)`;
  }

  #mark(id: string | null, state: "selected" | "hovered", value: boolean): void {
    const sourceLayer = id ? kindOf(id)?.layer : undefined;
    if (id && sourceLayer) this.#drawing.setFeatureState({ source: SOURCE, sourceLayer, id }, { [state]: value });
  }

  #tilt(tilted: boolean): void {
    this.#layers.tilted = tilted;
    this.#drawing.easeTo({ pitch: tilted ? TILT : 0, bearing: tilted ? this.#drawing.getBearing() : 0, duration: 600 });
  }

  #useLatin(wanted: boolean): void {
    this.#latin = wanted;
    this.#labels.latin = wanted;
  }

  #repaint(): void {
    const { layers, light } = style(theme(), this.#tiles, this.city.bounds);
    if (light) this.#drawing.setLight(light);
    for (const layer of layers) {
      for (const [name, value] of Object.entries(layer.paint ?? {})) {
        this.#drawing.setPaintProperty(layer.id, name as never, value as never);
      }
    }
  }

  #busy(busy: boolean): void {
    this.element.setAttribute("aria-busy", String(busy));
  }

  #hint(): void {
    if (this.#drawing.getZoom() >= CLOSE) return this.#notice.unsay("hint");
    this.#notice.say("hint", "Closer in, the map shows buildings, streets, stops, facilities and sites.", {
      title: "Take me there",
      run: () => void this.#approach(),
    });
  }

  async #approach(): Promise<void> {
    try {
      const there = await landmark(this.city);
      if (there) this.#drawing.flyTo({ center: there, zoom: 15.6, pitch: this.#layers.tilted ? TILT + 5 : 0 });
      else this.#notice.say("empty", "Nothing is loaded into this city yet: run `twin load`.");
    } catch (failure) {
      this.#notice.say("failed", (failure as Error).message);
    }
  }

  async #nameDistricts(): Promise<void> {
    try {
      const districts = await this.#labels.load(this.city.graphql);
      const tints = PALETTES.light.district.length;
      districts.forEach((id, index) => {
        this.#drawing.setFeatureState({ source: SOURCE, sourceLayer: "district", id }, { tint: index % tints });
      });
    } catch (failure) {
      this.#notice.say("names", `The districts' names could not be read. ${(failure as Error).message}`);
    }
  }

  async #attribute(): Promise<void> {
    try {
      this.element.append(await attribution(this.city.graphql));
    } catch (failure) {
      this.element.append(h("p", { class: "sources" }, `The sources could not be read. ${(failure as Error).message}`));
    }
  }
}
