// Whose data this is: the publishers in a line, the data sets and their licences behind it.

import { ask } from "../shared/graphql";
import SOURCES from "../queries/sources.graphql?raw";
import { h } from "./dom";

interface Source {
  title: string;
  publisher: string;
  licence: string | null;
  statedLicence: string | null;
  url: string | null;
  records: number | null;
}

export async function attribution(graphql: string): Promise<HTMLElement> {
  const { sources } = await ask<{ sources: Source[] }>(graphql, SOURCES);
  const loaded = sources.filter((source) => source.records);
  const publishers = [...new Set(loaded.map((source) => source.publisher))];
  if (!loaded.length) return h("p", { class: "sources" }, "No data set is loaded yet.");
  return h(
    "details",
    { class: "sources" },
    h("summary", {}, `Data: ${publishers.join(", ")}`),
    h("ul", {}, ...loaded.map(described)),
    h("p", {}, h("a", { href: graphql.replace(/graphql$/, "notices.csv") }, "What is wrong with these data (CSV)"), "."),
    h("p", {}, "Drawn with ", h("a", { href: "https://maplibre.org/", rel: "noreferrer" }, "MapLibre"), "."),
  );
}

function described(source: Source): HTMLElement {
  const title = source.url?.startsWith("http")
    ? h("a", { href: source.url, rel: "noreferrer" }, source.title)
    : source.title;
  const records = `${source.records!.toLocaleString("en")} records`;
  return h("li", {}, title, h("span", { class: "quiet" }, `${source.publisher} · ${source.licence ?? source.statedLicence ?? "no licence stated"} · ${records}`));
}
