// Compares what `npm pack` would send with what the package is to hold.

import { execFileSync } from "node:child_process";
import { readFile } from "node:fs/promises";

const EXPECTED = [
  "LICENSE-APACHE",
  "LICENSE-MIT",
  "README.md",
  "dist/api.d.ts",
  "dist/client.d.ts",
  "dist/errors.d.ts",
  "dist/index.d.ts",
  "dist/index.js",
  "dist/react.d.ts",
  "dist/react.js",
  "dist/storage.d.ts",
  "dist/types.d.ts",
  "package.json",
];

const npm = [process.env.npm_execpath, "pack", "--dry-run", "--json", "--ignore-scripts"];
const report = JSON.parse(execFileSync(process.execPath, npm, { encoding: "utf8" }));
const [{ files }] = Array.isArray(report) ? report : Object.values(report);
const found = files.map(({ path }) => path).sort();
if (String(found) !== String(EXPECTED)) {
  console.error(`The package holds ${found.join(", ")}; expected ${EXPECTED.join(", ")}.`);
  process.exitCode = 1;
}

// Each address that package.json names is in it, and it needs nothing at run time.
const { exports, dependencies } = JSON.parse(await readFile("package.json", "utf8"));
for (const path of Object.values(exports).flatMap(Object.values)) {
  if (!found.includes(path.replace("./", ""))) throw new Error(`${path} is not in the package.`);
}
if (dependencies) throw new Error("The package needs others at run time.");
console.log(`${found.length} files in the package`);
