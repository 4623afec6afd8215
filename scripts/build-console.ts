/**
 * Builds the console into packages/console/dist, where the control plane serves it from. Runs at install (`prepare`), and does nothing
 * when what it would read is what it last read.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, globSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const root = join(import.meta.dirname, "..");
const folder = join(root, "packages/console");
const dist = join(folder, "dist");
const stampPath = join(dist, ".stamp");

/** The console's own files, and what it imports from other packages. */
const INPUTS = [
  "packages/console/{src,public}/**/*.*",
  "packages/console/{index.html,package.json,tsconfig.json,vite.config.ts}",
  "packages/{api,telemetry}/src/**/*.ts",
  "scripts/build-console.ts",
];

const hash = createHash("sha256");
for (const path of globSync(INPUTS, { cwd: root }).sort()) {
  hash.update(`${path}\0`).update(readFileSync(join(root, path)));
}
const stamp = hash.digest("hex");
if (existsSync(stampPath) && readFileSync(stampPath, "utf8") === stamp) process.exit(0);

const built = spawnSync(join(root, "node_modules/.bin/vite"), ["build", "--logLevel", "warn"], {
  cwd: folder,
  stdio: "inherit",
});
if (built.status !== 0) process.exit(1);

let firstLoad = 0;
for (const path of globSync("**/*.{js,css,svg}", { cwd: dist })) {
  const file = join(dist, path);
  const text = readFileSync(file);
  const params = { [constants.BROTLI_PARAM_QUALITY]: 9 };
  writeFileSync(`${file}.br`, brotliCompressSync(text, { params }));
  const zipped = gzipSync(text, { level: 9 });
  writeFileSync(`${file}.gz`, zipped);
  if (readFileSync(join(dist, "index.html"), "utf8").includes(path)) firstLoad += zipped.length;
}
writeFileSync(stampPath, stamp);
console.log(`built the console: ${(firstLoad / 1024).toFixed(0)} kB until it shows something (gzip)`);
