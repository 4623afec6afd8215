/** ARCHITECTURE.md and the maps of packages name what is there, and ARCHITECTURE.md is one page. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";

/** Each with the folder that its paths are in. */
const MAPS: readonly (readonly [file: string, folder: string])[] = [
  ["ARCHITECTURE.md", "packages"],
  ["packages/console/README.md", "packages/console/src"],
  ["packages/control/README.md", "packages/control/src"],
  ["packages/proxy/README.md", "packages/proxy/src"],
];

/** Paths in code quotes of table rows: in the folder, beside what the row named before, or in the repository. */
function missing(file: string, folder: string): string[] {
  const lost: string[] = [];
  for (const row of readFileSync(file, "utf8").split("\n")) {
    if (!row.startsWith("|")) continue;
    let beside = folder;
    for (const [, path = ""] of row.matchAll(/`([\w./-]+(?:\/|\.tsx?))`/g)) {
      const found = [join(folder, path), join(beside, path), join(dirname(beside), path), path].find(existsSync);
      if (found === undefined) lost.push(`${file}: ${path}`);
      else beside = found;
    }
  }
  return lost;
}

test("what the maps name is there", () => {
  assert.deepEqual(
    MAPS.flatMap(([file, folder]) => missing(file, folder)),
    [],
  );
});

test("ARCHITECTURE.md is one page", () => {
  const lines = readFileSync("ARCHITECTURE.md", "utf8").trimEnd().split("\n");
  assert.ok(lines.length <= 65, `${lines.length} lines; what is finer goes into the maps of the packages`);
  assert.deepEqual(
    lines.filter((line) => line.length > 160),
    [],
  );
});
