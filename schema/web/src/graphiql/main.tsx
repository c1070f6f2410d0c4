// The GraphiQL page: asks the address that it was itself served from.

import "graphiql/setup-workers/vite";
// the parts of graphiql/style.css without its half megabyte of fonts
import "@graphiql/react/style.css";
import "@graphiql/plugin-doc-explorer/style.css";
import "@graphiql/plugin-history/style.css";
import "graphiql/graphiql.css";
import "./page.css";
import { HISTORY_PLUGIN } from "@graphiql/plugin-history";
import { createGraphiQLFetcher } from "@graphiql/toolkit";
import { GraphiQL } from "graphiql";
import { createRoot } from "react-dom/client";
import { type City, readCity } from "../shared/city";
import { landmark } from "../shared/landmark";
import { examples } from "./examples";
import { QUESTIONS, questions } from "./questions";

async function place(city: City | null): Promise<[number, number] | null> {
  if (!city) return null;
  // a page without examples of its own place is still a page
  return landmark(city).catch(() => null);
}

async function start(): Promise<void> {
  const city = await readCity().catch(() => null);
  const known = examples(city, await place(city));
  if (city) document.title = `GraphQL · ${city.title}`;
  const pane = questions(known);
  createRoot(document.getElementById("graphiql")!).render(
    <GraphiQL
      fetcher={createGraphiQLFetcher({ url: location.pathname })}
      plugins={[pane, HISTORY_PLUGIN]}
      visiblePlugin={QUESTIONS}
      defaultQuery={known[0]?.query ?? ""}
      defaultEditorToolsVisibility={false}
    >
      <GraphiQL.Logo>
        <a href="./" className="home" title="The map of this city">
          {city?.title ?? "City twin"}
        </a>
      </GraphiQL.Logo>
    </GraphiQL>,
  );
}

void start();
