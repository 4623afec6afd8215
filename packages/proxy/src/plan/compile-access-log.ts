/** `access_log` lists. Envoy `source/common/access_log/access_log_impl.cc`, `source/extensions/access_loggers/file/config.cc`. */
import { closeSync, openSync } from "node:fs";
import type { JsonObject } from "@bufbuild/protobuf";
import type { AccessLog } from "@tulle/xds/gen/envoy/config/accesslog/v3/accesslog_pb.js";
import type {
  HttpGrpcAccessLogConfig,
  TcpGrpcAccessLogConfig,
} from "@tulle/xds/gen/envoy/extensions/access_loggers/grpc/v3/als_pb.js";
import type { FileAccessLog } from "@tulle/xds/gen/envoy/extensions/access_loggers/file/v3/file_pb.js";
import type {
  StderrAccessLog,
  StdoutAccessLog,
} from "@tulle/xds/gen/envoy/extensions/access_loggers/stream/v3/stream_pb.js";
import type { OpenTelemetryAccessLogConfig } from "@tulle/xds/gen/envoy/extensions/access_loggers/open_telemetry/v3/logs_service_pb.js";
import type { RequestLog } from "@tulle/xds/gen/tulle/access_loggers/requests/v1/requests_pb.js";
import { compileAccessLogFilter } from "./access-log-filters.ts";
import { compileHttpLog, compileTcpLog } from "./compile-collected-log.ts";
import { compileOtelLog } from "./compile-otel-log.ts";
import { compileRequestLog } from "./compile-request-log.ts";
import { bytesOf } from "./format/byte-text.ts";
import { compileFormatString } from "./format/compile-format-string.ts";
import { type Format, compileJsonFormat, compileTextFormat, refuseFormatErrors } from "./format/format.ts";
import type { AccessLogPlan } from "./listener-plan.ts";
import type { Place } from "./problems.ts";
import { unpackExtension } from "./schemas.ts";
import {
  FILE_ACCESS_LOG,
  HTTP_GRPC_ACCESS_LOG,
  OTEL_ACCESS_LOG,
  REQUEST_LOG,
  STDERR_ACCESS_LOG,
  STDOUT_ACCESS_LOG,
  TCP_GRPC_ACCESS_LOG,
} from "./supported-fields/index.ts";

/** Envoy `source/common/formatter/substitution_format_utility.cc`, DEFAULT_FORMAT. */
const DEFAULT_FORMAT =
  '[%START_TIME%] "%REQUEST_HEADER(:METHOD)% %REQUEST_HEADER(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS% ' +
  "%BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESPONSE_HEADER(X-ENVOY-UPSTREAM-SERVICE-TIME)% " +
  '"%REQUEST_HEADER(X-FORWARDED-FOR)%" "%REQUEST_HEADER(USER-AGENT)%" "%REQUEST_HEADER(X-REQUEST-ID)%" ' +
  '"%REQUEST_HEADER(:AUTHORITY)%" "%UPSTREAM_HOST%"\n';

const OPTIONS = { omitEmpty: false, extensions: new Set<string>() } as const;

/** What was refused is left out. */
export function compileAccessLogs(
  logs: readonly AccessLog[],
  place: (index: number) => Place,
): readonly AccessLogPlan[] {
  return logs.flatMap((log, i) => {
    const plan = compileAccessLog(log, place(i));
    return plan === null ? [] : [plan];
  });
}

function compileAccessLog(log: AccessLog, place: Place): AccessLogPlan | null {
  if (log.configType.case !== "typedConfig") return null;
  const extension = unpackExtension(log.configType.value);
  const at = place.packed("typed_config", extension.typeUrl);
  const filter = log.filter === undefined ? null : compileAccessLogFilter(log.filter, place.field("filter"));
  switch (extension.typeName) {
    case FILE_ACCESS_LOG: {
      const message = extension.message as FileAccessLog;
      const format = compileFileFormat(message, at);
      checkWritable(message.path, at.field("path"));
      return format === null ? null : { kind: "file", path: message.path, format, filter };
    }
    case STDOUT_ACCESS_LOG:
    case STDERR_ACCESS_LOG: {
      const { accessLogFormat } = extension.message as StdoutAccessLog | StderrAccessLog;
      const format =
        accessLogFormat.case === "logFormat"
          ? (compileFormatString(accessLogFormat.value, at.field("log_format"))?.format ?? null)
          : textFormat(DEFAULT_FORMAT, at);
      const path = extension.typeName === STDOUT_ACCESS_LOG ? "/dev/stdout" : "/dev/stderr";
      return format === null ? null : { kind: "file", path, format, filter };
    }
    case HTTP_GRPC_ACCESS_LOG:
      return { ...compileHttpLog(extension.message as HttpGrpcAccessLogConfig, at), filter };
    case TCP_GRPC_ACCESS_LOG:
      return { ...compileTcpLog(extension.message as TcpGrpcAccessLogConfig, at), filter };
    case OTEL_ACCESS_LOG:
      return { ...compileOtelLog(extension.message as OpenTelemetryAccessLogConfig, at), filter };
    case REQUEST_LOG:
      return { ...compileRequestLog(extension.message as RequestLog, at), filter };
    default:
      return null;
  }
}

/** The admin endpoint writes none: only one to nowhere is accepted, which Istio's bootstrap has. */
export function refuseAdminAccessLogs(logs: readonly AccessLog[], place: (index: number) => Place): void {
  logs.forEach(({ configType }, i) => {
    const message = configType.case === "typedConfig" ? unpackExtension(configType.value).message : null;
    const path = message?.$typeName === FILE_ACCESS_LOG ? (message as FileAccessLog).path : "";
    if (path !== "/dev/null") place(i).refuse("is not supported (only a file access log to /dev/null)");
  });
}

function compileFileFormat({ accessLogFormat }: FileAccessLog, place: Place): Format | null {
  switch (accessLogFormat.case) {
    case "format":
      return accessLogFormat.value === ""
        ? textFormat(DEFAULT_FORMAT, place)
        : textFormat(bytesOf(accessLogFormat.value), place.field("format"));
    case "jsonFormat":
      return jsonFormat(accessLogFormat.value, place.field("json_format"));
    case "typedJsonFormat":
      return jsonFormat(accessLogFormat.value, place.field("typed_json_format"));
    case "logFormat":
      return compileFormatString(accessLogFormat.value, place.field("log_format"))?.format ?? null;
    default:
      return textFormat(DEFAULT_FORMAT, place);
  }
}

function textFormat(text: string, place: Place): Format | null {
  return refuseFormatErrors(place, null, () => compileTextFormat(text, OPTIONS));
}

function jsonFormat(template: JsonObject, place: Place): Format | null {
  return refuseFormatErrors(place, null, () => compileJsonFormat(template, OPTIONS));
}

/** Envoy, too, refuses a log that it cannot open. */
function checkWritable(path: string, place: Place): void {
  if (path === "/dev/stdout" || path === "/dev/stderr") return;
  try {
    closeSync(openSync(path, "a", 0o644));
  } catch (error) {
    place.refuse(`unable to open file '${path}': ${error instanceof Error ? error.message : String(error)}`);
  }
}
