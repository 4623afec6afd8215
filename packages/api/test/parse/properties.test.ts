import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { parseYaml } from "../../src/index.ts";

// What is tested must not depend on the day.
fc.configureGlobal({ seed: 20_261_129 });

/** Pieces that make text look enough like configuration to reach every stage. */
const PIECES = [
  "apiVersion: networking.istio.io/v1\n",
  "apiVersion: v1\n",
  "kind: VirtualService\n",
  "kind: Service\n",
  "kind: List\n",
  "metadata:\n  name: a\n",
  "metadata: {name: a}\n",
  "spec:\n",
  "  hosts:\n  - a\n",
  "  http:\n  - route:\n    - destination: {host: a}\n      weight: x\n",
  "items:\n- ",
  "---\n",
  "...\n",
  "&a ",
  "*a",
  "<<: *a\n",
  "{",
  "}",
  "[",
  "]",
  "\t",
  "  ",
  "? ",
  ": ",
  "- ",
  "|\n",
  ">-\n",
  '"',
  "'",
  "!!str ",
  "# x\n",
  "\r\n",
  "é😀",
];
const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 200 }),
  fc
    .array(fc.oneof(fc.constantFrom(...PIECES), fc.string({ maxLength: 5 })), { maxLength: 40 })
    .map((parts) => parts.join("")),
);

/** Lines end at \n; a position may be one behind the last character of its line. */
function assertInside(source: string, line: number, column: number): void {
  const lines = source.split("\n");
  assert.ok(line >= 1 && line <= lines.length, `line ${line} of ${lines.length}`);
  const length = lines[line - 1]!.length + 1;
  assert.ok(column >= 1 && column <= length, `column ${column} of ${length} in line ${line}`);
}

test("whatever the text, parsing does not throw and every position lies inside the text", () => {
  fc.assert(
    fc.property(text, (source) => {
      const { objects, diagnostics } = parseYaml(source, "f.yaml");
      for (const { line, column } of diagnostics) assertInside(source, line, column);
      for (const { source: start, positionOf } of objects) {
        assertInside(source, start.line, start.column);
        const { line, column } = positionOf(["spec", "http", 0, "route"]);
        assertInside(source, line, column);
      }
    }),
    { numRuns: 500 },
  );
});

test("what is asked for later is found where it was found while parsing", () => {
  const value = fc.constantFrom("a", "reviews", "x-y");
  const document = fc.record({ name: value, comment: fc.constantFrom("", "# c\n", "\n\n"), subset: value });
  fc.assert(
    fc.property(fc.array(document, { minLength: 1, maxLength: 5 }), (documents) => {
      const source = documents
        .map(
          ({ name, comment, subset }) =>
            `${comment}apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: ${name}}\nspec:\n  hosts: [${name}]\n  http:\n  - route:\n    - destination: {host: a, subset: ${subset}}\n`,
        )
        .join("---\n");
      const { objects, diagnostics } = parseYaml(source, "f.yaml");
      assert.deepEqual(diagnostics, []);
      const lines = source.split("\n");
      for (const [index, { positionOf }] of objects.entries()) {
        const { line, column } = positionOf(["spec", "http", 0, "route", 0, "destination", "subset"]);
        assert.ok(lines[line - 1]!.slice(column - 1).startsWith(`${documents[index]!.subset}}`));
        const start = positionOf([]);
        assert.ok(lines[start.line - 1]!.startsWith("apiVersion"));
      }
    }),
    { numRuns: 200 },
  );
});
