import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import type { SlowAnswer, SlowRow } from "@tulle/telemetry/insight";
import { NO_FACTS } from "../../../src/telemetry/insight/facts.ts";
import type { MeshFacts } from "../../../src/telemetry/insight/facts.ts";
import { Insight } from "../../../src/telemetry/insight/insight.ts";
import type { Recorded } from "./support/synthetic-trace.ts";
import { CountedMesh } from "./support/counted-mesh.ts";
import type { Call } from "./support/synthetic-trace.ts";
import { callsOf, callTrees, operationOf, replaced, START, TraceRecorder } from "./support/synthetic-trace.ts";

// What is tested must not depend on the day.
fc.configureGlobal({ seed: 20_261_129 });

const START_MS = START / 1000;
const MINUTE = 60_000;

/** A minute of one tree, then a minute of another; what is said at the end. */
function compared(before: Call, now: Call, traces = 20): SlowAnswer {
  const recorder = new TraceRecorder();
  const recorded: Recorded[] = [];
  for (const [minute, tree] of [before, now].entries()) {
    for (let i = 0; i < traces; i++) {
      recorded.push(recorder.record(tree, START + (minute * MINUTE + (i * MINUTE) / traces + 1) * 1000));
    }
  }
  return insightOf(recorded).slow({ at: START_MS + 2 * MINUTE, windowSeconds: 60 });
}

function insightOf(traces: readonly Recorded[], facts: MeshFacts = NO_FACTS): Insight {
  const insight = new Insight(new CountedMesh(), {
    search: ({ fromMicros, toMicros, limit }) =>
      traces
        .filter(({ spans }) => {
          const start = Math.min(...spans.map(({ startMicros }) => startMicros));
          return start >= fromMicros && start <= toMicros;
        })
        .slice(0, limit),
  });
  insight.learn(facts);
  return insight;
}

function culpritOf({ rows, culprit }: SlowAnswer): SlowRow {
  assert.notEqual(culprit, null);
  return rows[culprit!]!;
}

const LEAF: Call = { service: "ratings", version: "v1", work: [3], calls: [], way: 0.5 };
const REVIEWS: Call = { service: "reviews", version: "v2", work: [2, 2], calls: [[LEAF]], way: 0.5 };
const PAGE: Call = { service: "productpage", version: "v1", work: [4, 6], calls: [[REVIEWS]], way: 0 };

