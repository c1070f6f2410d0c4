// What a page knows of the city it stands for: `city.json`, found relative to the page itself.

export interface CityPath {
  name: string;
  title: string;
  path: string;
}

export interface City {
  name: string;
  title: string;
  /** West, south, east, north, in degrees. */
  bounds: [number, number, number, number];
  cities: CityPath[];
  graphql: string;
  tiles: string;
}

export async function readCity(): Promise<City> {
  const response = await fetch("city.json", { headers: { Accept: "application/json" } });
  if (!response.ok) throw new Error(await reason(response));
  return (await response.json()) as City;
}

async function reason(response: Response): Promise<string> {
  if (response.status === 404) return "There is no city here: load one with `twin load`, or choose another address.";
  return `The server answered ${response.status} when asked about its city.`;
}
