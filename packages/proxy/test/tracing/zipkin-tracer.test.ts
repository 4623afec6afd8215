/** The headers of each row were seen on Envoy 1.40. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Span, TraceContext } from "@tulle/telemetry/tracing";
import { Laboratory, id, told } from "./support.ts";

const T = "fedcba98765432100123456789abcdef";
const S = "1111222233334444";
const P = "aaaabbbbccccdddd";
const multi = (traceId: string, spanId: string, sampled: number, parent = ""): string =>
  `x-b3-traceid: ${traceId} x-b3-spanid: ${spanId}${parent === "" ? "" : ` x-b3-parentspanid: ${parent}`} x-b3-sampled: ${sampled}`;
const INCOMING = { "x-b3-traceid": T, "x-b3-spanid": S, "x-b3-parentspanid": P };

test("a new trace has its first span's id; 128 bits where configured; the decision goes along", () => {
  assert.equal(told(new Laboratory().zipkin(), {}), multi(id(1), id(1), 1));
  assert.equal(told(new Laboratory().zipkin(), {}, { wanted: false }), multi(id(1), id(1), 0));
  assert.equal(told(new Laboratory().zipkin({ traceId128Bit: true }), {}), multi(id(2) + id(1), id(1), 1));
});

test("timestamped ids begin with the time in seconds", () => {
  const laboratory = new Laboratory();
  const seconds = Math.floor(laboratory.clock.wallMs() / 1000).toString(16);
  const headers = told(laboratory.zipkin({ timestampTraceIds: true }), {});
  assert.equal(headers, multi(`${seconds}00000000${id(1)}`, id(1), 1));
});

test("servers share their client's span; clients, and servers that do not share, begin one below it", () => {
  assert.equal(told(new Laboratory().zipkin(), INCOMING), multi(T, S, 1, P));
  assert.equal(told(new Laboratory().zipkin(), INCOMING, { egress: true }), multi(T, id(1), 1, S));
  assert.equal(told(new Laboratory().zipkin({ sharedSpanContext: false }), INCOMING), multi(T, id(1), 1, S));
});

test("as a hop of its own the proxy is a server to those before it, whatever the direction", () => {
  const headers = told(new Laboratory().zipkin(), INCOMING, { egress: true, independentHop: true });
  assert.equal(headers, multi(T, S, 1, P));
  assert.equal(told(new Laboratory().zipkin({ splitSpans: true }), INCOMING, { egress: true }), multi(T, S, 1, P));
});

test("the client's decision counts, in either form, and the connection manager's where there is none", () => {
  assert.equal(told(new Laboratory().zipkin(), { ...INCOMING, "x-b3-sampled": "0" }), multi(T, S, 0, P));
  const unwanted = { wanted: false };
  assert.equal(told(new Laboratory().zipkin(), { ...INCOMING, "x-b3-sampled": "1" }, unwanted), multi(T, S, 1, P));
  assert.equal(told(new Laboratory().zipkin(), INCOMING, unwanted), multi(T, S, 0, P));
  assert.equal(told(new Laboratory().zipkin(), { "x-b3-sampled": "0" }), multi(id(1), id(1), 0));
});

test("a request with a b3 header is told on in a b3 header", () => {
  assert.equal(told(new Laboratory().zipkin(), { b3: "0" }), `b3: ${id(1)}-${id(1)}-0`);
  assert.equal(told(new Laboratory().zipkin(), { b3: `${T}-${S}-1-${P}` }), `b3: ${T}-${S}-1-${P}`);
  const both = { b3: `${T}-${S}`, "x-b3-traceid": "1", "x-b3-sampled": "0" };
  assert.equal(told(new Laboratory().zipkin(), both), `x-b3-traceid: 1 x-b3-sampled: 0 b3: ${T}-${S}-1`);
});

test("what cannot be understood makes no span", () => {
  assert.equal(told(new Laboratory().zipkin(), { b3: "zz" }), null);
  assert.equal(told(new Laboratory().zipkin(), { "x-b3-traceid": "zz", "x-b3-spanid": S }), null);
});

test("with W3C: traceparent where there is no B3, both towards the upstream, tracestate left alone", () => {
  const tracer = () => new Laboratory().zipkin({ withW3c: true });
  const parent = { traceparent: `00-${T}-${S}-01` };
  assert.equal(told(tracer(), parent), `${multi(T, S, 1)} traceparent: 00-${T}-${S}-01`);
  assert.equal(
    told(tracer(), { ...parent, tracestate: "a=b", "x-b3-sampled": "0" }, { wanted: false }),
    `tracestate: a=b ${multi(T, S, 1)} traceparent: 00-${T}-${S}-01`,
  );
  assert.equal(told(tracer(), { ...parent, ...INCOMING }), `${multi(T, S, 1, P)} traceparent: 00-${T}-${S}-01`);
  const undecided = { "x-b3-traceid": T, "x-b3-spanid": S };
  assert.equal(
    told(tracer(), { ...parent, ...undecided }, { wanted: false }),
    `${multi(T, S, 1)} traceparent: 00-${T}-${S}-01`,
  );
  assert.equal(told(tracer(), { b3: "zz", ...parent }), null);
  const root = `traceparent: 00-${"0".repeat(16)}${id(1)}-${id(1)}-01`;
  assert.equal(told(tracer(), { traceparent: "bad" }), `${multi(id(1), id(1), 1)} ${root}`);
  assert.equal(told(tracer(), { b3: "1", ...parent }), `b3: ${id(1)}-${id(1)}-1 ${root}`);
});

test("five spans leave together; fewer after five seconds; the answer is counted", () => {
  const laboratory = new Laboratory();
  const tracer = laboratory.zipkin();
  const span = (): Span => new Span("server", new TraceContext(), true, "h", 0);
  for (let i = 0; i < 6; i++) tracer.report(span());
  assert.equal(laboratory.reports.length, 1);
  const [{ head, body, timeoutMs, callbacks }] = laboratory.reports;
  assert.deepEqual([head.method, head.authority, head.path], ["POST", "collector.example", "/spans"]);
  assert.equal(head.headers.serialize(), "content-type: application/json\r\n");
  assert.equal((JSON.parse(Buffer.from(body).toString()) as unknown[]).length, 5);
  assert.equal(timeoutMs, 5_000);
  laboratory.clock.advance(4_900);
  assert.equal(laboratory.reports.length, 1);
  laboratory.clock.advance(200);
  assert.equal(laboratory.reports.length, 2);
  assert.equal(laboratory.counter("tracing.zipkin.spans_sent"), 6);
  assert.equal(laboratory.counter("tracing.zipkin.timer_flushed"), 1);
  callbacks.onResponse(202);
  callbacks.onResponse(503);
  callbacks.onReset();
  for (const name of ["reports_sent", "reports_dropped", "reports_failed"]) {
    assert.equal(laboratory.counter(`tracing.zipkin.${name}`), 1);
  }
});

test("a collector's cluster that is gone is counted", () => {
  const laboratory = new Laboratory();
  const collector = { ...laboratory.collector, cluster: { name: "collector", current: null } };
  const tracer = laboratory.zipkin({ collector });
  for (let i = 0; i < 5; i++) tracer.report(new Span("server", new TraceContext(), true, "h", 0));
  assert.equal(laboratory.reports.length, 0);
  assert.equal(laboratory.counter("tracing.zipkin.reports_skipped_no_cluster"), 1);
});

test("configured headers replace what there is, in their order", () => {
  const laboratory = new Laboratory();
  const headers = [
    ["x-tok", "v"],
    ["content-type", "foo"],
    ["x-tok", "w"],
  ] as const;
  const tracer = laboratory.zipkin({ format: "protobuf", collector: { ...laboratory.collector, headers } });
  for (let i = 0; i < 5; i++) tracer.report(new Span("server", new TraceContext(), true, "h", 0));
  assert.equal(laboratory.reports[0].head.headers.serialize(), "content-type: foo\r\nx-tok: w\r\n");
});
