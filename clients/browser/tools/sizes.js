// Prints how large the built files are for a browser, and fails where one is larger than its bound.

import { readFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";

const BOUNDS = { "index.js": 4096, "react.js": 700 }; // bytes after `gzip -9`

for (const [name, bound] of Object.entries(BOUNDS)) {
  const bytes = gzipSync(await readFile(`dist/${name}`), { level: 9 }).length;
  console.log(`${name.padEnd(8)} ${String(bytes).padStart(5)} of ${bound} bytes, minified and gzip -9`);
  if (bytes > bound) process.exitCode = 1;
}
