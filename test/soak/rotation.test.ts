import assert from "node:assert/strict";
import { test } from "node:test";
import { rotation } from "./rotation.ts";

test("no request fails while certificates are renewed and the root is replaced", async (t) => {
  const result = await rotation(2_000, 10, () => undefined);
  t.diagnostic(JSON.stringify(result));
  const { failed, rootReplaced, examples } = result;
  assert.deepEqual({ failed, rootReplaced }, { failed: 0, rootReplaced: true }, examples.join("\n"));
});
