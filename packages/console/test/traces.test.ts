/** Traces, as whoever sent them made them: with holes, loops and clocks that differ. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { seriesOf, toColumns } from "../src/charts/series.ts";
import { completeAt } from "../src/config/completion.ts";
import { compareTraces, traceOf, visibleSpans } from "../src/traces/model.ts";
import type { JaegerTrace } from "../src/traces/model.ts";

function trace(
  ...spans: readonly (readonly [id: string, parent: string, start: number, duration: number, service?: string])[]
): JaegerTrace {
  return {
    traceID: "t",
    spans: spans.map(([spanID, parent, startTime, duration, service = "a"]) => ({
      spanID,
      operationName: "op",
      references: parent === "" ? [] : [{ refType: "CHILD_OF", spanID: parent }],
      startTime,
      duration,
      processID: service,
    })),
    processes: { a: { serviceName: "a" }, b: { serviceName: "b" } },
  };
}

test("parents come before their children, children by when they began", () => {
  const { spans, root, durationMs } = traceOf(
    trace(["c", "r", 5000, 1000], ["r", "", 0, 10_000], ["b", "r", 1000, 2000], ["d", "b", 1500, 500]),
  );
  assert.deepEqual(
    spans.map(({ id, depth }) => `${id}${depth}`),
    ["r0", "b1", "d2", "c1"],
  );
  assert.equal(root?.id, "r");
  assert.equal(durationMs, 10);
  assert.equal(spans[0]!.selfMs, 7, "what no child covers");
  assert.deepEqual(
    visibleSpans(spans, new Set(["b"])).map(({ id }) => id),
    ["r", "b", "c"],
  );
});

test("children that overlap or outlive their parent count once and inside it", () => {
  const { spans } = traceOf(trace(["r", "", 0, 10_000], ["x", "r", 2000, 6000], ["y", "r", 4000, 90_000]));
  assert.equal(spans[0]!.selfMs, 2);
});

test("spans without their parent, in loops, or their own parents are shown all the same", () => {
  const { spans } = traceOf(trace(["a", "gone", 0, 10], ["b", "c", 0, 10], ["c", "b", 0, 10], ["d", "d", 0, 10]));
  assert.deepEqual(spans.map(({ id }) => id).sort(), ["a", "b", "c", "d"]);
});

test("two traces are compared by what each service did itself, the largest difference first", () => {
  const before = traceOf(trace(["r", "", 0, 10_000], ["x", "r", 1000, 2000, "b"]));
  const after = traceOf(trace(["r", "", 0, 50_000], ["x", "r", 1000, 42_000, "b"], ["y", "r", 44_000, 1000, "b"]));
  const [first] = compareTraces(before, after);
  assert.equal(first!.service, "b");
  assert.equal(first!.b.selfMs - first!.a.selfMs, 41);
  assert.equal(first!.b.count, 2);
});

test("a chart has a gap where nothing was measured", () => {
  const answer = {
    status: "success",
    data: {
      resultType: "matrix",
      result: [
        {
          metric: { version: "v1" },
          values: [
            [10, "1"],
            [30, "NaN"],
            [40, "2"],
          ] as const,
        },
      ],
    },
  };
  const { times, lines } = toColumns(
    seriesOf(answer, (labels) => labels["version"]!),
    7,
    40,
    10,
  );
  assert.deepEqual(times, [10, 20, 30, 40]);
  assert.deepEqual(lines, [{ name: "v1", values: [1, null, null, 2] }]);
});

test("the editor completes kinds, fields and values by the kinds' schemas", () => {
  const at = (text: string): readonly string[] =>
    (completeAt(text, text.length)?.options ?? []).map(({ label }) => label);
  const head = "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata:\n  name: x\nspec:\n";
  assert.ok(at("apiVersion: networking.istio.io/v1\nkind: Vir").includes("VirtualService"));
  assert.ok(at(`${head}  ho`).includes("hosts"));
  assert.ok(at(`${head}  http:\n  - `).includes("route"));
  assert.ok(at(`${head}  http:\n  - route:\n    - destination:\n        `).includes("subset"));
  assert.ok(at(`${head}  http:\n  - match: []\n    fault:\n      delay:\n        `).includes("fixedDelay"));
  const peer =
    "apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata:\n  name: x\nspec:\n  mtls:\n    mode: ";
  assert.ok(at(peer).includes("STRICT"));
  assert.deepEqual(at("# nothing\nfoo: bar\n  baz"), []);
});
