/** OTLP's traces in protobuf. (opentelemetry-proto collector/trace/v1, trace/v1, common/v1) */
import type { RecordedSpanKind } from "@tulle/telemetry/records";
import { IngestError } from "./ingest-error.ts";
import { LIMITS } from "./limits.ts";
import type { StatedSpan } from "./limits.ts";
import type { SpanCollector } from "./span-collector.ts";
import { WireReader } from "./wire-reader.ts";

/** Index: SpanKind. */
export const OTLP_KINDS: readonly RecordedSpanKind[] = [
  "internal",
  "internal",
  "server",
  "client",
  "producer",
  "consumer",
];
/** StatusCode. */
export const OTLP_ERROR = 2;

export type Attributes = readonly (readonly [string, string])[];

/** What is said of whoever made the spans. */
export interface OtlpResource {
  readonly service: string;
  /** Become tags of each span. */
  readonly attributes: Attributes;
}

/** ExportTraceServiceRequest. Throws IngestError. */
export function decodeOtlpProto(bytes: Uint8Array, into: SpanCollector): void {
  const reader = WireReader.of(bytes);
  while (reader.next()) {
    if (reader.field === 1) resourceSpans(reader.message(), into);
    else reader.skip();
  }
}

/** The resource may come after its spans. */
function resourceSpans(reader: WireReader, into: SpanCollector): void {
  const again = reader.again();
  let attributes: Attributes = [];
  while (reader.next()) {
    if (reader.field === 1) attributes = attributesOf(reader.message(), 1);
    else reader.skip();
  }
  const of = otlpResource(attributes);
  while (again.next()) {
    if (again.field === 2) scopeSpans(again.message(), of, into);
    else again.skip();
  }
}

function scopeSpans(reader: WireReader, of: OtlpResource, into: SpanCollector): void {
  while (reader.next()) {
    if (reader.field === 2) into.take(span(reader.message(), of));
    else reader.skip();
  }
}

/** Who the SDK is by is no property of a span. */
export function otlpResource(attributes: Attributes): OtlpResource {
  return {
    // (OpenTelemetry semantic conventions, `service.name`)
    service: attributes.find(([name]) => name === "service.name")?.[1] || "unknown_service",
    attributes: attributes.filter(([name]) => name !== "service.name" && !name.startsWith("telemetry.sdk.")),
  };
}

/** Of a message, in one of its fields; as many as a span may have. */
function attributesOf(reader: WireReader, field: number): Attributes {
  const attributes: (readonly [string, string])[] = [];
  while (reader.next()) {
    if (reader.field === field && attributes.length < LIMITS.tags) attributes.push(keyValue(reader.message()));
    else reader.skip();
  }
  return attributes;
}

function span(reader: WireReader, { service, attributes }: OtlpResource): StatedSpan {
  let [traceId, spanId, parentSpanId, name] = ["", "", "", ""];
  let [kind, start, end, code] = [0, 0, 0, 0];
  const tags: (readonly [string, string])[] = [];
  const events: { name: string; atMicros: number }[] = [];
  while (reader.next()) {
    if (reader.field === 1) traceId = reader.hex();
    else if (reader.field === 2) spanId = reader.hex();
    else if (reader.field === 4) parentSpanId = reader.hex();
    else if (reader.field === 5) name = reader.text();
    else if (reader.field === 6) kind = reader.uint();
    else if (reader.field === 7) start = reader.fixed64() / 1000;
    else if (reader.field === 8) end = reader.fixed64() / 1000;
    else if (reader.field === 9 && tags.length < LIMITS.tags) tags.push(keyValue(reader.message()));
    else if (reader.field === 11 && events.length < LIMITS.events) events.push(event(reader.message()));
    else if (reader.field === 15) code = statusCode(reader.message(), tags);
    else reader.skip();
  }
  return {
    traceId,
    spanId,
    parentSpanId,
    service,
    kind: OTLP_KINDS[kind] ?? "internal",
    name,
    startMicros: start,
    durationMicros: end - start,
    error: code === OTLP_ERROR,
    tags: [...tags, ...attributes],
    events,
  };
}

function statusCode(reader: WireReader, tags: (readonly [string, string])[]): number {
  let code = 0;
  while (reader.next()) {
    // As Jaeger has it: `otel.status_description`.
    if (reader.field === 2) tags.push(["otel.status_description", reader.text()]);
    else if (reader.field === 3) code = reader.uint();
    else reader.skip();
  }
  return code;
}

function event(reader: WireReader): { name: string; atMicros: number } {
  const attributes = attributesOf(reader.again(), 3);
  let [name, atMicros] = ["", 0];
  while (reader.next()) {
    if (reader.field === 1) atMicros = reader.fixed64() / 1000;
    else if (reader.field === 2) name = reader.text();
    else reader.skip();
  }
  return { name: eventText(name, attributes), atMicros };
}

/** `exception exception.type=TypeError …`: events are one text here, as in Zipkin. */
export function eventText(name: string, attributes: Attributes): string {
  return [name, ...attributes.map(([key, value]) => `${key}=${value}`)].join(" ");
}

function keyValue(reader: WireReader, depth = 0): readonly [string, string] {
  let [name, value] = ["", ""];
  while (reader.next()) {
    if (reader.field === 1) name = reader.text();
    else if (reader.field === 2) value = textOfAny(reader.message(), depth);
    else reader.skip();
  }
  return [name, value];
}

/** Nobody nests deeper who means it. */
export const MAX_DEPTH = 8;

/** AnyValue: numbers and booleans as text, lists and maps as JSON has them. */
function textOfAny(reader: WireReader, depth: number): string {
  if (depth > MAX_DEPTH) throw new IngestError(`an attribute is nested deeper than ${MAX_DEPTH}`);
  let text = "";
  while (reader.next()) {
    if (reader.field === 1) text = reader.text();
    else if (reader.field === 2) text = reader.uint() === 0 ? "false" : "true";
    else if (reader.field === 3) text = String(reader.int());
    else if (reader.field === 4) text = String(reader.double());
    else if (reader.field === 5) text = `[${elements(reader.message(), (each) => textOfAny(each, depth + 1)).join()}]`;
    else if (reader.field === 6) text = `{${elements(reader.message(), (each) => entry(each, depth + 1)).join()}}`;
    else if (reader.field === 7) text = Buffer.from(reader.bytes()).toString("base64");
    else reader.skip();
  }
  return text;
}

function entry(reader: WireReader, depth: number): string {
  return keyValue(reader, depth).join(":");
}

/** Of an ArrayValue or a KeyValueList: both have them in field 1. */
function elements(reader: WireReader, textOf: (reader: WireReader) => string): string[] {
  const found: string[] = [];
  while (reader.next()) {
    if (reader.field === 1) found.push(textOf(reader.message()));
    else reader.skip();
  }
  return found;
}
