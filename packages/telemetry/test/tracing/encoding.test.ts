import assert from "node:assert/strict";
import { test } from "node:test";
import {
  Span,
  TraceContext,
  encodeOtlpTraces,
  encodeZipkinJson,
  encodeZipkinProto,
  type SpanKind,
} from "../../src/tracing/index.ts";
import { bytesOf, hexOf, numberOf, textOf } from "../support/wire.ts";

const T = "fedcba98765432100123456789abcdef";
const S = "1111222233334444";
const P = "aaaabbbbccccdddd";
const START = 1_795_873_563_722_338;

function span(kind: SpanKind = "server", parentSpanId = P): Span {
  const context = new TraceContext();
  Object.assign(context, { traceId: T, spanId: S, parentSpanId, sampled: true, state: "a=b" });
  const made = new Span(kind, context, true, "GET /", START);
  made.durationMicros = 1_018;
  made.setTag("component", "proxy");
  made.setTag("user_agent", 'b\xc3\xa4\xff"');
  made.setTag("zone", "");
  made.addEvent("first", START + 10);
  return made;
}

const ENDPOINT = { serviceName: "svc", address: "192.0.2.2", sharedSpanContext: true };

test("a tag that is set again keeps its place and has the new value", () => {
  const made = span();
  made.setTag("component", "other");
  assert.deepEqual(made.tags.slice(0, 2), ["component", "other"]);
  assert.equal(made.tags.filter((tag) => tag === "component").length, 1);
});

test("Zipkin JSON: fields, the annotation of the end, no tag without a value, UTF-8", () => {
  const [server, client] = JSON.parse(encodeZipkinJson([span(), span("client", "")], ENDPOINT)) as [object, object];
  assert.deepEqual(server, {
    traceId: T,
    parentId: P,
    id: S,
    kind: "SERVER",
    name: "GET /",
    timestamp: START,
    duration: 1_018,
    localEndpoint: { serviceName: "svc", ipv4: "192.0.2.2", port: 0 },
    annotations: [
      { timestamp: START + 10, value: "first" },
      { timestamp: START + 1_018, value: "ss" },
    ],
    tags: { component: "proxy", user_agent: 'bä\ufffd"' },
    shared: true,
  });
  assert.deepEqual(Object.keys(client).sort(), [
    "annotations",
    "duration",
    "id",
    "kind",
    "localEndpoint",
    "name",
    "tags",
    "timestamp",
    "traceId",
  ]);
});

test("Zipkin JSON: no service name, IPv6, no shared spans", () => {
  const endpoint = { serviceName: "", address: "2001:db8::1", sharedSpanContext: false };
  const [made] = JSON.parse(encodeZipkinJson([span()], endpoint)) as [{ localEndpoint: object; shared?: boolean }];
  assert.deepEqual(made.localEndpoint, { ipv6: "2001:db8::1", port: 0 });
  assert.equal(made.shared, undefined);
});

test("Zipkin protobuf: ids big-endian, times, endpoint, annotations and tags in order", () => {
  const list = bytesOf(encodeZipkinProto([span(), span("client", "")], ENDPOINT), 1);
  assert.equal(list.length, 2);
  const [server, client] = list;
  assert.deepEqual([hexOf(server, 1), hexOf(server, 2), hexOf(server, 3)], [T, P, S]);
  assert.deepEqual([numberOf(server, 4), textOf(server, 5)], [2n, "GET /"]);
  assert.deepEqual([numberOf(server, 6), numberOf(server, 7), numberOf(server, 13)], [BigInt(START), 1_018n, 1n]);
  const [endpoint] = bytesOf(server, 8);
  assert.deepEqual([textOf(endpoint, 1), hexOf(endpoint, 2)], ["svc", "c0000202"]);
  assert.deepEqual(
    bytesOf(server, 10).map((each) => textOf(each, 2)),
    ["first", "ss"],
  );
  assert.deepEqual(
    bytesOf(server, 11).map((each) => [textOf(each, 1), textOf(each, 2)]),
    [
      ["component", "proxy"],
      ["user_agent", 'bä\ufffd"'],
    ],
  );
  assert.deepEqual([hexOf(client, 2), numberOf(client, 4), numberOf(client, 13)], ["", 1n, undefined]);
});

