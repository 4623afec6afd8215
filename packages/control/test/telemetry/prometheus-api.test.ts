import assert from "node:assert/strict";
import { test } from "node:test";
import type { LabelMatcher, SeriesSource } from "@tulle/telemetry/records";
import { answerPrometheus } from "../../src/telemetry/prometheus/api.ts";

const LABELS = { __name__: "istio_requests_total", reporter: "source" };
const asked: (readonly LabelMatcher[])[] = [];

const source: SeriesSource = {
  select: () => [],
  labelSets: () => [LABELS, { __name__: "up", "bad\nvalue": '"<script>' }],
  exemplars: (matchers) => {
    asked.push(matchers);
    const exemplars = [{ labels: { trace_id: "463ac35c9f6413ad" }, value: 0.25, timeMs: 1_500 }];
    return [
      { labels: LABELS, exemplars },
      { labels: { __name__: "up" }, exemplars: [] },
    ];
  },
};

function data(path: string, parameters: Readonly<Record<string, string>>): unknown {
  const request = { path: path.split("/"), parameters: Object.entries(parameters) };
  const { status, text } = answerPrometheus({ source, now: () => 0 }, request);
  const body = JSON.parse(text) as { data?: unknown; error?: string };
  return status === 200 ? body.data : `${status} ${body.error}`;
}

test("exemplars are those of every selector of a query, once for each series", () => {
  const query = 'sum(rate(istio_requests_total{reporter="source"}[1m])) / scalar(up) > topk(2, other)';
  assert.deepEqual(data("query_exemplars", { query, start: "0", end: "10" }), [
    {
      seriesLabels: LABELS,
      exemplars: [{ labels: { trace_id: "463ac35c9f6413ad" }, value: "0.25", timestamp: 1.5 }],
    },
  ]);
  assert.deepEqual(
    asked.map((matchers) => matchers.map(({ name, op, value }) => `${name}${op}${value}`)),
    [["__name__=istio_requests_total", "reporter=source"], ["__name__=up"], ["__name__=other"]],
  );
});

test("texts of labels are JSON whatever is in them", () => {
  assert.deepEqual(data("series", { "match[]": "up" }), [LABELS, { __name__: "up", "bad\nvalue": '"<script>' }]);
});

test("lists are as long as they may be", () => {
  assert.deepEqual(data("labels", { limit: "1" }), ["__name__"]);
  assert.equal(data("labels", { limit: "-1" }), '400 invalid parameter "limit": "-1" is not a whole number');
});

test("metadata tells of the standard metrics", () => {
  assert.deepEqual(data("metadata", { metric: "istio_requests_total" }), {
    istio_requests_total: [{ type: "counter", help: "Requests that a proxy handled.", unit: "" }],
  });
  assert.equal(Object.keys(data("metadata", { limit: "3" }) as object).length, 3);
  assert.deepEqual(data("metadata", { metric: "unknown" }), {});
});
