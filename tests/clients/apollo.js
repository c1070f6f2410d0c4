// What @apollo/client makes of the twin: a cache by id, fragments on interfaces, pages put together.
// usage: node apollo.js URL QUESTION.graphql
import { readFileSync } from "node:fs";
import { ApolloClient, HttpLink, InMemoryCache, gql } from "@apollo/client/core";
import { relayStylePagination } from "@apollo/client/utilities";

const [url, question] = process.argv.slice(2);
let requests = 0;
const link = new HttpLink({ uri: url, fetch: (...asked) => ((requests += 1), fetch(...asked)) });

const schema = await new ApolloClient({ link, cache: new InMemoryCache() }).query({
  query: gql`{ __schema { types { kind name possibleTypes { name } } } }`,
});
const abstract = schema.data.__schema.types.filter((type) => type.possibleTypes !== null);
const possibleTypes = Object.fromEntries(abstract.map((type) => [type.name, type.possibleTypes.map(({ name }) => name)]));

const cache = new InMemoryCache({
  possibleTypes,
  typePolicies: { Query: { fields: { buildings: relayStylePagination(["where"]) } } },
});
const client = new ApolloClient({ link, cache });
const [buildings, record] = gql(readFileSync(question, "utf8")).definitions;
const fragments = gql(readFileSync(question, "utf8")).definitions.slice(2);
const document = (operation) => ({ kind: "Document", definitions: [operation, ...fragments] });

const watched = client.watchQuery({ query: document(buildings), variables: { where: {} } });
const subscription = watched.subscribe(() => {});
let { data } = await client.query({ query: document(buildings), variables: { where: {} } });
while (data.buildings.pageInfo.hasNextPage) {
  ({ data } = await watched.fetchMore({ variables: { after: data.buildings.pageInfo.endCursor } }));
}
subscription.unsubscribe();

const whole = client.readQuery({ query: document(buildings), variables: { where: {} } });
const before = requests;
const again = await client.query({ query: document(buildings), variables: { where: {} } });
const district = await client.query({ query: document(record), variables: { id: "Building:b.1" } });
console.log(
  JSON.stringify({
    possibleTypes,
    ids: whole.buildings.edges.map(({ node }) => node.id),
    again: again.data.buildings.edges.length,
    fromCache: before === requests - 1,
    node: district.data.node,
    fragment: cache.readFragment({
      id: "District:District:68134-01",
      fragment: gql`fragment N on CityEntity { label ... on SpatialEntity { bbox } }`,
    }),
    cached: Object.keys(cache.extract()).sort(),
  }),
);
