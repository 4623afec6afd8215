/**
 * Single requests, told to the control plane for whoever explains them (docs/decisions/0042). Our proxy tells those that went wrong first and all
 * others within a budget; an Envoy, which has no such budget but by resources of its own kind, tells them all.
 */
import { create } from "@bufbuild/protobuf";
import { AccessLogSchema } from "@tulle/xds/gen/envoy/config/accesslog/v3/accesslog_pb.js";
import type { AccessLog } from "@tulle/xds/gen/envoy/config/accesslog/v3/accesslog_pb.js";
import { ApiVersion } from "@tulle/xds/gen/envoy/config/core/v3/config_source_pb.js";
import {
  CommonGrpcAccessLogConfigSchema,
  HttpGrpcAccessLogConfigSchema,
  TcpGrpcAccessLogConfigSchema,
} from "@tulle/xds/gen/envoy/extensions/access_loggers/grpc/v3/als_pb.js";
import type { CommonGrpcAccessLogConfig } from "@tulle/xds/gen/envoy/extensions/access_loggers/grpc/v3/als_pb.js";
import { RequestLogSchema } from "@tulle/xds/gen/tulle/access_loggers/requests/v1/requests_pb.js";
import type { RequestLogSink } from "../model/telemetry.ts";
import type { Capabilities } from "./data-plane.ts";
import { packed } from "./packed.ts";

/** Requests that take longer are told before others. */
const SLOW_SECONDS = 1;
/** So many at once, and so many in each second after that: of a proxy of ours, 10 µs of CPU each. */
const NOTABLE = { burst: 200, perSecond: 100 };
const OTHERS = { burst: 100, perSecond: 50 };
/** A tap is live; batches are still worth while. */
const FLUSH_NANOS = 250_000_000;

/** What entries do not say by themselves. The ingest of requests (telemetry/ingest/requests.ts) knows them by these names. */
const TAGS: Readonly<Record<string, string>> = {
  trace_id: "%TRACE_ID%",
  cluster: "%UPSTREAM_CLUSTER_RAW%",
  upstream_tls: "%UPSTREAM_TLS_VERSION%",
  upstream_peer: "%UPSTREAM_PEER_URI_SAN%",
  upstream_local: "%UPSTREAM_LOCAL_URI_SAN%",
};

const ADDITIONAL = {
  additionalResponseHeadersToLog: ["grpc-status"],
  additionalResponseTrailersToLog: ["grpc-status"],
};

export function requestLog(
  sink: RequestLogSink,
  of: "requests" | "connections",
  { httpFeatures }: Capabilities,
): AccessLog {
  const commonConfig = commonOf(sink, of);
  const value = httpFeatures.has("request log")
    ? packed(
        RequestLogSchema,
        create(RequestLogSchema, {
          commonConfig,
          connections: of === "connections",
          slow: { seconds: BigInt(SLOW_SECONDS) },
          notable: bucket(NOTABLE),
          others: bucket(OTHERS),
          ...(of === "requests" ? ADDITIONAL : {}),
        }),
      )
    : of === "requests"
      ? packed(HttpGrpcAccessLogConfigSchema, create(HttpGrpcAccessLogConfigSchema, { commonConfig, ...ADDITIONAL }))
      : packed(TcpGrpcAccessLogConfigSchema, create(TcpGrpcAccessLogConfigSchema, { commonConfig }));
  return create(AccessLogSchema, { name: "tulle.requests", configType: { case: "typedConfig", value } });
}

function commonOf({ cluster, reporter }: RequestLogSink, of: "requests" | "connections"): CommonGrpcAccessLogConfig {
  const literal = { tag: "reporter", type: { case: "literal" as const, value: { value: reporter } } };
  const formats = Object.entries(TAGS).filter(([tag]) => of === "requests" || tag !== "trace_id");
  return create(CommonGrpcAccessLogConfigSchema, {
    logName: `tulle.${of}`,
    transportApiVersion: ApiVersion.V3,
    grpcService: { targetSpecifier: { case: "envoyGrpc", value: { clusterName: cluster } } },
    bufferFlushInterval: { nanos: FLUSH_NANOS },
    customTags: [literal, ...formats.map(([tag, value]) => ({ tag, type: { case: "value" as const, value } }))],
  });
}

function bucket({ burst, perSecond }: { readonly burst: number; readonly perSecond: number }) {
  return { maxTokens: burst, tokensPerFill: perSecond, fillInterval: { seconds: 1n } };
}
