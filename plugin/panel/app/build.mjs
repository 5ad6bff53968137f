// SPDX-License-Identifier: Apache-2.0
// Build the panel into one file: node build.mjs [FILE]
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { build } from "esbuild";

// The modules that the App shares with plugins, and the global variables that hold them
const GLOBALS = {
  react: "React",
  recoil: "recoil",
  "@fiftyone/state": "__fos__",
  "@fiftyone/operators": "__foo__",
  "@fiftyone/plugins": "__fop__",
  "@fiftyone/spaces": "__fosp__",
  "@fiftyone/playback": "__fopb__",
};

const shared = {
  name: "shared",
  setup(api) {
    const filter = new RegExp(`^(${Object.keys(GLOBALS).join("|")})$`);
    api.onResolve({ filter }, ({ path }) => ({ path, namespace: "shared" }));
    api.onLoad({ filter: /.*/, namespace: "shared" }, ({ path }) => ({
      contents: `module.exports = window.${GLOBALS[path]}`,
    }));
  },
};

// Plotly's license requires its notice, which esbuild does not recognize as a legal comment
const plotly = readFileSync(createRequire(import.meta.url).resolve("plotly.js-basic-dist-min"), "utf8");
const [notice] = plotly.match(/\/\*[\s\S]*?\*\//);

await build({
  entryPoints: ["src/index.tsx"],
  outfile: process.argv[2] ?? "../bundle.js",
  bundle: true,
  minify: true,
  format: "iife",
  target: "es2022",
  charset: "utf8",
  legalComments: "none",
  loader: { ".css": "text" },
  banner: { js: `// SPDX-License-Identifier: Apache-2.0 AND MIT\n${notice}` },
  plugins: [shared],
  logLevel: "warning",
});
