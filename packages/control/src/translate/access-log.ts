/** Where requests are written down. (istio/istio `pilot/pkg/model/telemetry_logging.go`) */
import { create } from "@bufbuild/protobuf";
import type { JsonObject } from "@bufbuild/protobuf";
import { AccessLogFilterSchema, AccessLogSchema } from "@tulle/xds/gen/envoy/config/accesslog/v3/accesslog_pb.js";
import type { AccessLog } from "@tulle/xds/gen/envoy/config/accesslog/v3/accesslog_pb.js";
import { TypedExtensionConfigSchema } from "@tulle/xds/gen/envoy/config/core/v3/extension_pb.js";
import type { TypedExtensionConfig } from "@tulle/xds/gen/envoy/config/core/v3/extension_pb.js";
import { SubstitutionFormatStringSchema } from "@tulle/xds/gen/envoy/config/core/v3/substitution_format_string_pb.js";
import type { SubstitutionFormatString } from "@tulle/xds/gen/envoy/config/core/v3/substitution_format_string_pb.js";
import { FileAccessLogSchema } from "@tulle/xds/gen/envoy/extensions/access_loggers/file/v3/file_pb.js";
import { ExpressionFilterSchema } from "@tulle/xds/gen/envoy/extensions/access_loggers/filters/cel/v3/cel_pb.js";
import { ReqWithoutQuerySchema } from "@tulle/xds/gen/envoy/extensions/formatter/req_without_query/v3/req_without_query_pb.js";
import type { AccessLogSink, FileLogSink } from "../model/telemetry.ts";
import { checkExpression } from "../model/access-log-filter.ts";
import type { Capabilities } from "./data-plane.ts";
import type { LogConfig } from "./collector-log.ts";
import { collectorLog } from "./collector-log.ts";
import { packed } from "./packed.ts";
import { requestLog } from "./request-log.ts";

/** Istio's fields and what Envoy calls them; the JSON form has them all, the text form in this order. */
const FIELDS = {
  start_time: "%START_TIME%",
  method: "%REQ(:METHOD)%",
  path: "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%",
  protocol: "%PROTOCOL%",
  response_code: "%RESPONSE_CODE%",
  response_flags: "%RESPONSE_FLAGS%",
  response_code_details: "%RESPONSE_CODE_DETAILS%",
  connection_termination_details: "%CONNECTION_TERMINATION_DETAILS%",
  upstream_transport_failure_reason: "%UPSTREAM_TRANSPORT_FAILURE_REASON%",
  bytes_received: "%BYTES_RECEIVED%",
  bytes_sent: "%BYTES_SENT%",
  duration: "%DURATION%",
  upstream_service_time: "%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%",
  x_forwarded_for: "%REQ(X-FORWARDED-FOR)%",
  user_agent: "%REQ(USER-AGENT)%",
  request_id: "%REQ(X-REQUEST-ID)%",
  authority: "%REQ(:AUTHORITY)%",
  upstream_host: "%UPSTREAM_HOST%",
  upstream_cluster: "%UPSTREAM_CLUSTER_RAW%",
  upstream_local_address: "%UPSTREAM_LOCAL_ADDRESS%",
  downstream_local_address: "%DOWNSTREAM_LOCAL_ADDRESS%",
  downstream_remote_address: "%DOWNSTREAM_REMOTE_ADDRESS%",
  requested_server_name: "%REQUESTED_SERVER_NAME%",
  route_name: "%ROUTE_NAME%",
} as const;

type Field = keyof typeof FIELDS;

/** How the text form groups and quotes them. */
const TEXT: readonly (Field | readonly ["quoted", ...Field[]])[] = [
  ["quoted", "method", "path", "protocol"],
  "response_code",
  "response_flags",
  "response_code_details",
  "connection_termination_details",
  ["quoted", "upstream_transport_failure_reason"],
  "bytes_received",
  "bytes_sent",
  "duration",
  "upstream_service_time",
  ["quoted", "x_forwarded_for"],
  ["quoted", "user_agent"],
  ["quoted", "request_id"],
  ["quoted", "authority"],
  ["quoted", "upstream_host"],
  "upstream_cluster",
  "upstream_local_address",
  "downstream_local_address",
  "downstream_remote_address",
  "requested_server_name",
  "route_name",
];

