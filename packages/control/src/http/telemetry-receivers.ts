/** Spans over HTTP, answered as an OpenTelemetry collector and a Zipkin server answer. */
import type { IngestReport } from "../telemetry/ingest/ingest-report.ts";
import type { IngestKind } from "../telemetry/ingest/kinds.ts";
import { QuestionError } from "../telemetry/question-error.ts";
import { encodeOtlpReport, encodeStatus, otlpReport } from "../telemetry/receivers/otlp-answers.ts";
import type { ApiAnswer, ApiContext, ApiRequest } from "./handler.ts";
import { HttpError } from "./messages.ts";

/** As sent: it may be gzip. The telemetry thread bounds what that becomes. */
const MAX_BYTES = 4 * 1024 * 1024;
const PROTOBUF = "application/x-protobuf";
/** google.rpc.Code. */
const INVALID_ARGUMENT = 3;
const UNAVAILABLE = 14;

/** `POST /v1/traces`. (opentelemetry-proto docs/specification.md, "OTLP/HTTP") */
async function otlpTraces(context: ApiContext, request: ApiRequest): Promise<ApiAnswer> {
  const isJson = formatOf(request) === "json";
  try {
    const report = await take(context, request, isJson ? "otlp-traces-json" : "otlp-traces");
    return isJson ? { json: otlpReport(report) } : { text: encodeOtlpReport(report), type: PROTOBUF };
  } catch (error) {
    if (!(error instanceof QuestionError)) throw error;
    const isInvalid = error.kind === "invalid";
    const code = isInvalid ? INVALID_ARGUMENT : UNAVAILABLE;
    const status = isInvalid ? 400 : 503;
    if (isJson) return { status, json: { code, message: error.message } };
    return { status, text: encodeStatus(code, error.message), type: PROTOBUF };
  }
}

/** `POST /api/v2/spans`. (openzipkin/zipkin ZipkinHttpCollector: 202 and no body) */
async function zipkinSpans(context: ApiContext, request: ApiRequest): Promise<ApiAnswer> {
  // What Zipkin does not know as protobuf is JSON to it, whatever it is called.
  const isProtobuf = request.headers["content-type"]?.includes("protobuf") === true;
  await take(context, request, isProtobuf ? "zipkin-proto" : "zipkin-json");
  return { status: 202, text: "", type: "text/plain" };
}

async function take({ telemetry }: ApiContext, request: ApiRequest, kind: IngestKind): Promise<IngestReport> {
  const encoding = request.headers["content-encoding"] ?? "identity";
  if (encoding !== "identity" && encoding !== "gzip") {
    throw new HttpError(415, `content-encoding ${encoding} is not taken, but gzip is`);
  }
  return telemetry.deliver(kind, { id: request.peer || "local", proxy: undefined }, await request.bytes(MAX_BYTES));
}

function formatOf({ headers }: ApiRequest): "json" | "protobuf" {
  const type = headers["content-type"]?.split(";")[0]!.trim().toLowerCase() ?? "application/json";
  if (type === "application/json") return "json";
  if (type === PROTOBUF || type === "application/protobuf") return "protobuf";
  throw new HttpError(415, `content-type ${type} is not taken, but application/json and ${PROTOBUF} are`);
}

export const telemetryReceivers = { otlpTraces, zipkinSpans };
