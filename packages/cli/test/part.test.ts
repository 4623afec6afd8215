import assert from "node:assert/strict";
import { test } from "node:test";
import { startPart } from "../src/process/part.ts";

test("a part that ends before it is ready is an error with what it said", async () => {
  const lines: string[] = [];
  const part = startPart({ name: "the part", args: ["no-such-command"], onLine: (line) => lines.push(line) });
  await assert.rejects(
    part.ready,
    /the part ended with code 2 before it was ready:[^]*unknown command no-such-command/,
  );
  assert.deepEqual(await part.exit, { code: 2, signal: null });
  assert.match(lines[0]!, /unknown command/);
});
