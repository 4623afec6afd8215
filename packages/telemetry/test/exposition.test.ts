import assert from "node:assert/strict";
import { test } from "node:test";
import { preferredFormat } from "../src/exposition.ts";

for (const [accept, wanted] of [
  ["", false],
  ["*/*", false],
  ["text/plain;version=0.0.4", false],
  ["application/openmetrics-text; version=1.0.0", true],
  // Prometheus 2.42, Prometheus 3 (shortened), and one that likes text better.
  [
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;q=0.5",
    true,
  ],
  [
    "application/openmetrics-text;version=1.0.0;escaping=underscores;q=0.6,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
    true,
  ],
  ["application/openmetrics-text;q=0.1, text/plain", false],
  ["application/openmetrics-text;q=0", false],
] as const) {
  test(`Accept: ${accept} ${wanted ? "wants OpenMetrics" : "is answered with text"}`, () => {
    assert.equal(preferredFormat(accept) === "openmetrics", wanted);
  });
}
