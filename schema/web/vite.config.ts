import { defineConfig } from "vite";

const twin = "http://127.0.0.1:8000";

// Two pages, and everything they need under /assets: no page asks another host for anything.
export default defineConfig({
  base: "/",
  build: {
    target: "es2022",
    sourcemap: false,
    // small files stay files, so that the pages' content policy needs no exception for them
    assetsInlineLimit: 0,
    // MapLibre and Monaco are as large as they are; both come in chunks of their own
    chunkSizeWarningLimit: 4096,
    rolldownOptions: {
      input: ["index.html", "graphiql.html"],
      onwarn(warning, tell) {
        // "use client" in GraphiQL's dependencies means something to servers that render React, not here
        if (warning.code !== "MODULE_LEVEL_DIRECTIVE") tell(warning);
      },
    },
  },
  worker: { format: "es" },
  // `npm run dev` beside a running `twin serve`
  server: {
    proxy: Object.fromEntries(
      ["^/(.+/)?city\\.json$", "^/(.+/)?tiles/", "^/(.+/)?graphql$", "^/(.+/)?id/"].map((path) => [path, twin]),
    ),
  },
});
