/** The table of README.md is true: each row names tests that there are. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";

const ROOT = new URL("../../", import.meta.url);
const ROW = /^\| (.+) \| (`.+`) \| `(.+)` \|$/gm;

describe("every row has its test", () => {
  const table = readFileSync(new URL("README.md", import.meta.url), "utf8");
  const rows = [...table.matchAll(ROW)];
  it("there are rows", () => assert.ok(rows.length > 20));
  for (const [, what = "", names = "", file = ""] of rows) {
    it(`${what}: ${file}`, () => {
      // Of names and descriptions of tests only.
      const titles = readFileSync(new URL(file, ROOT), "utf8")
        .split("\n")
        .filter((line) => /["'`].*["'`]/.test(line) && !/^\s*(\*|\/\/|\/\*\*)/.test(line))
        .join("\n");
      for (const [, name = ""] of names.matchAll(/`([^`]+)`/g)) assert.ok(titles.includes(name), `${name} in ${file}`);
    });
  }
});
