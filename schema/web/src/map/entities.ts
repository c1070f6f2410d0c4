// The entities as a reader meets them: what they are called, where they are drawn, how close to look.

export interface Kind {
  /** GraphQL type, and the part of a public id before the colon. */
  type: string;
  one: string;
  many: string;
  /** Layer of the vector tiles. */
  layer?: string;
  /** How close to go when one is visited. */
  zoom: number;
}

export const KINDS: Kind[] = [
  { type: "District", one: "District", many: "Districts", layer: "district", zoom: 14 },
  { type: "Neighbourhood", one: "Neighbourhood", many: "Neighbourhoods", layer: "neighbourhood", zoom: 15.5 },
  { type: "StreetSegment", one: "Street segment", many: "Street segments", layer: "street_segment", zoom: 17 },
  { type: "Building", one: "Building", many: "Buildings", layer: "building", zoom: 17.3 },
  { type: "Facility", one: "Facility", many: "Facilities", layer: "facility", zoom: 16.5 },
  { type: "TransitStop", one: "Stop", many: "Stops", layer: "transit_stop", zoom: 16.5 },
  { type: "Site", one: "Site", many: "Sites", layer: "site", zoom: 17.3 },
  { type: "Address", one: "Address", many: "Addresses", zoom: 17.3 },
  { type: "TransitRoute", one: "Route", many: "Routes", zoom: 13 },
  { type: "Business", one: "Business", many: "Businesses", zoom: 17 },
];

const BY_TYPE = new Map(KINDS.map((kind) => [kind.type, kind]));

export function kindOf(id: string): Kind | undefined {
  return BY_TYPE.get(id.slice(0, id.indexOf(":")));
}

export function keyOf(id: string): string {
  return id.slice(id.indexOf(":") + 1);
}

/** A record as GraphQL gives it: these, and the fields of its type. */
export interface Entity {
  __typename: string;
  id: string;
  label?: string | null;
  [field: string]: unknown;
}

export interface Connection {
  totalCount: number;
  nodes: Entity[];
  pageInfo?: { endCursor: string | null; hasNextPage: boolean };
}

export interface Coded {
  code: string;
  label?: string | null;
}
