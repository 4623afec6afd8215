/** Zipkin v2 spans in JSON. (openzipkin/zipkin-api zipkin2-api.yaml) */
import type { RecordedSpanKind, SpanRecord } from "@tulle/telemetry/records";
import { IngestError } from "./ingest-error.ts";
import type { IngestReport } from "./ingest-report.ts";
import { boundedSpan } from "./limits.ts";

type JsonObject = Readonly<Record<string, unknown>>;

const KINDS: ReadonlyMap<unknown, RecordedSpanKind> = new Map([
  ["CLIENT", "client"],
  ["SERVER", "server"],
  ["PRODUCER", "producer"],
  ["CONSUMER", "consumer"],
]);

export interface DecodedSpans extends IngestReport {
  readonly spans: readonly SpanRecord[];
}

/** Throws IngestError for what is no list of objects; spans that are wrong are left out and counted. */
export function decodeZipkinJson(bytes: Uint8Array): DecodedSpans {
  const list = parse(bytes);
  if (!Array.isArray(list)) throw new IngestError("the body must be a JSON array of spans");
  return keepBounded((list as unknown[]).map(stated));
}

/** Leaves out those that cannot be kept, and says why of the first. */
function keepBounded(stated: readonly Parameters<typeof boundedSpan>[0][]): DecodedSpans {
  const spans: SpanRecord[] = [];
  let reason = "";
  for (const each of stated) {
    const span = boundedSpan(each);
    if (typeof span === "string") reason ||= span;
    else spans.push(span);
  }
  return { spans, accepted: spans.length, refused: stated.length - spans.length, reason };
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw new IngestError("the body is no JSON in UTF-8", { cause: error });
  }
}

function stated(value: unknown): Parameters<typeof boundedSpan>[0] {
  const span = objectOf(value);
  const tags = Object.entries(objectOf(span["tags"])).filter(
    (tag): tag is [string, string] => typeof tag[1] === "string",
  );
  const annotations = Array.isArray(span["annotations"]) ? (span["annotations"] as unknown[]).map(objectOf) : [];
  return {
    traceId: text(span["traceId"]),
    spanId: text(span["id"]),
    parentSpanId: text(span["parentId"]),
    service: text(objectOf(span["localEndpoint"])["serviceName"]),
    kind: KINDS.get(span["kind"]) ?? "internal",
    name: text(span["name"]),
    startMicros: number(span["timestamp"]),
    durationMicros: number(span["duration"]),
    // Its presence is what counts, whatever its value. (openzipkin/zipkin-api, `tags`)
    error: tags.some(([name]) => name === "error"),
    tags,
    events: annotations.map((annotation) => ({
      name: text(annotation["value"]),
      atMicros: number(annotation["timestamp"]),
    })),
  };
}

const objectOf = (value: unknown): JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
const text = (value: unknown): string => (typeof value === "string" ? value : "");
const number = (value: unknown): number => (typeof value === "number" ? value : 0);
