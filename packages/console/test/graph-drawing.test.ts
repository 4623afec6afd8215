/** What is put on the map beside nodes: labels that cover nothing, dots that tell how many requests pass. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { GraphEdge, RequestStats } from "@tulle/telemetry/insight";
import { dotsAt } from "../src/graph/dots.ts";
import { drawing } from "../src/graph/draw.ts";
import { overlaps, sharedArea } from "../src/graph/geometry.ts";
import type { Box } from "../src/graph/geometry.ts";

const NO_LATENCY = { meanMs: null, p50Ms: null, p95Ms: null, p99Ms: null };

function requests(rps: number, errorShare = 0): RequestStats {
  return {
    requests: rps * 60,
    rps,
    failed: rps * 60 * errorShare,
    errorShare,
    clientErrors: 0,
    byCode: {},
    byFlags: {},
    latency: NO_LATENCY,
    requestBytesPerSecond: 0,
    responseBytesPerSecond: 0,
  };
}

function edge(source: string, target: string, more: Partial<GraphEdge> = {}): GraphEdge {
  return {
    id: `${source}>${target}`,
    source,
    target,
    protocols: ["http"],
    http: requests(1),
    grpc: null,
    messages: null,
    tcp: null,
    latency: { source: NO_LATENCY, destination: NO_LATENCY },
    shareOfSource: 1,
    mtls: { state: "all", share: 1 },
    sourcePrincipal: "",
    destinationPrincipal: "",
    isCopies: false,
    health: { state: "healthy", reasons: [] },
    ...more,
  };
}

const at = (x: number, y: number): Box => ({ x, y, width: 196, height: 44 });
const EVERYTHING: Box = { x: -1000, y: -1000, width: 4000, height: 4000 };
const PICTURE = {
  nodes: [],
  groups: new Map<string, Box>(),
  label: "rate",
  layer: "health",
  selected: undefined,
  found: undefined,
  view: undefined,
  scale: 1,
} as const;

test("labels of calls that cross do not cover each other", () => {
  const boxes = new Map([
    ["a", at(0, 0)],
    ["b", at(0, 72)],
    ["c", at(330, 0)],
    ["d", at(330, 72)],
  ]);
  const failing = { http: requests(0.11, 1) };
  const edges = [edge("a", "d", failing), edge("b", "c", failing), edge("a", "c"), edge("b", "d")];
  const labels = drawing({ ...PICTURE, boxes, edges }).flatMap((shape) =>
    shape.kind === "rect" && shape.radius === 9 ? [shape.box] : [],
  );
  assert.equal(labels.length, 4);
  for (const [index, one] of labels.entries())
    for (const other of labels.slice(index + 1)) assert.ok(!overlaps(one, other), JSON.stringify([one, other]));
});

test("a call over TCP tells its bytes", () => {
  const boxes = new Map([
    ["a", at(0, 0)],
    ["b", at(330, 0)],
  ]);
  const tcp = { sentBytesPerSecond: 1500, receivedBytesPerSecond: 500, openedPerSecond: 1, closedPerSecond: 1 };
  const shapes = drawing({ ...PICTURE, boxes, edges: [edge("a", "b", { http: null, protocols: ["tcp"], tcp })] });
  assert.ok(shapes.some((shape) => shape.kind === "text" && shape.text === "2 KB/s"));
});

test("dots: more for a busier call, as large a share red as fails, none for a silent one or from far away", () => {
  const boxes = new Map(
    ["a", "b", "c", "d"].flatMap(
      (id, row) =>
        [
          [id, at(0, row * 72)],
          [`${id}2`, at(900, row * 72)],
        ] as const,
    ),
  );
  const edges = [
    edge("a", "a2", { http: requests(100) }),
    edge("b", "b2", { http: requests(4) }),
    edge("c", "c2", { http: requests(100, 0.25) }),
    edge("d", "d2", { http: null }),
  ];
  const on = (row: number, ms: number, scale = 1) =>
    dotsAt({ edges, boxes }, EVERYTHING, scale, ms).filter(({ at: { y } }) => Math.round((y - 22) / 72) === row);
  assert.ok(on(0, 60_000).length > 2 * on(1, 60_000).length);
  assert.ok(on(1, 60_000).length > 0);
  assert.equal(on(3, 60_000).length, 0);
  assert.equal(dotsAt({ edges, boxes }, EVERYTHING, 0.1, 60_000).length, 0);
  let failed = 0;
  let all = 0;
  for (let ms = 60_000; ms < 120_000; ms += 5_000) {
    failed += on(2, ms).filter(({ isFailed }) => isFailed).length;
    all += on(2, ms).length;
  }
  assert.ok(Math.abs(failed / all - 0.25) < 0.05, `${failed} of ${all}`);
});

test("dots go on calmly: a moment later each is a little further, and none has jumped", () => {
  const boxes = new Map([
    ["a", at(0, 0)],
    ["b", at(900, 0)],
  ]);
  const edges = [edge("a", "b", { http: requests(10) })];
  const before = dotsAt({ edges, boxes }, EVERYTHING, 1, 60_000).map((dot) => dot.at.x);
  const after = dotsAt({ edges, boxes }, EVERYTHING, 1, 60_033).map((dot) => dot.at.x);
  for (const x of before.filter((one) => one < 880))
    assert.ok(
      after.some((one) => one >= x && one - x < 6),
      String(x),
    );
});

test("where no place is free a label covers as little as it can, and what fails has its place first", () => {
  const boxes = new Map([
    ["a", at(0, 0)],
    ["b", at(0, 72)],
    ["c", at(330, 0)],
    ["d", at(330, 72)],
  ]);
  const failing = { http: requests(0.53, 1), health: { state: "failure", reasons: [] } } as const;
  const edges = [edge("a", "c"), edge("a", "d", failing), edge("b", "c"), edge("b", "d", failing)];
  const labels = drawing({ ...PICTURE, edges, boxes }).flatMap((shape) =>
    shape.kind === "rect" && shape.radius === 9 ? [shape.box] : [],
  );
  assert.equal(labels.length, 4);
  for (const [index, label] of labels.entries()) {
    for (const other of labels.slice(index + 1)) assert.equal(sharedArea(label, other), 0);
  }
  assert.ok(labels[0]!.width > labels[2]!.width, "the failing calls' labels, which are longer, come first");
});
