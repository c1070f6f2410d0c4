// The panel that shows one record and leads to the records it is tied to.

import { type Child, h } from "./dom";
import { type Connection, type Entity, keyOf, kindOf } from "./entities";
import { hrefTo } from "./address";
import { DESCRIPTIONS, subtitleOf, titleOf } from "./records";
import { date, enumerated } from "./words";

export interface PanelActions {
  /** Go to another record. */
  open: (id: string) => void;
  close: () => void;
  more: (record: Entity, list: string, after: string) => Promise<Connection>;
}

interface Claim {
  type: string;
  method: string;
  score: number;
  status: string;
  subject: Entity | null;
  object: Entity | null;
}

interface Source {
  title: string;
  publisher: string;
  licence: string | null;
}

export class Panel {
  readonly element = h("aside", { id: "record", class: "card", "aria-label": "Record", tabindex: "-1", hidden: true });

  constructor(private readonly actions: PanelActions) {
    this.element.addEventListener("keydown", (event) => {
      if (event.key === "Escape") actions.close();
    });
  }

  get open(): boolean {
    return !this.element.hidden;
  }

  hide(): void {
    this.element.hidden = true;
    this.element.replaceChildren();
  }

  loading(id: string): void {
    const kind = kindOf(id)?.one ?? "Record";
    this.#show(
      this.#head(kind, keyOf(id)),
      h("p", { class: "quiet", role: "status" }, "Reading the record…"),
      h("div", { class: "skeleton", "aria-hidden": "true" }, h("i"), h("i"), h("i"), h("i")),
    );
  }

  missing(id: string): void {
    this.#show(this.#head("Not found", id), h("p", {}, "The twin holds no record with this id, or holds it no more."));
  }

  failed(id: string, reason: string, again: () => void): void {
    this.#show(
      this.#head(kindOf(id)?.one ?? "Record", keyOf(id)),
      h("p", { class: "error", role: "alert" }, `The record could not be read. ${reason}`),
      h("button", { type: "button", onclick: again }, "Try again"),
    );
  }

  show(record: Entity): void {
    const description = DESCRIPTIONS[record.__typename];
    const kind = kindOf(record.id)?.one ?? record.__typename;
    const latin = record["labelLatin"];
    const title = titleOf(record);
    this.#show(
      this.#head(kind, title, typeof latin === "string" && latin !== record.label ? latin : null),
      description && this.#facts(record, description.facts),
      description && this.#ones(record, description.ones),
      ...(description?.lists ?? []).map(([field, words]) => this.#list(record, field, words)),
      this.#claims(record),
      this.#origin(record),
    );
    this.element.focus({ preventScroll: true });
  }

  #show(...children: Child[]): void {
    this.element.replaceChildren(...children.filter((child): child is Node => child instanceof Node));
    this.element.hidden = false;
    this.element.scrollTop = 0;
  }

  #head(kind: string, title: string, second: string | null = null): HTMLElement {
    const close = h("button", { type: "button", class: "plain close", "aria-label": "Close the record", onclick: this.actions.close }, "✕");
    return h("header", {}, h("p", { class: "kind" }, kind), close, h("h2", {}, title), second && h("p", { class: "quiet" }, second));
  }

  #facts(record: Entity, facts: [string, string, ((value: unknown) => string)?][]): Child {
    const rows = facts.flatMap(([field, title, show]) => {
      const value = record[field];
      if (value === null || value === undefined || value === "") return [];
      return [h("dt", {}, title), h("dd", {}, show ? show(value) : String(value))];
    });
    return rows.length > 0 && h("dl", {}, ...rows);
  }

  #ones(record: Entity, ones: [string, string][]): Child {
    const rows = ones.flatMap(([field, title]) => {
      const other = record[field] as Entity | null | undefined;
      return other ? [h("dt", {}, title), h("dd", {}, this.#link(other))] : [];
    });
    return rows.length > 0 && h("dl", { class: "belongs" }, ...rows);
  }

  #list(record: Entity, field: string, title: string): Child {
    const connection = record[field] as Connection | undefined;
    if (!connection) return null;
    const items = h("ul", {}, ...connection.nodes.map((node) => this.#item(node)));
    const head = h("h3", {}, title, " ", h("span", { class: "count" }, connection.totalCount.toLocaleString("en")));
    if (connection.totalCount === 0) return h("section", { class: "empty" }, head);
    return h("section", {}, head, items, this.#more(record, field, items, connection));
  }

  #more(record: Entity, field: string, items: HTMLElement, last: Connection): Child {
    const after = last.pageInfo?.endCursor;
    if (!last.pageInfo?.hasNextPage || !after) return null;
    const button = h("button", { type: "button", class: "plain more" }, "Show more");
    button.addEventListener("click", async () => {
      button.disabled = true;
      try {
        const next = await this.actions.more(record, field, after);
        const rows = next.nodes.map((node) => this.#item(node));
        items.append(...rows);
        const again = this.#more(record, field, items, next);
        if (again instanceof Node) button.replaceWith(again);
        else button.remove();
        rows[0]?.querySelector("a")?.focus();
      } catch (failure) {
        button.disabled = false;
        button.textContent = `Not read: ${(failure as Error).message} Try again`;
      }
    });
    return button;
  }

  #item(node: Entity): HTMLElement {
    const words = subtitleOf(node);
    return h("li", {}, this.#link(node), words && h("span", { class: "quiet" }, words));
  }

  #link(node: Entity): HTMLElement {
    const link = h("a", { href: hrefTo(node.id) }, titleOf(node));
    link.addEventListener("click", (event) => {
      if (event.metaKey || event.ctrlKey || event.shiftKey) return;
      event.preventDefault();
      this.actions.open(node.id);
    });
    return link;
  }

  /** What the link ledger says of this record: how each tie was found and how sure it is. */
  #claims(record: Entity): Child {
    const links = record["links"] as { totalCount: number; nodes: Claim[] } | undefined;
    if (!links?.nodes.length) return null;
    const rows = links.nodes.map((claim) => {
      const other = claim.subject?.id === record.id ? claim.object : claim.subject;
      const how = [enumerated(claim.type), enumerated(claim.method), `score ${claim.score.toFixed(2)}`];
      if (claim.status !== "ACCEPTED") how.push(enumerated(claim.status));
      return h("li", {}, other ? this.#link(other) : "A record that is gone", h("span", { class: "quiet" }, how.join(" · ")));
    });
    return h("section", {}, h("h3", {}, "How it was linked ", h("span", { class: "count" }, String(links.totalCount))), h("ul", {}, ...rows));
  }

  #origin(record: Entity): Child {
    const sources = (record["sources"] as Source[] | undefined) ?? [];
    const uri = record["uri"] as string | undefined;
    return h(
      "footer",
      {},
      ...sources.map((source) => h("p", {}, `${source.title}, ${source.publisher}. ${source.licence ?? "No licence stated"}.`)),
      record["recordedAt"] ? h("p", {}, `In the twin since ${date(record["recordedAt"])}.`) : null,
      h("p", { class: "id" }, uri ? h("a", { href: pathOf(uri) }, record.id) : record.id),
    );
  }
}

/** A record's URI may name the server by another host than the one this page came from. */
function pathOf(uri: string): string {
  try {
    return new URL(uri, location.href).pathname;
  } catch {
    return uri;
  }
}
