import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Graph, GraphNode } from "@tulle/telemetry/insight";
import { dot, mermaid } from "../src/insight/drawings.ts";
import { bytesPerSecond, milliseconds, percent, printable, rate } from "../src/insight/format.ts";

const node = (id: string, name: string): GraphNode => ({ id, name, version: "" }) as GraphNode;
const LATENCY = { meanMs: 5, p50Ms: 5, p95Ms: 12, p99Ms: 20 };

function graphOf(name: string): Graph {
  return {
    nodes: [node("a", "web"), node("b", name)],
    edges: [
      {
        source: "a",
        target: "b",
        http: { rps: 2, errorShare: 0.5 },
        grpc: null,
        tcp: null,
        latency: { source: LATENCY, destination: LATENCY },
      },
    ],
  } as unknown as Graph;
}

describe("drawings of the graph", () => {
  test("are Graphviz's and Mermaid's", () => {
    assert.match(
      dot(graphOf("reviews")),
      /^digraph mesh \{[^]*"a" -> "b" \[label="2\.00 rps, 50\.0% failed, p95 12ms"\];\n\}$/,
    );
    assert.match(
      mermaid(graphOf("reviews")),
      /^flowchart LR\n {2}n0\["web"\]\n {2}n1\["reviews"\]\n {2}n0 -->\|"2\.00 rps/,
    );
  });

  test("keep names that would be more than names within their quotes", () => {
    const hostile = 'x"]; a -> b [label="\n<script>alert(1)</script>\\';
    const [, , , , label] = dot(graphOf(hostile))
      .split("\n")
      .filter((line) => !line.includes("->") || line.includes("script"));
    assert.ok(label?.startsWith('  "b" [label="x\\"]; a -> b [label=\\"'), label);
    const drawn = mermaid(graphOf(hostile));
    assert.equal(drawn.split("\n").length, 4);
    assert.ok(!drawn.includes("<") && !drawn.includes('x"'));
  });
});

test("names that would command a terminal lose what commands it", () => {
  assert.equal(printable("a\u001b[2Jb\u202ec\nd"), "a\ufffd[2Jb\ufffdc\ufffdd");
});

test("numbers are as fine as they are known, and a dash where nothing is", () => {
  assert.deepEqual(
    [milliseconds(1.234), milliseconds(301.4), milliseconds(12_345), milliseconds(null)],
    ["1.2ms", "301ms", "12.3s", "-"],
  );
  assert.deepEqual([percent(0.5), percent(null), rate(0.5), rate(250.4)], ["50.0%", "-", "0.50", "250"]);
  assert.deepEqual(
    [bytesPerSecond(12), bytesPerSecond(1_500), bytesPerSecond(2_000_000)],
    ["12B/s", "1.5kB/s", "2.0MB/s"],
  );
});
