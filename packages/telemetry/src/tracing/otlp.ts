/** Batches of spans for an OpenTelemetry collector. Source: opentelemetry-proto, collector/trace/v1 and trace/v1. */
import { ProtoWriter } from "./proto-writer.ts";
import type { Span } from "./span.ts";

/** Name and value. */
export type OtlpAttribute = readonly [name: string, value: string];

/** Who reports. */
export interface OtlpSource {
  readonly resource: readonly OtlpAttribute[];
  /** The instrumentation scope, null for none. */
  readonly scope: { readonly name: string; readonly version: string } | null;
}

const KIND_SERVER = 2;
const KIND_CLIENT = 3;
const STATUS_ERROR = 2;
/** `Span.flags`: W3C's sampled; whether it is known if the parent is another program's; that it is. */
const SAMPLED = 0x1;
const HAS_IS_REMOTE = 0x100;
const IS_REMOTE = 0x200;

/** `ExportTraceServiceRequest`. */
export function encodeOtlpTraces(spans: readonly Span[], source: OtlpSource): Uint8Array {
  const writer = new ProtoWriter();
  const { resource, scope } = source;
  for (const span of spans.toReversed()) {
    const end = writer.length;
    writeSpan(writer, span);
    writer.message(2, end);
  }
  if (scope !== null) {
    const end = writer.length;
    writer.text(2, scope.version);
    writer.text(1, scope.name);
    writer.message(1, end);
  }
  writer.message(2, 0); // scope_spans
  const end = writer.length;
  for (const [name, value] of resource.toReversed()) writeAttribute(writer, 1, name, value);
  writer.message(1, end); // resource
  writer.message(1, 0); // resource_spans
  return writer.finish();
}

function writeSpan(writer: ProtoWriter, span: Span): void {
  const { traceId, spanId, parentSpanId, state } = span.context;
  writer.fixed32(16, SAMPLED | HAS_IS_REMOTE | (span.parentIsRemote ? IS_REMOTE : 0));
  if (isError(span)) {
    const end = writer.length;
    writer.uint(3, STATUS_ERROR);
    writer.message(15, end);
  }
  for (const { name, atMicros } of span.events.toReversed()) {
    const end = writer.length;
    writer.text(2, name);
    writer.fixed64(1, nanos(atMicros));
    writer.message(11, end);
  }
  for (let i = span.tags.length - 2; i >= 0; i -= 2) {
    if (span.tags[i] !== "") writeAttribute(writer, 9, span.tags[i], span.tags[i + 1]);
  }
  writer.fixed64(8, nanos(span.endMicros));
  writer.fixed64(7, nanos(span.startMicros));
  writer.uint(6, span.kind === "server" ? KIND_SERVER : KIND_CLIENT);
  writer.text(5, span.name);
  if (parentSpanId !== "") writer.hex(4, parentSpanId);
  if (state !== "") writer.text(3, state);
  writer.hex(2, spanId);
  writer.hex(1, traceId);
}

/** KeyValue, with a string for a value. */
function writeAttribute(writer: ProtoWriter, field: number, name: string, value: string): void {
  const end = writer.length;
  writer.text(1, value);
  writer.message(2, end);
  writer.text(1, name);
  writer.message(field, end);
}

function nanos(micros: number): bigint {
  return BigInt(Math.round(micros)) * 1000n;
}

/**
 * Whether the span's status is an error, by the semantic conventions: a client's from 400 on, a server's from 500; gRPC's codes
 * likewise; of both the one that was told last. (Envoy `source/extensions/tracers/opentelemetry/tracer.cc`, Span::setTag)
 */
function isError(span: Span): boolean {
  let error = false;
  const isServer = span.kind === "server";
  for (let i = 0; i < span.tags.length; i += 2) {
    const value = span.tags[i + 1];
    if (span.tags[i] === "http.status_code") {
      if (Number(value) >= (isServer ? 500 : 400)) error = true;
    } else if (span.tags[i] === "grpc.status_code") {
      const code = /^\d+$/.test(value) ? Number(value) : 0;
      error = isServer ? SERVER_ERRORS.includes(code) : code !== 0;
    }
  }
  return error;
}

/** UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, DATA_LOSS. */
const SERVER_ERRORS: readonly number[] = [2, 4, 12, 13, 14, 15];
