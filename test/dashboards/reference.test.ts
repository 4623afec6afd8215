import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { parseQuery } from "../../packages/control/src/telemetry/promql/parse.ts";
import { EXPRESSIONS, withVariables } from "./expressions.ts";
import { PAGE, renderPage } from "./reference.ts";

test("docs/reference/dashboards.md is up to date (node test/dashboards/reference.ts)", () => {
  assert.equal(readFileSync(PAGE, "utf8"), renderPage());
});

test("every expression of Istio's dashboards is PromQL that we have", () => {
  for (const { expression } of EXPRESSIONS)
    assert.doesNotThrow(() => parseQuery(withVariables(expression)), expression);
});
