/** What Telemetries make of a workload's metrics. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { MetricsSettings } from "@tulle/api";
import type { MeshSettings } from "../../src/model/mesh-settings.ts";
import { STANDARD_METRICS, workloadMetrics } from "../../src/model/telemetry-metrics.ts";
import type { TelemetryRule } from "../../src/model/telemetry.ts";

const MESH = { config: {} } as MeshSettings;
const levels = (...all: readonly MetricsSettings[][]): TelemetryRule[] =>
  all.map((metrics) => ({ spec: { metrics } }) as unknown as TelemetryRule);

test("of whom nothing is said has them all", () => {
  assert.equal(workloadMetrics([], MESH), STANDARD_METRICS);
});

test("overrides of several levels add up, the more special last, by mode", () => {
  const { CLIENT, SERVER } = workloadMetrics(
    levels(
      [
        {
          providers: [{ name: "prometheus" }],
          overrides: [
            {
              match: { metric: "REQUEST_COUNT", mode: "CLIENT" },
              tagOverrides: {
                method: { operation: "UPSERT", value: "request.method" },
                response_flags: { operation: "REMOVE" },
              },
            },
          ],
        },
      ],
      [
        {
          reportingInterval: "10s",
          overrides: [
            {
              match: { metric: "REQUEST_COUNT" },
              tagOverrides: { response_flags: { value: "'x'" }, bad: { value: "no.such" } },
            },
            { match: { metric: "REQUEST_SIZE", mode: "SERVER" }, disabled: true },
          ],
        },
      ],
    ),
    MESH,
  );
  assert.deepEqual(CLIENT, {
    isOff: false,
    reportingMs: 10_000,
    overrides: [
      {
        name: "requests_total",
        drop: false,
        dimensions: { method: "request.method", response_flags: "'x'" },
        removed: [],
      },
    ],
  });
  assert.deepEqual(
    SERVER.overrides.map(({ name, drop }) => [name, drop]),
    [
      ["requests_total", false],
      ["request_bytes", true],
    ],
  );
});

test("all metrics of a side may be off; a level below may switch one on again", () => {
  const off = [{ overrides: [{ match: { mode: "CLIENT" as const }, disabled: true }] }];
  const all = workloadMetrics(levels(off), MESH);
  assert.deepEqual([all.CLIENT.isOff, all.SERVER.isOff], [true, false]);
  const one = workloadMetrics(
    levels(off, [{ overrides: [{ match: { metric: "REQUEST_COUNT" }, disabled: false }] }]),
    MESH,
  );
  assert.equal(one.CLIENT.isOff, false);
  assert.deepEqual(
    one.CLIENT.overrides.filter(({ drop }) => !drop).map(({ name }) => name),
    ["requests_total"],
  );
});

test("who wants other providers only has none for Prometheus", () => {
  assert.equal(workloadMetrics(levels([{ providers: [{ name: "stackdriver" }] }]), MESH).SERVER.isOff, true);
});
