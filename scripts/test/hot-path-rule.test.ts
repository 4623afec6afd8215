import assert from "node:assert/strict";
import { test } from "node:test";
import { hotPathViolations } from "../hot-path-rule.ts";

const FILE = "packages/proxy/src/http/router.ts";

const found = (source: string, file = FILE): number[] => hotPathViolations(file, source).map(({ line }) => line);

test("what allocates or defers for each request is found, with its line", () => {
  assert.deepEqual(found("class A {\n  async run() {\n    await x;\n  }\n}"), [2, 3]);
  assert.deepEqual(found('  const parts = value.split(",");'), [1]);
  assert.deepEqual(found("  setTimeout(run, 1);\n  JSON.stringify(x);\n  Buffer.concat(all);"), [1, 2, 3]);
});

test("what runs once, or says that it is cold, is not", () => {
  assert.deepEqual(found("const TABLE = Array.from({ length: 3 });"), []);
  assert.deepEqual(found('  value.split(","); // cold: only for a header that nobody sends'), []);
  assert.deepEqual(found('  // cold: at start-up\n  value.split(",");'), []);
  assert.deepEqual(found("  // never await here"), []);
});

test("other folders may do as they like", () => {
  assert.deepEqual(found("  await x;", "packages/proxy/src/admin/server.ts"), []);
  assert.deepEqual(found("  await x;", "packages/control/src/http/http-api.ts"), []);
});
