// What graphql-http's audits of the GraphQL over HTTP specification find wrong with a server, as JSON.
// usage: node audit.js URL
import { auditServer } from "graphql-http";

const found = await auditServer({ url: process.argv[2] });
const told = found.map(({ id, name, status, reason }) => ({ id, name, status, reason }));
console.log(JSON.stringify(told));
