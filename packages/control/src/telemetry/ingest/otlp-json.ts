/** OTLP's traces in JSON: ids are hex, not base64 as elsewhere in protobuf's JSON. (opentelemetry-proto docs/specification.md, "JSON Protobuf Encoding") */
import { IngestError } from "./ingest-error.ts";
import { listOf, numberOf, objectOf, parseJson, textOf } from "./json.ts";
import type { JsonObject } from "./json.ts";
import type { StatedSpan } from "./limits.ts";
import type { SpanCollector } from "./span-collector.ts";
import type { Attributes, OtlpResource } from "./otlp.ts";
import { eventText, MAX_DEPTH, OTLP_ERROR, OTLP_KINDS, otlpResource } from "./otlp.ts";

/** Throws IngestError. */
export function decodeOtlpJson(bytes: Uint8Array, into: SpanCollector): void {
  const body = parseJson(bytes);
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw new IngestError("the body must be a JSON object with resourceSpans");
  }
  for (const { resource, scopeSpans } of listOf(objectOf(body)["resourceSpans"])) {
    const of = otlpResource(attributes(objectOf(resource)["attributes"]));
    for (const { spans } of listOf(scopeSpans)) for (const each of listOf(spans)) into.take(span(each, of));
  }
}

function span(value: JsonObject, of: OtlpResource): StatedSpan {
  const startMicros = numberOf(value["startTimeUnixNano"]) / 1000;
  const { code, message } = objectOf(value["status"]);
  const description = textOf(message);
  return {
    traceId: textOf(value["traceId"]),
    spanId: textOf(value["spanId"]),
    parentSpanId: textOf(value["parentSpanId"]),
    service: of.service,
    kind: OTLP_KINDS[enumOf(value["kind"], "SPAN_KIND_", KIND_NAMES)] ?? "internal",
    name: textOf(value["name"]),
    startMicros,
    durationMicros: numberOf(value["endTimeUnixNano"]) / 1000 - startMicros,
    error: enumOf(code, "STATUS_CODE_", CODE_NAMES) === OTLP_ERROR,
    tags: [
      ...attributes(value["attributes"]),
      ...(description === "" ? [] : [["otel.status_description", description] as const]),
      ...of.attributes,
    ],
    events: listOf(value["events"]).map((event) => ({
      name: eventText(textOf(event["name"]), attributes(event["attributes"])),
      atMicros: numberOf(event["timeUnixNano"]) / 1000,
    })),
  };
}

const KIND_NAMES = ["UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"];
const CODE_NAMES = ["UNSET", "OK", "ERROR"];

/** By number, as the specification has it, or by name, as some send it. */
function enumOf(value: unknown, prefix: string, names: readonly string[]): number {
  return typeof value === "string" ? names.indexOf(value.replace(prefix, "")) : numberOf(value ?? 0);
}

function attributes(value: unknown): Attributes {
  return listOf(value).map((attribute) => [textOf(attribute["key"]), textOfAny(attribute["value"], 0)] as const);
}

/** AnyValue: numbers and booleans as text, lists and maps as JSON has them. */
function textOfAny(value: unknown, depth: number): string {
  if (depth > MAX_DEPTH) throw new IngestError(`an attribute is nested deeper than ${MAX_DEPTH}`);
  const any = objectOf(value);
  const scalar = any["stringValue"] ?? any["boolValue"] ?? any["intValue"] ?? any["doubleValue"] ?? any["bytesValue"];
  if (typeof scalar === "string") return scalar;
  if (typeof scalar === "number" || typeof scalar === "boolean") return String(scalar);
  const { arrayValue, kvlistValue } = any;
  if (arrayValue !== undefined) {
    return `[${listOf(objectOf(arrayValue)["values"])
      .map((each) => textOfAny(each, depth + 1))
      .join()}]`;
  }
  if (kvlistValue === undefined) return "";
  const entries = listOf(objectOf(kvlistValue)["values"]);
  return `{${entries.map((each) => `${textOf(each["key"])}:${textOfAny(each["value"], depth + 1)}`).join()}}`;
}
