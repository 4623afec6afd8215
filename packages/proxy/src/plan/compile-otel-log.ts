/** Access logs as OpenTelemetry's logs. Envoy `source/extensions/access_loggers/open_telemetry/{config,access_log_impl,substitution_formatter}.cc`. */
import { create, toBinary } from "@bufbuild/protobuf";
import { ProtoWriter } from "@tulle/telemetry/proto";
import {
  type OpenTelemetryAccessLogConfig,
  OpenTelemetryAccessLogConfigSchema,
} from "@tulle/xds/gen/envoy/extensions/access_loggers/open_telemetry/v3/logs_service_pb.js";
import type { AnyValue, KeyValue } from "@tulle/xds/gen/opentelemetry/proto/common/v1/common_pb.js";
import { KeyValueListSchema } from "@tulle/xds/gen/opentelemetry/proto/common/v1/common_pb.js";
import { BUFFER_BYTES, FLUSH_MS, compileService } from "./compile-collected-log.ts";
import { compileCustomTags } from "./compile-tracing.ts";
import { milliseconds } from "./duration.ts";
import { fingerprintOf } from "./fingerprint.ts";
import { bytesOf, messageText } from "./format/byte-text.ts";
import { type Format, compileTextFormat, refuseFormatErrors } from "./format/format.ts";
import type { StreamInfo } from "./format/stream-info.ts";
import type { CollectedLogPlan } from "./listener-plan.ts";
import type { Place } from "./problems.ts";
import type { CustomTagPlan } from "./tracing-plan.ts";

const OPTIONS = { omitEmpty: false, extensions: new Set<string>() } as const;
const STAT_PREFIX = "access_logs.open_telemetry_access_log.";
const NANOS = 1_000_000n;

/** Writes an AnyValue that is a field of what is being written. */
type WriteValue = (writer: ProtoWriter, field: number, stream: StreamInfo) => void;

export function compileOtelLog(
  message: OpenTelemetryAccessLogConfig,
  place: Place,
): Pick<CollectedLogPlan, "kind" | "collector" | "entry"> {
  const { commonConfig: common, statPrefix } = message;
  const own = message.grpcService !== undefined;
  const service = message.grpcService ?? common?.grpcService;
  if (service === undefined) place.refuse("grpc_service is required (http_service is not supported)");
  const body = message.body === undefined ? null : compileValue(message.body, place.field("body"));
  const attributes = compilePairs(message.attributes?.values ?? [], place.field("attributes"));
  const tags = compileCustomTags([...(common?.customTags ?? []), ...message.customTags], place);
  return {
    kind: "collected",
    collector: {
      ...compileService(service, own ? place : place.field("common_config")),
      fingerprint: `opentelemetry ${fingerprintOf(toBinary(OpenTelemetryAccessLogConfigSchema, message))}`,
      protocol: "opentelemetry",
      logName: message.logName === "" ? (common?.logName ?? "") : message.logName,
      flushMs: milliseconds(message.bufferFlushInterval ?? common?.bufferFlushInterval, FLUSH_MS),
      bufferBytes: message.bufferSizeBytes ?? common?.bufferSizeBytes ?? BUFFER_BYTES,
      statPrefix: statPrefix === "" ? STAT_PREFIX : `${STAT_PREFIX}${statPrefix}.`,
      resource: toBinary(KeyValueListSchema, message.resourceAttributes ?? create(KeyValueListSchema)),
      namesNode: !message.disableBuiltinLabels,
    },
    entry: (stream) => logRecord(stream, body, attributes, tags),
  };
}

/** `LogRecord`, last field first. */
function logRecord(
  stream: StreamInfo,
  body: WriteValue | null,
  attributes: readonly WriteValue[],
  tags: readonly CustomTagPlan[],
): Uint8Array {
  const writer = new ProtoWriter();
  if (stream.spanId !== "") writer.hex(10, stream.spanId);
  // Of 16 bytes: Zipkin's may have 8, which collectors refuse. (Envoy `source/extensions/access_loggers/open_telemetry/access_log_impl.cc`)
  if (stream.traceId !== "") writer.hex(9, stream.traceId.padStart(32, "0"));
  for (let i = tags.length - 1; i >= 0; i--) {
    const value = tags[i].value(stream);
    if (value !== "") writeText(writer, 6, tags[i].tag, value);
  }
  for (let i = attributes.length - 1; i >= 0; i--) attributes[i](writer, 6, stream);
  body?.(writer, 5, stream);
  writer.fixed64(1, BigInt(Math.round(stream.wallMs(stream.startedAt) * 1000)) * (NANOS / 1000n));
  return writer.finish();
}

function compileValue(message: AnyValue, place: Place): WriteValue {
  const { value } = message;
  switch (value.case) {
    case "stringValue": {
      const format = refuseFormatErrors<Format | null>(place, null, () =>
        compileTextFormat(bytesOf(value.value), OPTIONS),
      );
      return (writer, field, stream) => {
        const end = writer.length;
        writer.string(1, messageText(format?.format(stream) ?? ""));
        writer.message(field, end);
      };
    }
    case "kvlistValue":
      return list(6, compilePairs(value.value.values, place));
    case "arrayValue":
      return list(
        5,
        value.value.values.map((each) => compileValue(each, place)),
      );
    default:
      place.refuse(
        "Only string values, nested key value lists, and array values are supported in OpenTelemetry access log format.",
      );
      return () => {};
  }
}

/** A KeyValueList or an ArrayValue, whose values are its field 1. */
function list(field: number, values: readonly WriteValue[]): WriteValue {
  return (writer, outer, stream) => {
    const end = writer.length;
    for (let i = values.length - 1; i >= 0; i--) values[i](writer, 1, stream);
    writer.message(field, end);
    writer.message(outer, end);
  };
}

function compilePairs(pairs: readonly KeyValue[], place: Place): readonly WriteValue[] {
  return pairs.map(({ key, value }) => {
    const write = value === undefined ? null : compileValue(value, place);
    return (writer, field, stream) => {
      const end = writer.length;
      write?.(writer, 2, stream);
      if (key !== "") writer.string(1, key);
      writer.message(field, end);
    };
  });
}

function writeText(writer: ProtoWriter, field: number, key: string, value: string): void {
  const end = writer.length;
  writer.string(1, messageText(value));
  writer.message(2, end);
  writer.string(1, key);
  writer.message(field, end);
}
