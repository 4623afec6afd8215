/** Zipkin v2 spans. (openzipkin/zipkin-api zipkin2-api.yaml, zipkin.proto) */
import type { RecordedSpanKind } from "@tulle/telemetry/records";
import { IngestError } from "./ingest-error.ts";
import { listOf, numberOf, objectOf, parseJson, textOf } from "./json.ts";
import type { JsonObject } from "./json.ts";
import { LIMITS } from "./limits.ts";
import type { StatedSpan } from "./limits.ts";
import type { SpanCollector } from "./span-collector.ts";
import { WireReader } from "./wire-reader.ts";

const KINDS = ["", "CLIENT", "SERVER", "PRODUCER", "CONSUMER"];
/** Index: the number of the kind in protobuf. */
const RECORDED_KINDS: readonly RecordedSpanKind[] = ["internal", "client", "server", "producer", "consumer"];

/** A list of spans in JSON. Throws IngestError. */
export function decodeZipkinJson(bytes: Uint8Array, into: SpanCollector): void {
  const list = parseJson(bytes);
  if (!Array.isArray(list)) throw new IngestError("the body must be a JSON array of spans");
  for (const span of list as unknown[]) into.take(fromJson(objectOf(span)));
}

function fromJson(span: JsonObject): StatedSpan {
  const tags = Object.entries(objectOf(span["tags"])).map(([name, value]) => [name, textOf(value)] as const);
  return {
    traceId: textOf(span["traceId"]),
    spanId: textOf(span["id"]),
    parentSpanId: textOf(span["parentId"]),
    service: textOf(objectOf(span["localEndpoint"])["serviceName"]),
    kind: RECORDED_KINDS[KINDS.indexOf(textOf(span["kind"]))] ?? "internal",
    name: textOf(span["name"]),
    startMicros: numberOf(span["timestamp"]),
    durationMicros: numberOf(span["duration"] ?? 0),
    error: hasError(tags),
    tags,
    events: listOf(span["annotations"]).map(({ value, timestamp }) => ({
      name: textOf(value),
      atMicros: numberOf(timestamp),
    })),
  };
}

/** Its presence is what counts, whatever its value. (openzipkin/zipkin-api, `tags`) */
function hasError(tags: readonly (readonly [string, string])[]): boolean {
  return tags.some(([name]) => name === "error");
}

/** ListOfSpans. Throws IngestError. */
export function decodeZipkinProto(bytes: Uint8Array, into: SpanCollector): void {
  const reader = WireReader.of(bytes);
  while (reader.next()) {
    if (reader.field === 1) into.take(fromProto(reader.message()));
    else reader.skip();
  }
}

function fromProto(reader: WireReader): StatedSpan {
  let [traceId, spanId, parentSpanId, service, name] = ["", "", "", "", ""];
  let [kind, startMicros, durationMicros] = [0, 0, 0];
  const tags: (readonly [string, string])[] = [];
  const events: { name: string; atMicros: number }[] = [];
  while (reader.next()) {
    if (reader.field === 1) traceId = reader.hex();
    else if (reader.field === 2) parentSpanId = reader.hex();
    else if (reader.field === 3) spanId = reader.hex();
    else if (reader.field === 4) kind = reader.uint();
    else if (reader.field === 5) name = reader.text();
    else if (reader.field === 6) startMicros = reader.fixed64();
    else if (reader.field === 7) durationMicros = reader.uint();
    else if (reader.field === 8) service = serviceName(reader.message());
    else if (reader.field === 10 && events.length < LIMITS.events) events.push(annotation(reader.message()));
    else if (reader.field === 11 && tags.length < LIMITS.tags) tags.push(entry(reader.message()));
    else reader.skip();
  }
  return {
    traceId,
    spanId,
    parentSpanId,
    service,
    kind: RECORDED_KINDS[kind] ?? "internal",
    name,
    startMicros,
    durationMicros,
    error: hasError(tags),
    tags,
    events,
  };
}

function serviceName(endpoint: WireReader): string {
  let name = "";
  while (endpoint.next()) {
    if (endpoint.field === 1) name = endpoint.text();
    else endpoint.skip();
  }
  return name;
}

function annotation(reader: WireReader): { name: string; atMicros: number } {
  let [name, atMicros] = ["", 0];
  while (reader.next()) {
    if (reader.field === 1) atMicros = reader.fixed64();
    else if (reader.field === 2) name = reader.text();
    else reader.skip();
  }
  return { name, atMicros };
}

/** Of a map<string, string>. */
function entry(reader: WireReader): readonly [string, string] {
  let [name, value] = ["", ""];
  while (reader.next()) {
    if (reader.field === 1) name = reader.text();
    else if (reader.field === 2) value = reader.text();
    else reader.skip();
  }
  return [name, value];
}