describe("which service causes the delay", () => {
  test("names the service that works longer than before, and by how much", () => {
    const slower = replaced(PAGE, LEAF, { ...LEAF, work: [53] });
    const answer = compared(PAGE, slower);
    const row = culpritOf(answer);
    assert.deepEqual([row.kind, row.service, row.version, row.route], ["service", "ratings", "v1", operationOf(LEAF)]);
    assert.ok(Math.abs(row.changeMs - 50) < 1e-6);
    assert.equal(answer.basis, "traces");
    assert.match(answer.headline, /^Most of the delay is ratings v1 \(route ratings\.default.*53 ms .*\+50 ms/);
    assert.equal(row.traceIds.length, 5);
  });

  test("names the route into which a delay is injected, who calls, and the object that says so", () => {
    const object = {
      kind: "VirtualService",
      namespace: "default",
      name: "ratings",
      file: "ratings.yaml",
      line: 9,
      field: "http[0].fault.delay",
    };
    const host = "ratings.default.svc.cluster.local";
    const facts = {
      ...NO_FACTS,
      rules: [{ kind: "delay", hosts: [host], route: "", delayMs: 300, percent: 100, subsets: [], object }],
    } as const;
    const recorder = new TraceRecorder();
    const faulty = replaced(PAGE, LEAF, { ...LEAF, fault: 300 });
    const traces = Array.from({ length: 20 }, (_, i) => recorder.record(faulty, START + i * 1e6));
    const answer = insightOf(traces, facts).slow({ at: START_MS + MINUTE, windowSeconds: 60 });
    const row = culpritOf(answer);
    assert.deepEqual([row.kind, row.service, row.version], ["fault", "ratings", "v1"]);
    assert.deepEqual([row.from?.name, row.from?.version], ["reviews", "v2"]);
    assert.deepEqual(row.because, [object]);
    assert.match(
      answer.headline,
      /injected into ratings v1 .*called by reviews v2, by VirtualService default\/ratings http\[0\]\.fault\.delay \(ratings\.yaml:9\): 301 ms/,
    );
  });

  test("moves with the delay, as soon as the last seconds show it", () => {
    const inRatings = replaced(PAGE, LEAF, { ...LEAF, fault: 300 });
    const inReviews = replaced(PAGE, REVIEWS, { ...REVIEWS, fault: 300 });
    const recorder = new TraceRecorder();
    const traces = Array.from({ length: 240 }, (_, i) => {
      const tree = i < 120 ? PAGE : i < 228 ? inRatings : inReviews;
      return recorder.record(tree, START + i * 500_000 + 1);
    });
    const insight = insightOf(traces);
    const named = (seconds: number): string =>
      culpritOf(insight.slow({ at: START_MS + seconds * 1000, windowSeconds: 60 })).service;
    assert.equal(named(70), "ratings");
    assert.equal(named(113), "ratings");
    assert.equal(named(120), "reviews");
  });

  test("does not let traces that were kept because they are slow change averages; they are evidence", () => {
    const recorder = new TraceRecorder();
    const usual = Array.from({ length: 20 }, (_, i) => recorder.record(PAGE, START + i * 1e6 + 1));
    const slow = recorder.record(replaced(PAGE, LEAF, { ...LEAF, work: [5000] }), START + 1e6);
    const kept = {
      ...slow,
      spans: slow.spans.map((span) => ({ ...span, tags: { ...span.tags, "tulle.kept": "slow" } })),
    };
    const answer = insightOf([...usual, kept]).slow({ at: START_MS + MINUTE, windowSeconds: 60 });
    assert.deepEqual(answer.traces, { sampled: 20, kept: 1 });
    assert.ok(answer.requests.now.meanMs! < 30);
    const ratings = answer.rows.find(({ service, kind }) => service === "ratings" && kind === "service");
    assert.equal(ratings?.traceIds[0], kept.traceId);
  });

  test("names the culprit of 500 random call trees with one injected delay", () => {
    const injected = fc.record({
      tree: callTrees(4).filter((tree) => callsOf(tree).length > 1),
      which: fc.nat(),
      kind: fc.constantFrom("work", "fault"),
      ms: fc.integer({ min: 0, max: 500 }),
    });
    fc.assert(
      fc.property(injected, ({ tree, which, kind, ms }) => {
        const calls = callsOf(tree);
        // What is called at the same time as something longer may hide a delay: it is longer than all that.
        const delay = ms + calls.reduce((sum, { work, way }) => sum + way * 2 + work.reduce((a, b) => a + b, 0), 20);
        const victim = calls[1 + (which % (calls.length - 1))]!;
        const by =
          kind === "fault"
            ? { ...victim, fault: delay }
            : { ...victim, work: [victim.work[0]! + delay, ...victim.work.slice(1)] };
        const answer = compared(tree, replaced(tree, victim, by), 12);
        const row = culpritOf(answer);
        assert.equal(row.service, victim.service);
        assert.equal(row.version, victim.version);
        assert.equal(row.route, operationOf(victim));
        assert.equal(row.kind, kind === "fault" ? "fault" : "service");
      }),
      { numRuns: 500 },
    );
  });
});

describe("which service causes the delay, without traces", () => {
  const names = ["ingress", "productpage-v1", "reviews-v2", "ratings-v1"];

  /** Calls along the chain, 10 in 5 s; `own`: ms that each takes itself; `fault` before ratings. */
  function countChain(mesh: CountedMesh, own: readonly number[], faultMs: number): void {
    let below = 0;
    for (let i = names.length - 1; i > 0; i--) {
      const destinationMs = own[i]! + below;
      const isFaulty = i === names.length - 1 && faultMs > 0;
      const sourceMs = destinationMs + 1 + (isFaulty ? faultMs : 0);
      const flags = isFaulty ? "DI" : "-";
      // The destination does not know of the delay, and has no flag.
      const call = { from: { workload: names[i - 1]! }, to: { workload: names[i]! }, count: 10 };
      mesh.count({ ...call, sourceMs, flags });
      mesh.count({ ...call, destinationMs });
      below = sourceMs;
    }
  }

  function answerOf(now: { own: readonly number[]; fault: number }): SlowAnswer {
    const mesh = new CountedMesh();
    countChain(mesh, [0, 10, 4, 3], 0);
    for (let flush = 0; flush <= 24; flush++) {
      mesh.flush(START_MS + flush * 5_000);
      const { own, fault } = flush < 12 ? { own: [0, 10, 4, 3], fault: 0 } : now;
      countChain(mesh, own, fault);
    }
    return new Insight(mesh, { search: () => [] }).slow({ at: START_MS + 120_000, windowSeconds: 60 });
  }

  test("names the service whose own time has grown, from the histograms of both sides", () => {
    const answer = answerOf({ own: [0, 10, 54, 3], fault: 0 });
    const row = culpritOf(answer);
    assert.equal(answer.basis, "metrics");
    assert.deepEqual([row.kind, row.service, row.version], ["service", "reviews", "v2"]);
    assert.ok(Math.abs(row.changeMs - 50) < 1, `${row.changeMs}`);
    assert.equal(answer.requests.now.count, 120);
  });

  test("names the route into which a delay is injected, which only the caller's proxy sees", () => {
    const row = culpritOf(answerOf({ own: [0, 10, 4, 3], fault: 300 }));
    assert.deepEqual([row.kind, row.service, row.version, row.from?.name], ["fault", "ratings", "v1", "reviews"]);
    assert.ok(Math.abs(row.now.msPerCall - 300) < 2, `${row.now.msPerCall}`);
  });

  test("says what to do where nothing was counted", () => {
    const answer = new Insight(new CountedMesh(), { search: () => [] }).slow({ at: START_MS, windowSeconds: 60 });
    assert.deepEqual([answer.basis, answer.culprit, answer.rows], ["nothing", null, []]);
    assert.match(answer.headline, /^No workload is registered\. Start one/);
  });
});
