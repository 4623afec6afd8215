import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import type { RecordedSpanKind, SpanRecord } from "@tulle/telemetry/records";
import { criticalPathOf } from "../../../src/telemetry/insight/critical-path.ts";
import type { Call } from "./support/synthetic-trace.ts";
import { callTrees, START, TraceRecorder } from "./support/synthetic-trace.ts";

// What is tested must not depend on the day.
fc.configureGlobal({ seed: 20_261_129 });

interface Part {
  readonly id: string;
  readonly parent?: string;
  readonly service?: string;
  readonly kind?: RecordedSpanKind;
  readonly name?: string;
  /** ms after the trace's beginning. */
  readonly from: number;
  readonly to: number;
  readonly tags?: Readonly<Record<string, string>>;
}

function spansOf(...parts: readonly Part[]): readonly SpanRecord[] {
  return parts.map(({ id, parent = "", service = "a.default", kind = "server", name = id, from, to, tags = {} }) => ({
    traceId: "1".padStart(32, "0"),
    spanId: id,
    parentSpanId: parent,
    service,
    kind,
    name,
    startMicros: START + from * 1000,
    durationMicros: (to - from) * 1000,
    error: false,
    tags,
    events: [],
  }));
}

/** `kind service version ms`, in the order of time. */
function told(spans: readonly SpanRecord[]): readonly string[] {
  const path = criticalPathOf("", spans);
  return (path?.sections ?? []).map(({ kind, service, version, durationMicros }) =>
    [kind, service, version, `${durationMicros / 1000}`].filter((part) => part !== "").join(" "),
  );
}

const to = (service: string): Readonly<Record<string, string>> => ({
  upstream_cluster: `outbound|9080||${service}.default.svc.cluster.local`,
});

