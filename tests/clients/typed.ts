// How an app uses the generated types; `tsc --strict` refuses what the server's schema does not promise.
import type { TypedDocumentNode } from "@graphql-typed-document-node/core";
import { BuildingsDocument, type BuildingsQuery, type BuildingsQueryVariables } from "./question.ts";

declare function ask<Data, Variables>(document: TypedDocumentNode<Data, Variables>, variables: Variables): Promise<Data>;

const variables: BuildingsQueryVariables = {
  where: { storeysAboveGround: { gte: 2 }, facilities: { some: { kind: { eq: "SCHOOL" } } } },
};
const answer: BuildingsQuery = await ask(BuildingsDocument, variables);
for (const { node } of answer.buildings.edges) {
  const storeys: number | null | undefined = node.storeysAboveGround;
  const id: string = node.id;
  const code: string | undefined = node.district?.code;
  console.log(id, storeys, code, node.geometry?.coordinates, node.bbox?.length);
  // @ts-expect-error a building may have no district
  console.log(node.district.code);
}
// @ts-expect-error there is no such operator
const wrong: BuildingsQueryVariables = { where: { storeysAboveGround: { equals: 2 } } };
console.log(wrong);
