// What colour a thing has on the map, and the words for it in the legend.

export interface Swatch {
  title: string;
  colour: string;
}

export interface UseGroup extends Swatch {
  /** Codes of Bulgaria's cadastre (Ordinance RD-02-20-5 of 2016, annex 4) and values of OpenStreetMap's building tag. */
  codes: string[];
}

const codes = (text: string): string[] => text.trim().split(/\s+/);

// Hues after planners' convention: yellow to live in, red to trade in, blue for public services, purple for industry.
export const USES: UseGroup[] = [
  {
    title: "Homes",
    colour: "#e6c07b",
    codes: codes(`100 110 130 140 150 190 house detached residential apartments semidetached_house terrace
      bungalow farm cabin dormitory static_caravan villa`),
  },
  { title: "Mixed use", colour: "#dd9a5b", codes: codes("120 490 mixed mixed_use") },
  {
    title: "Trade, offices and hotels",
    colour: "#cf6a63",
    codes: codes("160 170 200 210 220 300 310 commercial retail office hotel supermarket kiosk shop restaurant"),
  },
  {
    title: "Education and science",
    colour: "#5b8fd0",
    codes: codes("230 240 270 school kindergarten university college"),
  },
  { title: "Health and social care", colour: "#46b0ac", codes: codes("250 260 hospital clinic") },
  {
    title: "Culture, sport and worship",
    colour: "#74a95f",
    codes: codes(`280 290 340 350 church chapel cathedral mosque temple monastery museum theatre sports_hall
      stadium castle`),
  },
  {
    title: "Public administration and other public",
    colour: "#7f7fc4",
    codes: codes("360 450 public civic government townhall fire_station"),
  },
  {
    title: "Industry, farming and storage",
    colour: "#a184bd",
    codes: codes(`400 420 430 460 470 480 industrial warehouse manufacture factory barn cowshed stable farm_auxiliary
      greenhouse glasshouse silo hangar`),
  },
  {
    title: "Transport and utilities",
    colour: "#7d8b99",
    codes: codes("320 330 410 440 station train_station transportation service transformer_tower bridge"),
  },
  {
    title: "Garages and outbuildings",
    colour: "#b9ab9b",
    codes: codes("180 475 garage garages shed hut carport roof"),
  },
];
export const USE_UNKNOWN: Swatch = { title: "Use not recorded", colour: "#c9c7c1" };

/** OpenStreetMap's values may come as `building=house`. */
export function useOf(code: string): UseGroup | undefined {
  const bare = code.replace(/^building=/, "");
  return USES.find((group) => group.codes.includes(bare));
}

export interface FacilityGroup extends Swatch {
  kinds: Record<string, string>;
}

// One family of hues per group, one shade per kind.
export const FACILITIES: FacilityGroup[] = [
  {
    title: "Education",
    colour: "#2f6fc1",
    kinds: { SCHOOL: "#2f6fc1", KINDERGARTEN: "#5fa0e6", UNIVERSITY: "#1c4a8a", LIBRARY: "#7fb3ea" },
  },
  {
    title: "Health and care",
    colour: "#d0344e",
    kinds: { HOSPITAL: "#d0344e", CLINIC: "#e5647a", PHARMACY: "#ef8fa0", SOCIAL: "#b23a6b" },
  },
  { title: "Worship and burial", colour: "#7a5aa8", kinds: { PLACE_OF_WORSHIP: "#7a5aa8", CEMETERY: "#a590c4" } },
  {
    title: "Culture, sport and play",
    colour: "#3d9a50",
    kinds: { CULTURE: "#3d9a50", COMMUNITY_CENTRE: "#62b574", SPORT: "#217a3c", PLAYGROUND: "#8cc68d" },
  },
  {
    title: "Public services",
    colour: "#6b7a8f",
    kinds: {
      TOWN_HALL: "#55657a", PUBLIC_BUILDING: "#6b7a8f", POLICE: "#44607f", FIRE_STATION: "#b0472f",
      POST_OFFICE: "#8a97a6",
    },
  },
  {
    title: "Transport",
    colour: "#0f8b8d",
    kinds: {
      METRO_STATION: "#0f8b8d", BUS_STATION: "#2fb0a8", PARKING: "#6a8caf", FUEL_STATION: "#b7791f",
      CHARGING_STATION: "#d69e2e", BICYCLE_PARKING: "#4f9fb5", METRO_ENTRANCE: "#57b8b0",
    },
  },
  {
    title: "Green",
    colour: "#5f9e4f",
    kinds: { PARK: "#5f9e4f", GREEN_SPACE: "#8bbf6f" },
  },
  {
    title: "In the street",
    colour: "#a0815a",
    kinds: {
      RECYCLING: "#6f8f3a", DRINKING_WATER: "#3fa7d6", TOILETS: "#a0815a", SHELTER: "#8d7b68", BENCH: "#b89b72",
      FOUNTAIN: "#5cc0e0", BARBECUE: "#c2703d", WASTE_BASKET: "#7b8f6a", POST_BOX: "#d4a017", TELEPHONE: "#7a6fb0",
    },
  },
];
export const FACILITY_OTHER = "#5b6470";

export const STOP = "#0b63c5";
export const SITE = "#c0267e";

export interface Palette {
  ground: string;
  district: string[];
  districtEdge: string;
  neighbourhoodEdge: string;
  street: string;
  path: string;
  halo: string;
  /** How much of a building's colour gives way to the ground's. */
  dimmed: number;
  buildingEdge: string;
  selected: string;
  light: number;
}

export const PALETTES: Record<"light" | "dark", Palette> = {
  light: {
    ground: "#d5dadb",
    district: ["#ece9e1", "#e6e5dc", "#ebe5dd", "#e2e7de", "#e7e7e4"],
    districtEdge: "#7d837b",
    neighbourhoodEdge: "#a9ab9f",
    street: "#ffffff",
    path: "#d2c4ab",
    halo: "#ffffff",
    dimmed: 0,
    buildingEdge: "#00000030",
    selected: "#ff7a00",
    light: 0.22,
  },
  dark: {
    ground: "#0f1215",
    district: ["#1d2329", "#20292e", "#23272e", "#1c292b", "#262a2c"],
    districtEdge: "#6b7680",
    neighbourhoodEdge: "#4a545e",
    street: "#454f59",
    path: "#574f3f",
    halo: "#14181c",
    dimmed: 0.34,
    buildingEdge: "#00000060",
    selected: "#ff9a3d",
    light: 0.18,
  },
};

/** A colour between two, both written #rrggbb; `share` of the second. */
export function between(first: string, second: string, share: number): string {
  const part = (colour: string, at: number) => parseInt(colour.slice(at, at + 2), 16);
  const mixed = [1, 3, 5].map((at) => Math.round(part(first, at) * (1 - share) + part(second, at) * share));
  return `#${mixed.map((value) => value.toString(16).padStart(2, "0")).join("")}`;
}