describe("a critical path", () => {
  test("leads through what was waited for: of calls at the same time the one that ended last", () => {
    const spans = spansOf(
      { id: "root", from: 0, to: 100 },
      { id: "x", parent: "root", kind: "client", tags: to("b"), from: 10, to: 50 },
      { id: "y", parent: "root", kind: "client", tags: to("c"), from: 10, to: 90 },
      { id: "ys", parent: "y", service: "c.default", from: 12, to: 88 },
    );
    assert.deepEqual(told(spans), ["service a 10", "network c 2", "service c 76", "network c 2", "service a 10"]);
  });

  test("charges a delay that the caller's proxy injects to the route that has it, not to the caller or the way", () => {
    const spans = spansOf(
      { id: "root", from: 0, to: 320 },
      { id: "x", parent: "root", kind: "client", tags: { ...to("b"), response_flags: "DI" }, from: 5, to: 315 },
      {
        id: "s",
        parent: "x",
        service: "b.default",
        tags: { "istio.canonical_revision": "v2", "istio.canonical_service": "b", "istio.namespace": "default" },
        from: 306,
        to: 314,
      },
    );
    assert.deepEqual(told(spans), ["service a 5", "fault b v2 301", "service b v2 8", "network b v2 1", "service a 5"]);
  });

  test("tells retries from the way: attempts that failed and the waiting between them", () => {
    const spans = spansOf(
      { id: "root", from: 0, to: 60 },
      { id: "x", parent: "root", kind: "client", tags: to("b"), from: 0, to: 60 },
      { id: "s1", parent: "x", service: "b.default", from: 0, to: 10 },
      { id: "s2", parent: "x", service: "b.default", from: 35, to: 60 },
    );
    assert.deepEqual(told(spans), ["service b 10", "retries b 25", "service b 25"]);
  });

  test("charges all of a call to who was called where nobody there reports spans", () => {
    const spans = spansOf(
      { id: "root", from: 0, to: 30 },
      { id: "x", parent: "root", kind: "client", tags: to("legacy"), from: 5, to: 25 },
    );
    assert.deepEqual(told(spans), ["service a 5", "service legacy 20", "service a 5"]);
  });

  test("leaves out what nobody waited for: copies, and calls that go on after their parent", () => {
    const spans = spansOf(
      { id: "root", from: 0, to: 20 },
      { id: "copy", parent: "root", kind: "client", name: "mirror", tags: to("b"), from: 1, to: 19 },
      { id: "late", parent: "root", kind: "client", tags: to("c"), from: 10, to: 500 },
      { id: "after", parent: "root", kind: "client", tags: to("d"), from: 21, to: 30 },
    );
    assert.deepEqual(told(spans), ["service a 20"]);
  });

  test("counts a call that its caller gave up until then", () => {
    const spans = spansOf(
      { id: "root", from: 0, to: 100, tags: { response_flags: "DC" } },
      { id: "x", parent: "root", kind: "client", tags: to("b"), from: 10, to: 3000 },
    );
    assert.deepEqual(told(spans), ["service a 10", "service b 90"]);
  });

  test("moves the span of a clock that is off to the middle of its caller's", () => {
    const spans = spansOf(
      { id: "root", from: 0, to: 100 },
      { id: "x", parent: "root", kind: "client", tags: to("b"), from: 10, to: 90 },
      { id: "s", parent: "x", service: "b.default", from: -5000, to: -4940 },
    );
    assert.deepEqual(told(spans), ["service a 10", "network b 10", "service b 60", "network b 10", "service a 10"]);
  });

  test("finds a place for spans whose parent was not reported: within their own service's request", () => {
    const spans = spansOf(
      { id: "root", from: 0, to: 100 },
      { id: "x", parent: "root", kind: "client", tags: to("b"), from: 10, to: 90 },
      { id: "s", parent: "x", service: "b.default", from: 11, to: 89 },
      { id: "orphan", parent: "lost", service: "b.default", kind: "client", tags: to("c"), from: 20, to: 80 },
    );
    assert.ok(told(spans).includes("service c 60"), told(spans).join());
  });

  test("takes Zipkin's shared ids: client and server of one call with the same one", () => {
    const spans = spansOf(
      { id: "1", from: 0, to: 50 },
      { id: "2", parent: "1", kind: "client", tags: to("b"), from: 5, to: 45 },
      { id: "2", parent: "1", kind: "server", service: "b.default", from: 6, to: 44 },
      { id: "3", parent: "2", kind: "client", service: "b.default", tags: to("c"), from: 10, to: 40 },
    );
    assert.deepEqual(told(spans), [
      "service a 5",
      "network b 1",
      "service b 4",
      "service c 30",
      "service b 4",
      "network b 1",
      "service a 5",
    ]);
  });

  test("adds up to the root's duration, for every call tree", () => {
    fc.assert(
      fc.property(callTrees(4), (tree: Call) => {
        const { spans, traceId } = new TraceRecorder().record(tree, START);
        const path = criticalPathOf(traceId, spans)!;
        const sum = path.sections.reduce((total, { durationMicros }) => total + durationMicros, 0);
        assert.ok(Math.abs(sum / 1000 - path.durationMs) < 1e-6);
      }),
      { numRuns: 300 },
    );
  });

  test("adds up without gaps whatever the spans say: strange parents, clocks and kinds", () => {
    const ids = fc.integer({ min: 0, max: 12 }).map(String);
    const part = fc.record({
      id: ids,
      parent: fc.oneof(fc.constant(""), ids),
      service: fc.constantFrom("a.default", "b.default", "c"),
      kind: fc.constantFrom<RecordedSpanKind>("server", "client", "internal", "producer", "consumer"),
      from: fc.integer({ min: -50, max: 100 }),
      length: fc.integer({ min: 0, max: 200 }),
    });
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 20 }), (parts) => {
        const spans = spansOf(...parts.map(({ length, ...rest }) => ({ ...rest, to: rest.from + length })));
        const { sections, durationMs } = criticalPathOf("", spans)!;
        let at = sections[0]?.startMicros ?? 0;
        for (const { startMicros, durationMicros } of sections) {
          assert.ok(durationMicros > 0 && Math.abs(startMicros - at) < 1e-3);
          at = startMicros + durationMicros;
        }
        const sum = sections.reduce((total, { durationMicros }) => total + durationMicros, 0);
        assert.ok(Math.abs(sum / 1000 - durationMs) < 1e-6);
      }),
      { numRuns: 2_000 },
    );
  });

  test("is found in a trace of 2,000 spans that follow from each other", () => {
    const chain = Array.from({ length: 2_000 }, (_, i) => ({
      id: `${i}`,
      parent: i === 0 ? "" : `${i - 1}`,
      from: 0,
      to: 5_000 - i,
    }));
    assert.equal(criticalPathOf("", spansOf(...chain))?.durationMs, 5_000);
  });
});
