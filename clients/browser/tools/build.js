// Builds dist/, and the file that Django serves. With `--check` it compares that file and writes none.

import { spawnSync } from "node:child_process";
import { copyFile, readFile, rm, writeFile } from "node:fs/promises";

import { build } from "esbuild";

const SERVED = new URL("../../../python/djwto/static/djwto/client.js", import.meta.url);

await rm("dist", { recursive: true, force: true });
await build({
  entryPoints: ["src/index.ts", "src/react.ts"],
  outdir: "dist",
  bundle: true,
  external: ["react"],
  format: "esm",
  minify: true,
  target: "es2022",
  legalComments: "none",
  banner: { js: "/*! djwto, MIT OR Apache-2.0 */" },
  logLevel: "warning",
});
const types = spawnSync("tsc", { stdio: "inherit" });
if (types.status !== 0) process.exit(1);

// npm leaves links out of what it packs.
for (const name of ["LICENSE-APACHE", "LICENSE-MIT"]) await copyFile(`../../${name}`, name);

const built = await readFile("dist/index.js");
if (!process.argv.includes("--check")) await writeFile(SERVED, built);
else if (!built.equals(await readFile(SERVED))) {
  console.error("python/djwto/static/djwto/client.js is not what the sources give. Run: make client");
  process.exit(1);
}
