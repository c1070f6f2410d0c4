// Composes the twin with a small subgraph of another office, plans a question to both, and sends the twin its part.
// usage: node compose.js URL REPRESENTATIONS
import { composeServices } from "@apollo/composition";
import { operationFromDocument, Supergraph } from "@apollo/federation-internals";
import { QueryPlanner } from "@apollo/query-planner";
import { parse } from "graphql";

const [url, representations] = process.argv.slice(2);

async function ask(query, variables) {
  // composing takes seconds, and the server keeps no idle connection as long
  const headers = { "content-type": "application/json", connection: "close" };
  const body = JSON.stringify({ query, variables });
  const answer = await fetch(url, { method: "POST", headers, body });
  return answer.json();
}

const offices = `
  extend schema @link(url: "https://specs.apollo.dev/federation/v2.3", import: ["@key", "@shareable"])
  type Query { inspections: [Inspection!]! }
  type Inspection @key(fields: "id") { id: ID! note: String! building: Building }
  type Building @key(fields: "id", resolvable: false) { id: ID! }
  type District @key(fields: "id") { id: ID! mayor: String }
`;
const question = "{ inspections { note building { id heightM district { nameBg mayor } } } }";

function* fetches(node) {
  if (node.kind === "Fetch") yield node;
  else for (const inner of node.nodes ?? [node.node]) yield* fetches(inner);
}

const sdl = (await ask("{ _service { sdl } }")).data._service.sdl;
const composed = composeServices([
  { name: "twin", url, typeDefs: parse(sdl) },
  { name: "offices", url: "http://offices.invalid", typeDefs: parse(offices) },
]);
const told = { errors: (composed.errors ?? []).map((error) => error.message) };
if (!told.errors.length) {
  const supergraph = Supergraph.build(composed.supergraphSdl);
  const operation = operationFromDocument(supergraph.apiSchema(), parse(question));
  const steps = [...fetches(new QueryPlanner(supergraph).buildQueryPlan(operation).node)];
  told.steps = steps.map((step) => step.serviceName);
  const own = steps.find((step) => step.serviceName === "twin");
  told.answer = await ask(own.operation, { representations: JSON.parse(representations) });
}
console.log(JSON.stringify(told));
