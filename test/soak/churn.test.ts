import assert from "node:assert/strict";
import { test } from "node:test";
import { churn } from "./churn.ts";

test("no request is lost, none executed twice, while endpoints, routes and backends come and go", async (t) => {
  const result = await churn(20_000);
  t.diagnostic(JSON.stringify(result));
  const { lost, executedTwice, neverExecuted, examples } = result;
  assert.deepEqual(
    { lost, executedTwice, neverExecuted },
    { lost: 0, executedTwice: 0, neverExecuted: 0 },
    examples.join("\n"),
  );
  assert.ok(result.kills > 0 && result.endpointChanges > 0 && result.routeChanges > 0);
});
