import assert from "node:assert/strict";
import { test } from "node:test";
import { circlesIn } from "../import-circles.ts";

const sources = (files: Readonly<Record<string, string>>): ReadonlyMap<string, string> =>
  new Map(Object.entries(files).map(([name, text]) => [`packages/a/src/${name}.ts`, text]));

test("files that import each other are a circle, over others, too", () => {
  const found = circlesIn(
    sources({
      a: 'import { b } from "./b.ts";',
      b: 'import {\n  type X,\n  c,\n} from "./c.ts";',
      c: 'export { a } from "./a.ts";',
      d: 'import { a } from "./a.ts";',
    }),
  );
  assert.deepEqual(found, [["packages/a/src/a.ts", "packages/a/src/b.ts", "packages/a/src/c.ts"]]);
});

test("what is imported as a type alone makes no circle", () => {
  const back = [
    'import type { A } from "./a.ts";',
    'import { type A, type B } from "./a.ts";',
    'export type { A } from "./a.ts";',
  ];
  for (const text of back) assert.deepEqual(circlesIn(sources({ a: 'import { b } from "./b.ts";', b: text })), []);
});

test("a file that is imported twice is no circle", () => {
  const found = circlesIn(
    sources({ a: 'import { b } from "./b.ts";\nimport { c } from "./c.ts";', b: 'import { c } from "./c.ts";', c: "" }),
  );
  assert.deepEqual(found, []);
});
