// Types of the server's schema and of a question, as @graphql-codegen makes them from its introspection.
// usage: node codegen.js URL QUESTION.graphql FOLDER, where it writes schema.ts and question.ts
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { codegen } from "@graphql-codegen/core";
import * as typedDocumentNode from "@graphql-codegen/typed-document-node";
import * as typescript from "@graphql-codegen/typescript";
import * as operations from "@graphql-codegen/typescript-operations";
import { buildClientSchema, getIntrospectionQuery, parse, printSchema } from "graphql";

const [url, question, folder] = process.argv.slice(2);
const asked = await fetch(url, {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify({ query: getIntrospectionQuery({ inputValueDeprecation: true, oneOf: true }) }),
});
const schema = buildClientSchema((await asked.json()).data);
const documents = [{ location: question, document: parse(readFileSync(question, "utf8")) }];
const config = {
  useTypeImports: true,
  strictScalars: true,
  scalars: {
    BigInt: "number",
    CityJSON: "{ type: string; version: string }",
    Date: "string",
    DateTime: "string",
    GeoJSON: "{ type: string; coordinates: unknown }",
    JSON: "unknown",
    Lod: "string",
    _Any: "{ __typename: string }",
  },
};
const pluginMap = { typescript, operations, typedDocumentNode };

async function write(filename, ...names) {
  const plugins = names.map((name) => ({ [name]: {} }));
  const base = { filename, schema: parse(printSchema(schema)), schemaAst: schema, documents, config };
  const made = await codegen({ ...base, plugins, pluginMap });
  writeFileSync(join(folder, filename), made);
  return made.length;
}

const lengths = [await write("schema.ts", "typescript"), await write("question.ts", "operations", "typedDocumentNode")];
console.log(JSON.stringify(lengths));
