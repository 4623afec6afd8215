/** Access logs that services collect: over Envoy's AccessLogService, or as OpenTelemetry's. (istio/istio `pilot/pkg/model/telemetry_logging.go`) */
import { create } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import { ApiVersion } from "@tulle/xds/gen/envoy/config/core/v3/config_source_pb.js";
import {
  CommonGrpcAccessLogConfigSchema,
  HttpGrpcAccessLogConfigSchema,
  TcpGrpcAccessLogConfigSchema,
} from "@tulle/xds/gen/envoy/extensions/access_loggers/grpc/v3/als_pb.js";
import type { CommonGrpcAccessLogConfig } from "@tulle/xds/gen/envoy/extensions/access_loggers/grpc/v3/als_pb.js";
import { OpenTelemetryAccessLogConfigSchema } from "@tulle/xds/gen/envoy/extensions/access_loggers/open_telemetry/v3/logs_service_pb.js";
import { AnyValueSchema, KeyValueListSchema } from "@tulle/xds/gen/opentelemetry/proto/common/v1/common_pb.js";
import type { AnyValue, KeyValueList } from "@tulle/xds/gen/opentelemetry/proto/common/v1/common_pb.js";
import type { CollectorSink } from "../model/telemetry.ts";
import { outboundCluster } from "./names.ts";
import { packed } from "./packed.ts";

/** An access log's name and configuration. */
export interface LogConfig {
  readonly name: string;
  readonly config: Any;
}

/** `[namespace/]host`, and a port of it. */
interface Service {
  readonly service: string;
  readonly port: number;
  readonly logName?: string;
  readonly filterStateObjectsToLog?: readonly string[];
}

/** Undefined: the provider does not collect what is logged there. @param text Istio's text format */
export function collectorLog(
  { provider: { envoyHttpAls, envoyTcpAls, envoyOtelAls } }: CollectorSink,
  of: "requests" | "connections",
  text: string,
): LogConfig | undefined {
  if (envoyHttpAls !== undefined) {
    if (of === "connections") return undefined;
    const message = create(HttpGrpcAccessLogConfigSchema, {
      commonConfig: commonOf(envoyHttpAls, "http_envoy_accesslog"),
      additionalRequestHeadersToLog: [...(envoyHttpAls.additionalRequestHeadersToLog ?? [])],
      additionalResponseHeadersToLog: [...(envoyHttpAls.additionalResponseHeadersToLog ?? [])],
      additionalResponseTrailersToLog: [...(envoyHttpAls.additionalResponseTrailersToLog ?? [])],
    });
    return { name: "envoy.access_loggers.http_grpc", config: packed(HttpGrpcAccessLogConfigSchema, message) };
  }
  if (envoyTcpAls !== undefined) {
    if (of === "requests") return undefined;
    const commonConfig = commonOf(envoyTcpAls, "tcp_envoy_accesslog");
    const message = create(TcpGrpcAccessLogConfigSchema, { commonConfig });
    return { name: "envoy.access_loggers.tcp_grpc", config: packed(TcpGrpcAccessLogConfigSchema, message) };
  }
  if (envoyOtelAls === undefined) return undefined;
  const { logFormat } = envoyOtelAls;
  const labels = Object.entries((logFormat?.labels ?? {}) as Readonly<Record<string, unknown>>);
  const message = create(OpenTelemetryAccessLogConfigSchema, {
    commonConfig: commonOf(envoyOtelAls, "otel_envoy_accesslog"),
    disableBuiltinLabels: true,
    body: textValue(logFormat?.text ?? text),
    ...(labels.length === 0 ? {} : { attributes: attributesOf(labels) }),
  });
  return { name: "envoy.access_loggers.open_telemetry", config: packed(OpenTelemetryAccessLogConfigSchema, message) };
}

function commonOf(
  { service, port, logName = "", filterStateObjectsToLog = [] }: Service,
  defaultName: string,
): CommonGrpcAccessLogConfig {
  const host = service.slice(service.indexOf("/") + 1);
  return create(CommonGrpcAccessLogConfigSchema, {
    logName: logName === "" ? defaultName : logName,
    transportApiVersion: ApiVersion.V3,
    grpcService: {
      targetSpecifier: {
        case: "envoyGrpc",
        value: { clusterName: outboundCluster(port, "", host), authority: host },
      },
    },
    filterStateObjectsToLog: [...filterStateObjectsToLog],
  });
}

/** Texts are formats; what is none is written as it is. */
function attributesOf(labels: readonly (readonly [string, unknown])[]): KeyValueList {
  const values = labels
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => ({ key, value: textValue(typeof value === "string" ? value : JSON.stringify(value)) }));
  return create(KeyValueListSchema, { values });
}

function textValue(text: string): AnyValue {
  return create(AnyValueSchema, { value: { case: "stringValue", value: text } });
}