const TEXT_FORMAT = `[${FIELDS.start_time}] ${TEXT.map((part) => {
  if (typeof part === "string") return FIELDS[part];
  const [, ...fields] = part;
  return `"${fields.map((field) => FIELDS[field]).join(" ")}"`;
}).join(" ")}\n`;

/** In files requests and connections are written down in one format: what the latter do not have is `-`. */
export function accessLogsOf(
  sinks: readonly AccessLogSink[],
  capabilities: Capabilities,
  of: "requests" | "connections" = "connections",
): AccessLog[] {
  if (!capabilities.httpFeatures.has("access logs")) return [];
  return sinks.flatMap((sink): readonly AccessLog[] => {
    if (sink.kind === "requests") return [requestLog(sink, of, capabilities)];
    const config = sink.kind === "file" ? fileLog(sink) : collectorLog(sink, of, TEXT_FORMAT);
    return config === undefined ? [] : [accessLog(config, sink.filter, capabilities)];
  });
}

/** Connections that no filter chain of a listener wants: nothing else would tell of them. (`accesslog.go` setListenerAccessLog) */
export function unroutedLogsOf(sinks: readonly AccessLogSink[], capabilities: Capabilities): AccessLog[] {
  return accessLogsOf(sinks, capabilities).map((log) => {
    const filters = [NO_ROUTE, ...(log.filter === undefined ? [] : [log.filter])];
    const [only, second] = filters;
    const filter =
      second === undefined
        ? only!
        : create(AccessLogFilterSchema, { filterSpecifier: { case: "andFilter", value: { filters } } });
    return { ...log, filter };
  });
}

const NO_ROUTE = create(AccessLogFilterSchema, {
  filterSpecifier: { case: "responseFlagFilter", value: { flags: ["NR"] } },
});

function fileLog(sink: FileLogSink): LogConfig {
  const accessLogFormat = { case: "logFormat" as const, value: formatOf(sink) };
  const message = create(FileAccessLogSchema, { path: sink.path, accessLogFormat });
  return { name: "envoy.access_loggers.file", config: packed(FileAccessLogSchema, message) };
}

function accessLog({ name, config }: LogConfig, filter: string | undefined, { httpFeatures }: Capabilities): AccessLog {
  return create(AccessLogSchema, {
    name,
    configType: { case: "typedConfig", value: config },
    ...(filter === undefined || !understands(filter, httpFeatures)
      ? {}
      : { filter: { filterSpecifier: { case: "extensionFilter", value: expressionFilter(filter) } } }),
  });
}

/** What is no expression would make a proxy refuse all that it comes with: then everything is logged, and the status says why. */
function understands(filter: string, features: Capabilities["httpFeatures"]): boolean {
  const { error, missing } = checkExpression(filter);
  const complete = missing === null || features.has("all attributes in access log filters");
  return features.has("access log filters") && error === null && complete;
}

function formatOf({ format, omitEmptyValues }: FileLogSink): SubstitutionFormatString {
  if (format.type === "json") {
    const labels = (format.labels ?? {}) as JsonObject;
    return create(SubstitutionFormatStringSchema, {
      format: { case: "jsonFormat", value: Object.keys(labels).length === 0 ? FIELDS : labels },
      jsonFormatOptions: { sortProperties: false },
      omitEmptyValues,
      formatters: formattersOf(JSON.stringify(labels)),
    });
  }
  const { text = "" } = format;
  const line = text === "" ? TEXT_FORMAT : text.endsWith("\n") ? text : `${text}\n`;
  return create(SubstitutionFormatStringSchema, {
    format: { case: "textFormatSource", value: { specifier: { case: "inlineString", value: line } } },
    omitEmptyValues,
    formatters: formattersOf(line),
  });
}

/** The one command of Istio's that Envoy has as an extension only. (`telemetry_logging.go` accessLogTextFormatters) */
function formattersOf(format: string): TypedExtensionConfig[] {
  if (!format.includes("%REQ_WITHOUT_QUERY")) return [];
  return [
    create(TypedExtensionConfigSchema, {
      name: "envoy.formatter.req_without_query",
      typedConfig: packed(ReqWithoutQuerySchema, create(ReqWithoutQuerySchema)),
    }),
  ];
}

function expressionFilter(expression: string) {
  return {
    name: "envoy.access_loggers.extension_filters.cel",
    configType: {
      case: "typedConfig" as const,
      value: packed(ExpressionFilterSchema, create(ExpressionFilterSchema, { expression })),
    },
  };
}
