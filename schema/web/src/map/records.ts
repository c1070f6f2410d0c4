// What is asked about a record, and which of it is shown under which words.

import { ask } from "../shared/graphql";
import ITEM from "../queries/item.graphql?raw";
import RECORD from "../queries/record.graphql?raw";
import { type Coded, type Connection, type Entity, keyOf, kindOf } from "./entities";
import { area, coded, count, date, enumerated, metres, yesNo } from "./words";

type Fact = [field: string, title: string, show?: (value: unknown) => string];

/** A type's facts, what it belongs to, and what hangs from it, in the order shown. */
interface Description {
  facts: Fact[];
  ones: [field: string, title: string][];
  lists: [field: string, title: string][];
}

const AREAS: Description["ones"] = [
  ["neighbourhood", "Neighbourhood"],
  ["district", "District"],
];

export const DESCRIPTIONS: Record<string, Description> = {
  District: {
    facts: [["code", "Code"], ["population", "Inhabitants", count], ["areaM2", "Area", area]],
    ones: [],
    lists: [
      ["neighbourhoods", "Neighbourhoods"], ["buildings", "Buildings"], ["facilities", "Facilities"],
      ["transitStops", "Stops"], ["sites", "Sites"],
    ],
  },
  Neighbourhood: {
    facts: [["areaM2", "Area", area]],
    ones: [["district", "District"]],
    lists: [["buildings", "Buildings"], ["facilities", "Facilities"], ["transitStops", "Stops"], ["sites", "Sites"]],
  },
  Building: {
    facts: [
      ["currentUse", "Use", coded], ["storeysAboveGround", "Storeys above ground", count], ["heightM", "Height", metres],
      ["footprintAreaM2", "Footprint", area], ["dwellings", "Units", count],
      ["dateOfConstruction", "Built", date], ["addressText", "Address as recorded"],
      ["cadastralId", "Cadastral identifier"], ["osmId", "OpenStreetMap"],
    ],
    ones: AREAS,
    lists: [["sites", "Sites in it"], ["facilities", "Facilities in it"], ["addresses", "Addresses"]],
  },
  Address: {
    facts: [
      ["street", "Street"], ["houseNumber", "Number"], ["block", "Block"], ["entrance", "Entrance"],
      ["postcode", "Postcode"], ["settlement", "Settlement"],
    ],
    ones: [["building", "Building"], ...AREAS],
    lists: [["sites", "Sites"]],
  },
  StreetSegment: {
    facts: [
      ["function", "Function", coded], ["surface", "Surface", coded], ["lengthM", "Length", metres],
      ["osmId", "OpenStreetMap"],
    ],
    ones: AREAS,
    lists: [],
  },
  Facility: {
    facts: [
      ["facilityKind", "Kind", enumerated], ["facilityStatus", "Status", enumerated], ["operator", "Operator"],
      ["capacity", "Capacity", count], ["wheelchair", "Wheelchair access", yesNo], ["addressText", "Address as recorded"],
      ["osmId", "OpenStreetMap"],
    ],
    ones: [["building", "Building"], ...AREAS],
    lists: [],
  },
  TransitStop: {
    facts: [
      ["departuresWeekday", "Departures on a weekday", count], ["departuresSaturday", "On a Saturday", count],
      ["departuresSunday", "On a Sunday", count], ["gtfsId", "Stop id"],
    ],
    ones: AREAS,
    lists: [["routes", "Routes"]],
  },
  TransitRoute: {
    facts: [["shortName", "Number"], ["mode", "Mode", enumerated], ["gtfsId", "Route id"]],
    ones: [],
    lists: [["stops", "Stops"]],
  },
  Business: {
    facts: [
      ["eik", "EIK"], ["legalForm", "Legal form", coded], ["businessStatus", "Status", coded],
      ["activity", "Activity", coded], ["ownership", "Owned by", enumerated], ["registeredOn", "Registered", date],
    ],
    ones: [],
    lists: [["sites", "Sites"]],
  },
  Site: {
    facts: [
      ["siteKind", "Kind", enumerated], ["category", "Line of business", coded], ["operator", "Operator"],
      ["addressText", "Address as recorded"],
    ],
    ones: [["business", "Business"], ["building", "Building"], ["address", "Address"], ...AREAS],
    lists: [],
  },
};

/** The record of that id with what it is tied to; null when there is none. */
export async function readRecord(graphql: string, id: string, signal: AbortSignal): Promise<Entity | null> {
  return (await ask<{ node: Entity | null }>(graphql, `${RECORD}\n${ITEM}`, { id }, signal)).node;
}

/** The next rows of one of a record's lists. */
export async function readMore(graphql: string, record: Entity, list: string, after: string): Promise<Connection> {
  const query = `query More($id: ID!, $after: String!) {
    node(id: $id) { ... on ${record.__typename} { more: ${list}(first: 50, after: $after) {
      totalCount pageInfo { endCursor hasNextPage } nodes { ...Item }
    } } }
  }
  ${ITEM}`;
  const answer = await ask<{ node: { more: Connection } | null }>(graphql, query, { id: record.id, after });
  if (!answer.node) throw new Error("The record is gone.");
  return answer.node.more;
}

/** What a record is called: its label, else what it is, else its kind and key. */
export function titleOf(entity: Entity): string {
  if (entity.__typename === "TransitRoute") {
    return [entity["shortName"], entity.label].filter(Boolean).join(" · ");
  }
  return entity.label || sortOf(entity) || `${kindOf(entity.id)?.one ?? entity.__typename} ${keyOf(entity.id)}`;
}

/** What a nameless record is, in its own terms: an unnamed school is a school. */
function sortOf(entity: Entity): string {
  const business = entity["business"] as { legalName?: string; label?: string } | null | undefined;
  const code = (entity["category"] ?? entity["function"]) as Coded | null | undefined;
  if (entity["facilityKind"]) return enumerated(entity["facilityKind"]);
  return business?.legalName ?? business?.label ?? String(entity["operator"] ?? code?.label ?? code?.code ?? "");
}

/** A few more words about a record in a list. */
export function subtitleOf(entity: Entity): string {
  const words: unknown[] = [];
  const use = (entity["currentUse"] ?? entity["category"] ?? entity["function"]) as Coded | null | undefined;
  if (use) words.push(use.label ?? use.code);
  if (entity["storeysAboveGround"]) words.push(`${entity["storeysAboveGround"]} storeys`);
  if (entity["facilityKind"]) words.push(enumerated(entity["facilityKind"]));
  if (entity["kind"]) words.push(enumerated(entity["kind"]));
  if (entity["operator"] && entity["operator"] !== entity.label) words.push(entity["operator"]);
  const business = entity["business"] as { eik?: string; legalName?: string } | null | undefined;
  if (business) words.push([business.legalName, business.eik && `EIK ${business.eik}`].filter(Boolean).join(", "));
  if (entity["eik"]) words.push(`EIK ${String(entity["eik"])}`);
  if (entity["mode"]) words.push(enumerated(entity["mode"]));
  if (entity["departuresWeekday"]) words.push(`${count(entity["departuresWeekday"])} departures a weekday`);
  if (entity["lengthM"]) words.push(metres(entity["lengthM"]));
  const title = titleOf(entity);
  return words.filter((word) => word && word !== title).join(" · ");
}
