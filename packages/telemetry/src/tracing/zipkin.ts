/** Batches of spans for a Zipkin collector. Source: https://github.com/openzipkin/zipkin-api, zipkin2-api.yaml and zipkin.proto */
import { decodeUtf8, ProtoWriter } from "./proto-writer.ts";
import type { Span } from "./span.ts";

/** Who reports. */
export interface ZipkinEndpoint {
  readonly serviceName: string;
  /** IPv4 or IPv6. */
  readonly address: string;
  /** Servers report their half of the span that the client began. */
  readonly sharedSpanContext: boolean;
}

/** What Envoy adds at a span's end: server send, client receive. */
function endEvent(span: Span): string {
  return span.kind === "server" ? "ss" : "cr";
}

/** Tags without a value are left out, as Envoy does. */
function tagEntries(span: Span): (readonly [string, string])[] {
  const entries: (readonly [string, string])[] = [];
  for (let i = 0; i < span.tags.length; i += 2) {
    if (span.tags[i] !== "" && span.tags[i + 1] !== "") entries.push([span.tags[i], span.tags[i + 1]]);
  }
  return entries;
}

export function encodeZipkinJson(spans: readonly Span[], endpoint: ZipkinEndpoint): string {
  const { serviceName, address } = endpoint;
  const localEndpoint = {
    ...(serviceName === "" ? {} : { serviceName }),
    [isIpv6(address) ? "ipv6" : "ipv4"]: address,
    port: 0,
  };
  return JSON.stringify(spans.map((span) => jsonSpan(span, localEndpoint, endpoint.sharedSpanContext)));
}

function jsonSpan(span: Span, localEndpoint: object, sharedSpanContext: boolean): object {
  const { traceId, spanId, parentSpanId } = span.context;
  const name = decodeUtf8(span.name);
  const annotations = span.events.map(({ name, atMicros }) => ({ timestamp: Math.round(atMicros), value: name }));
  annotations.push({ timestamp: Math.round(span.endMicros), value: endEvent(span) });
  return {
    traceId,
    ...(parentSpanId === "" ? {} : { parentId: parentSpanId }),
    id: spanId,
    kind: span.kind === "server" ? "SERVER" : "CLIENT",
    ...(name === "" ? {} : { name }),
    timestamp: Math.round(span.startMicros),
    duration: Math.round(span.durationMicros),
    localEndpoint,
    annotations,
    tags: Object.fromEntries(tagEntries(span).map(([name, value]) => [decodeUtf8(name), decodeUtf8(value)])),
    ...(sharedSpanContext && span.kind === "server" ? { shared: true } : {}),
  };
}

/**
 * `zipkin.proto3.ListOfSpans`. All ids are big-endian, as in the headers: Envoy 1.40 writes span ids with their bytes reversed, so that
 * collectors cannot connect its spans with those of others.
 */
export function encodeZipkinProto(spans: readonly Span[], endpoint: ZipkinEndpoint): Uint8Array {
  const writer = new ProtoWriter();
  for (const span of spans.toReversed()) {
    const end = writer.length;
    writeSpan(writer, span, endpoint);
    writer.message(1, end);
  }
  return writer.finish();
}

function writeSpan(writer: ProtoWriter, span: Span, endpoint: ZipkinEndpoint): void {
  const { traceId, spanId, parentSpanId } = span.context;
  if (endpoint.sharedSpanContext && span.kind === "server") writer.uint(13, 1);
  for (const [name, value] of tagEntries(span).toReversed()) {
    const end = writer.length;
    writer.text(2, value);
    writer.text(1, name);
    writer.message(11, end);
  }
  writeAnnotation(writer, endEvent(span), span.endMicros);
  for (const { name, atMicros } of span.events.toReversed()) writeAnnotation(writer, name, atMicros);
  const end = writer.length;
  const address = addressBytes(endpoint.address);
  writer.raw(address.length === 4 ? 2 : 3, address);
  if (endpoint.serviceName !== "") writer.text(1, endpoint.serviceName);
  writer.message(8, end);
  writer.uint(7, Math.round(span.durationMicros));
  writer.fixed64(6, BigInt(Math.round(span.startMicros)));
  writer.text(5, span.name);
  writer.uint(4, span.kind === "server" ? 2 : 1);
  writer.hex(3, spanId);
  if (parentSpanId !== "") writer.hex(2, parentSpanId);
  writer.hex(1, traceId);
}

function writeAnnotation(writer: ProtoWriter, value: string, atMicros: number): void {
  const end = writer.length;
  writer.text(2, value);
  writer.fixed64(1, BigInt(Math.round(atMicros)));
  writer.message(10, end);
}

function isIpv6(address: string): boolean {
  return address.includes(":");
}

function addressBytes(address: string): Uint8Array {
  if (!isIpv6(address)) return Uint8Array.from(address.split("."), Number);
  const [head, tail] = address.split("::").map((part) => part.split(":").filter((group) => group !== ""));
  const groups =
    tail === undefined ? head : [...head, ...Array<string>(8 - head.length - tail.length).fill("0"), ...tail];
  return Uint8Array.from(
    groups.flatMap((group) => {
      const value = Number.parseInt(group, 16);
      return [value >> 8, value & 0xff];
    }),
  );
}
