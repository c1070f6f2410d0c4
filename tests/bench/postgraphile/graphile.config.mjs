// PostGraphile over the twin's tables, for someone who chose it instead: Amber preset, connection filter,
// relations by smart tags, geometry by SQL functions (functions.sql).
import { makePgService } from "postgraphile/adaptors/pg";
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";
import { TagsFilePlugin } from "postgraphile/utils";
import { PostGraphileConnectionFilterPreset } from "postgraphile-plugin-connection-filter";

const { DATABASE_URL, PEER_SCHEMAS, PEER_PORT } = process.env;

export default {
  extends: [PostGraphileAmberPreset, PostGraphileConnectionFilterPreset],
  plugins: [TagsFilePlugin],
  pgServices: [
    makePgService({
      connectionString: DATABASE_URL,
      schemas: PEER_SCHEMAS.split(","),
      poolConfig: { max: 16 },
    }),
  ],
  // connections and plain lists are both offered: the benchmark asks for the faster of the two
  schema: { defaultBehavior: "connection list" },
  grafserv: { port: Number(PEER_PORT), watch: false },
};
