// SPDX-License-Identifier: Apache-2.0
// Builds the panel into one file: node build.mjs [FILE]
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { build } from "esbuild";

// What the App shares with plugins
const GLOBALS = {
  react: "React",
  recoil: "recoil",
  "@fiftyone/state": "__fos__",
  "@fiftyone/operators": "__foo__",
  "@fiftyone/plugins": "__fop__",
  "@fiftyone/spaces": "__fosp__",
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

// Plotly's licence asks for its notice, which esbuild takes for any other comment
const plotly = readFileSync(createRequire(import.meta.url).resolve("plotly.js-basic-dist-min"), "utf8");
const [notice] = plotly.match(/\/\*[^]*?\*\//);

await build({
  entryPoints: ["src/index.tsx"],
  outfile: process.argv[2] ?? "../bundle.js",
  bundle: true,
  minify: true,
  format: "iife",
  target: "es2021",
  charset: "utf8",
  legalComments: "none",
  loader: { ".css": "text" },
  banner: { js: `// SPDX-License-Identifier: Apache-2.0 AND MIT\n${notice}` },
  plugins: [shared],
  logLevel: "warning",
});
