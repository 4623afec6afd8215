/** The headers of each row were seen on Envoy 1.40. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Span, TraceContext } from "@tulle/telemetry/tracing";
import type { HeadSamplerPlan } from "../../src/plan/tracing-plan.ts";
import { isSampled } from "../../src/tracing/sampler.ts";
import { Laboratory, id, request, told } from "./support.ts";

const T = "fedcba98765432100123456789abcdef";
const S = "1111222233334444";
const headers = (traceId: string, spanId: string, flags: string, state = ""): string =>
  `traceparent: 00-${traceId}-${spanId}-${flags} tracestate: ${state}`.trimEnd();
const parent = (flags: string) => ({ traceparent: `00-${T}-${S}-${flags}`, tracestate: "a=b" });

test("a new trace, a trace that goes on, and both decisions: who says no is heard", () => {
  const tracer = () => new Laboratory().opentelemetry();
  assert.equal(told(tracer(), {}), headers(id(1) + id(2), id(3), "01"));
  assert.equal(told(tracer(), {}, { wanted: false }), headers(id(1) + id(2), id(3), "00"));
  assert.equal(told(tracer(), parent("01")), headers(T, id(1), "01", "a=b"));
  assert.equal(told(tracer(), parent("00")), headers(T, id(1), "00", "a=b"));
  assert.equal(told(tracer(), parent("01"), { wanted: false }), headers(T, id(1), "00", "a=b"));
});

test("tracestate without traceparent is dropped; what cannot be understood makes no span", () => {
  const tracer = () => new Laboratory().opentelemetry();
  assert.equal(told(tracer(), { tracestate: "a=b" }), headers(id(1) + id(2), id(3), "01"));
  assert.equal(told(tracer(), { traceparent: "bad" }), null);
});

test("several tracestate lines are one list", () => {
  const head = request(parent("01"));
  head.headers.appendNamed("tracestate", "c=d");
  const tracer = new Laboratory().opentelemetry();
  const context = new TraceContext();
  tracer.begin(head, "server", true, context);
  tracer.inject(context, head.headers);
  assert.equal(head.headers.serialize(), `traceparent: 00-${T}-${id(1)}-01\r\ntracestate: a=b,c=d\r\n`);
});

test("operation and kinds by direction, or as a hop of its own", () => {
  const tracer = new Laboratory().opentelemetry();
  assert.equal(tracer.operation(request(), false), "ingress");
  assert.equal(tracer.operation(request(), true), "egress h.example");
  assert.deepEqual(tracer.kinds(true, false), { request: "client", upstream: "client" });
  assert.deepEqual(tracer.kinds(true, true), { request: "server", upstream: "client" });
});

test("samplers: always on, the parent's word, a share of the trace ids read from their end", () => {
  const ratio: HeadSamplerPlan = { kind: "trace-id-ratio", share: { numerator: 50, denominator: 100 } };
  const sampled = (prefix: string) => isSampled(ratio, `${prefix}0123456789abcdef`, undefined);
  for (const prefix of ["0000000000000000", "0000000000000001", "3100000000000000", "6400000000000000"]) {
    assert.equal(sampled(prefix), true, prefix);
  }
  for (const prefix of ["3200000000000000", "00000000000000ff", "fedcba9876543210"]) {
    assert.equal(sampled(prefix), false, prefix);
  }
  const parentBased: HeadSamplerPlan = { kind: "parent-based", root: ratio };
  assert.equal(isSampled(parentBased, `32${"0".repeat(30)}`, true), true);
  assert.equal(isSampled(parentBased, "0".repeat(32), false), false);
  assert.equal(isSampled(parentBased, "0".repeat(32), undefined), true);
  assert.equal(isSampled({ kind: "always-on" }, T, false), true);
});

test("a sampler decides in place of the parent, among what the connection manager wants", () => {
  const tracer = () => new Laboratory().opentelemetry({ sampler: { kind: "always-on" } });
  assert.equal(told(tracer(), parent("00")), headers(T, id(1), "01", "a=b"));
  assert.equal(told(tracer(), parent("01"), { wanted: false }), headers(T, id(1), "00", "a=b"));
});

test("more spans than may wait are dropped, and the others leave", () => {
  const laboratory = new Laboratory();
  const tracer = laboratory.opentelemetry({ maxCacheSize: 2 });
  for (let i = 0; i < 8; i++) tracer.report(new Span("server", new TraceContext(), true, "h", 0));
  assert.equal(laboratory.counter("tracing.opentelemetry.spans_sent"), 4);
  assert.equal(laboratory.counter("tracing.opentelemetry.spans_dropped"), 2);
  const [{ head }] = laboratory.reports;
  assert.match(
    head.headers.serialize(),
    /^content-type: application\/x-protobuf\r\nuser-agent: OTel-OTLP-Exporter-Tulle\//,
  );
});

test("reports by gRPC: the method, and what the configuration adds", () => {
  const laboratory = new Laboratory();
  const collector = { ...laboratory.collector, isGrpc: true, path: "/T/Export", headers: [["api-key", "k"]] as const };
  const tracer = laboratory.opentelemetry({ collector });
  for (let i = 0; i < 5; i++) tracer.report(new Span("server", new TraceContext(), true, "h", 0));
  assert.deepEqual(laboratory.calls, [
    { authority: "collector.example", path: "/T/Export", timeoutMs: 5_000, metadata: { "api-key": "k" } },
  ]);
  assert.equal(laboratory.counter("tracing.opentelemetry.spans_sent"), 5);
});

const TAIL = {
  kind: "tail",
  minTracesPerSecond: 2,
  maxKeptPerSecond: 5,
  slowQuantile: 0.99,
  slowThresholdMs: 0,
} as const;

test("who decides at the end decides about roots by rate, and hears the parent, whoever it is", () => {
  const tracer = new Laboratory().opentelemetry({ sampler: TAIL });
  const flags = (extra: Readonly<Record<string, string>>, wanted: boolean): string | undefined =>
    /-(0[01])(?: |$)/.exec(told(tracer, extra, { wanted }) ?? "")?.[1];
  assert.deepEqual([flags({}, false), flags({}, false), flags({}, false)], ["01", "01", "00"]);
  assert.equal(flags({}, true), "01");
  assert.equal(flags(parent("01"), false), "01");
  assert.equal(flags(parent("00"), true), "00");
});

test("who collects for everybody goes on with B3, and tells it on in its form", () => {
  const tracer = new Laboratory().opentelemetry({ sampler: TAIL });
  const b3 = { "x-b3-traceid": S, "x-b3-spanid": "a2fb4a1d1a96d312", "x-b3-sampled": "1" };
  assert.equal(
    told(tracer, b3, { wanted: false }),
    `traceparent: 00-0000000000000000${S}-${id(1)}-01 x-b3-traceid: 0000000000000000${S} x-b3-spanid: ${id(1)} x-b3-parentspanid: a2fb4a1d1a96d312 x-b3-sampled: 1`,
  );
});
