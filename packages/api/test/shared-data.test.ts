import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { formatDiagnostic, parseYaml } from "../src/index.ts";

/** Real, unmodified manifests kept beside the repository. Where they are not, only the fixtures here are read. */
const DATA = fileURLToPath(new URL("../../../../shared/data/", import.meta.url));

function errorsOf(path: string): string[] {
  const { diagnostics } = parseYaml(readFileSync(path, "utf8"), path);
  return diagnostics.filter(({ severity }) => severity === "error").map(formatDiagnostic);
}

if (existsSync(DATA)) {
  const files = globSync("**/*.{yaml,yml,json}", { cwd: DATA }).toSorted();
  test("there are real manifests to read", () => assert.ok(files.length >= 38, `${files.length} files`));
  for (const file of files) {
    test(`loads without an error: ${file}`, () => {
      assert.deepEqual(errorsOf(`${DATA}${file}`), []);
      assert.ok(parseYaml(readFileSync(`${DATA}${file}`, "utf8"), file).objects.length > 0);
    });
  }
} else {
  console.log(`# ${DATA} is not there: real manifests are not checked`);
}
