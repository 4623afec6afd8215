import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { HTTP_LABELS, STANDARD_METRICS } from "@tulle/telemetry";
import { parseQuery } from "../../packages/control/src/telemetry/promql/parse.ts";
import { DASHBOARDS, pathOf, renderDashboard } from "../dashboards.ts";

for (const dashboard of DASHBOARDS) {
  test(`deploy/grafana/${dashboard.file} is up to date (node scripts/dashboards.ts)`, () => {
    assert.equal(readFileSync(pathOf(dashboard), "utf8"), renderDashboard(dashboard));
  });
}

const EXPRESSIONS = DASHBOARDS.flatMap(({ rows }) =>
  rows.flatMap(({ panels }) => panels.flatMap(({ targets }) => targets.map(([, expression]) => expression))),
);

test("our dashboards are PromQL that we have, over metrics and labels that there are", () => {
  const known = new Set<string>(HTTP_LABELS);
  for (const expression of EXPRESSIONS) {
    assert.doesNotThrow(() => parseQuery(expression.replaceAll("$__rate_interval", "1m")), expression);
    for (const [name] of expression.matchAll(/\bistio_\w+/g)) {
      const metric = name.replace(/_(bucket|sum|count)$/, "");
      assert.ok(
        STANDARD_METRICS.some((standard) => standard.name === metric),
        name,
      );
    }
    for (const [, label] of expression.matchAll(/\b(\w+)\s*(?:=~|!=|=)\s*"/g))
      assert.ok(known.has(label!) || label === "job", `${label} in ${expression}`);
  }
});
