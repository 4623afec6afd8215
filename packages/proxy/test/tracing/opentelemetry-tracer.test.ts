/** The headers of each row were seen on Envoy 1.40. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Span, TraceContext } from "@tulle/telemetry/tracing";
import type { SamplerPlan } from "../../src/plan/tracing-plan.ts";
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
  const ratio: SamplerPlan = { kind: "trace-id-ratio", share: { numerator: 50, denominator: 100 } };
  const sampled = (prefix: string) => isSampled(ratio, `${prefix}0123456789abcdef`, undefined);
  for (const prefix of ["0000000000000000", "0000000000000001", "3100000000000000", "6400000000000000"]) {
    assert.equal(sampled(prefix), true, prefix);
  }
  for (const prefix of ["3200000000000000", "00000000000000ff", "fedcba9876543210"]) {
    assert.equal(sampled(prefix), false, prefix);
  }
  const parentBased: SamplerPlan = { kind: "parent-based", root: ratio };
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
