/** `npm run check`: types, type-aware lint, format, unused exports and dependencies, import direction, import circles. Runs all, reports all. */
import { spawnSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { hotPathViolations } from "./hot-path-rule.ts";
import { circlesIn } from "./import-circles.ts";
import { violationsIn } from "./import-rule.ts";

const root = join(import.meta.dirname, "..");
const bin = join(root, "node_modules/.bin");

const STEPS: readonly { readonly name: string; readonly run: () => boolean }[] = [
  // They are made at install; a change of the roots since then would only show as types that are missing.
  { name: "generated types", run: () => script("generate-protos.ts", "--if-stale") },
  { name: "types", run: () => tool("tsc", "--noEmit", "-p", ".") },
  { name: "types of the console", run: () => tool("tsc", "--noEmit", "-p", "packages/console") },
  { name: "lint", run: () => tool("oxlint", "--type-aware", "--deny-warnings", ".") },
  { name: "format", run: () => tool("oxfmt", "--check", ".") },
  { name: "unused exports and dependencies", run: () => tool("knip") },
  { name: "import direction", run: importDirection },
  { name: "import circles", run: importCircles },
  { name: "hot path", run: hotPath },
];

function script(name: string, ...args: string[]): boolean {
  return spawnSync(process.execPath, [join(root, "scripts", name), ...args], { stdio: "inherit" }).status === 0;
}

function tool(name: string, ...args: string[]): boolean {
  const result = spawnSync(join(bin, name), args, { cwd: root, encoding: "utf8" });
  if (result.status === 0) return true;
  process.stdout.write(result.stdout + result.stderr);
  return false;
}

function sources(): ReadonlyMap<string, string> {
  const files = globSync("packages/*/src/**/*.{ts,tsx}", { cwd: root, exclude: ["packages/xds/src/gen/**"] });
  return new Map(files.map((file) => [file, readFileSync(join(root, file), "utf8")]));
}

function inSources<T>(find: (file: string, source: string) => T[]): T[] {
  return [...sources()].flatMap(([file, source]) => find(file, source));
}

function hotPath(): boolean {
  const found = inSources(hotPathViolations);
  for (const { file, line, because } of found) console.log(`${file}:${line}: ${because}`);
  return found.length === 0;
}

function importDirection(): boolean {
  const found = inSources(violationsIn);
  for (const { file, line, specifier, because } of found)
    console.log(`${file}:${line}: imports ${specifier}: ${because}`);
  return found.length === 0;
}

function importCircles(): boolean {
  const found = circlesIn(sources());
  for (const circle of found) console.log(`a circle of imports: ${[...circle, circle[0]].join(" -> ")}`);
  return found.length === 0;
}

let failed = 0;
for (const { name, run } of STEPS) {
  const started = Date.now();
  const passed = run();
  if (!passed) failed++;
  console.log(`${passed ? "ok    " : "FAILED"} ${name} (${((Date.now() - started) / 1000).toFixed(1)} s)`);
}
process.exitCode = failed === 0 ? 0 : 1;