test("Zipkin protobuf: an IPv6 endpoint is sixteen bytes", () => {
  const [made] = bytesOf(encodeZipkinProto([span()], { ...ENDPOINT, address: "2001:db8::1" }), 1);
  assert.equal(hexOf(bytesOf(made, 8)[0], 3), "20010db8000000000000000000000001");
});

test("OTLP: resource, scope, ids, nanoseconds, flags, events and attributes, empty ones too", () => {
  const source = { resource: [["service.name", "svc"]], scope: { name: "tulle", version: "1" } } as const;
  const [resourceSpans] = bytesOf(encodeOtlpTraces([span()], source), 1);
  const [attribute] = bytesOf(bytesOf(resourceSpans, 1)[0], 1);
  assert.deepEqual([textOf(attribute, 1), textOf(bytesOf(attribute, 2)[0], 1)], ["service.name", "svc"]);
  const [scopeSpans] = bytesOf(resourceSpans, 2);
  assert.equal(textOf(bytesOf(scopeSpans, 1)[0], 1), "tulle");
  const [made] = bytesOf(scopeSpans, 2);
  assert.deepEqual([hexOf(made, 1), hexOf(made, 2), textOf(made, 3), hexOf(made, 4)], [T, S, "a=b", P]);
  assert.deepEqual([textOf(made, 5), numberOf(made, 6)], ["GET /", 2n]);
  assert.equal(numberOf(made, 7), BigInt(START) * 1000n);
  assert.equal(numberOf(made, 8), BigInt(START + 1_018) * 1000n);
  assert.equal(numberOf(made, 16), 0x301n);
  assert.deepEqual(
    bytesOf(made, 9).map((each) => textOf(each, 1)),
    ["component", "user_agent", "zone"],
  );
  assert.equal(textOf(bytesOf(made, 11)[0], 2), "first");
});

test("OTLP: a span of ours has a parent that is not remote; no scope, no resource", () => {
  const made = new Span("client", span().context, false, "router b egress", START);
  const [resourceSpans] = bytesOf(encodeOtlpTraces([made], { resource: [], scope: null }), 1);
  const [scopeSpans] = bytesOf(resourceSpans, 2);
  assert.equal(bytesOf(scopeSpans, 1).length, 0);
  assert.equal(numberOf(bytesOf(scopeSpans, 2)[0], 16), 0x101n);
});

test("OTLP: the status is an error from 400 for clients, from 500 for servers; gRPC's word comes after HTTP's", () => {
  const error = (kind: SpanKind, ...tags: string[]): boolean => {
    const made = span(kind);
    for (let i = 0; i < tags.length; i += 2) made.setTag(tags[i], tags[i + 1]);
    const [encoded] = bytesOf(bytesOf(bytesOf(encodeOtlpTraces([made], { resource: [], scope: null }), 1)[0], 2)[0], 2);
    const [status] = bytesOf(encoded, 15);
    return status !== undefined && numberOf(status, 3) === 2n;
  };
  assert.equal(error("client", "http.status_code", "404"), true);
  assert.equal(error("server", "http.status_code", "404"), false);
  assert.equal(error("server", "http.status_code", "503"), true);
  assert.equal(error("server", "http.status_code", "0"), false);
  assert.equal(error("server", "error", "true"), false);
  assert.equal(error("client", "grpc.status_code", "5"), true);
  assert.equal(error("server", "grpc.status_code", "5"), false);
  assert.equal(error("server", "grpc.status_code", "8"), false);
  assert.equal(error("server", "grpc.status_code", "13"), true);
  assert.equal(error("server", "grpc.status_code", "abc"), false);
  assert.equal(error("server", "http.status_code", "503", "grpc.status_code", "0"), false);
  assert.equal(error("client", "grpc.status_code", "13", "http.status_code", "200"), true);
});

test("a batch larger than the writer's first memory", () => {
  const many = Array.from({ length: 100 }, () => span());
  assert.equal(bytesOf(encodeZipkinProto(many, ENDPOINT), 1).length, 100);
});
