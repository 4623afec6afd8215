import { toBinary } from "@bufbuild/protobuf";
import {
  type Cluster,
  ClusterSchema,
  Cluster_DiscoveryType as Discovery,
  Cluster_LbPolicy as LbPolicy,
} from "@tulle/xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import { RoutingPriority } from "@tulle/xds/gen/envoy/config/core/v3/base_pb.js";
import {
  HttpProtocolOptions_HeadersWithUnderscoresAction as Underscores,
  type Http1ProtocolOptions,
  type HttpProtocolOptions,
} from "@tulle/xds/gen/envoy/config/core/v3/protocol_pb.js";
import type { HttpProtocolOptions as UpstreamOptions } from "@tulle/xds/gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js";
import { statNameOf } from "../stats/index.ts";
import { compileBalancer } from "./compile-balancer.ts";
import { DEFAULT_BUFFER_LIMIT_BYTES } from "./compile-listener.ts";
import { milliseconds } from "./duration.ts";
import { fingerprintOf } from "./fingerprint.ts";
import { filterMetadata } from "./metadata.ts";
import type { CircuitBreakerPlan, ClusterPlan } from "./plan.ts";
import type { Place } from "./problems.ts";
import { unpackExtension } from "./schemas.ts";
import { HTTP_PROTOCOL_OPTIONS } from "./supported-fields/index.ts";

export interface ClusterContext {
  /** Name of the cluster that the management server is reached by: the only one that may speak HTTP/2. */
  readonly adsCluster: string | null;
}

/** Sources: Envoy api/envoy/config/cluster/v3/{cluster,circuit_breaker}.proto, api/envoy/config/core/v3/protocol.proto. */
const DEFAULTS = {
  connectTimeoutMs: 5_000,
  idleTimeoutMs: 3_600_000,
  maxResponseHeadersKb: 60,
  maxHeadersCount: 100,
  healthyPanicThreshold: 50,
  thresholds: { maxConnections: 1024, maxPendingRequests: 1024, maxRequests: 1024, maxRetries: 3 },
  retryBudget: { percent: 20, minConcurrency: 3 },
} as const;

const DISCOVERY: Readonly<Record<number, ClusterPlan["discovery"]>> = {
  [Discovery.STATIC]: "static",
  [Discovery.EDS]: "eds",
  [Discovery.STRICT_DNS]: "strict-dns",
  [Discovery.LOGICAL_DNS]: "logical-dns",
  [Discovery.ORIGINAL_DST]: "original-dst",
};

/** The message must have passed `checkMessage`; what is refused here is reported to `place`. */
export function compileCluster(message: Cluster, context: ClusterContext, place: Place): ClusterPlan {
  const discovery = compileDiscovery(message, place);
  const http = compileHttpOptions(message, context, place);
  return {
    name: message.name,
    statName: statNameOf(message.altStatName === "" ? message.name : message.altStatName),
    discovery,
    edsServiceName: message.edsClusterConfig?.serviceName ?? "",
    ...compileBalancer(message, place),
    connectTimeoutMs: milliseconds(message.connectTimeout, DEFAULTS.connectTimeoutMs),
    bufferLimitBytes: message.perConnectionBufferLimitBytes ?? DEFAULT_BUFFER_LIMIT_BYTES,
    maxRequestsPerConnection: http?.maxRequestsPerConnection ?? message.maxRequestsPerConnection ?? 0,
    maxStreamDurationMs: milliseconds(http?.maxStreamDuration, 0),
    idleTimeoutMs: milliseconds(http?.idleTimeout, DEFAULTS.idleTimeoutMs),
    maxResponseHeadersBytes: DEFAULTS.maxResponseHeadersKb * 1024,
    maxResponseHeadersCount: http?.maxHeadersCount ?? DEFAULTS.maxHeadersCount,
    thresholds: [compileThresholds(message, RoutingPriority.DEFAULT), compileThresholds(message, RoutingPriority.HIGH)],
    healthyPanicThreshold: message.commonLbConfig?.healthyPanicThreshold?.value ?? DEFAULTS.healthyPanicThreshold,
    metadata: filterMetadata(message.metadata),
    service: istioService(message),
    fingerprint: fingerprintOf(toBinary(ClusterSchema, message)),
  };
}

function compileDiscovery(message: Cluster, place: Place): ClusterPlan["discovery"] {
  const type = message.clusterDiscoveryType.case === "type" ? message.clusterDiscoveryType.value : Discovery.STATIC;
  const discovery = DISCOVERY[type];
  if (discovery === undefined) {
    place.field("type").refuse(`${enumName(Discovery, type)} is not supported`);
    return "static";
  }
  if (discovery === "original-dst") checkOriginalDst(message, place);
  if (discovery === "eds" && message.edsClusterConfig === undefined) {
    place.refuse("cannot create an EDS cluster without an EDS config");
  }
  if (discovery === "eds" && message.loadAssignment !== undefined) {
    place.field("load_assignment").refuse("an EDS cluster cannot have a load_assignment");
  }
  if (discovery !== "eds" && message.edsClusterConfig !== undefined) {
    place.field("eds_cluster_config").refuse("cannot be set on a cluster that is not of type EDS");
  }
  return discovery;
}

/** Envoy's words (`source/extensions/clusters/original_dst/original_dst_cluster.cc`). */
function checkOriginalDst(message: Cluster, place: Place): void {
  if (message.lbPolicy !== LbPolicy.CLUSTER_PROVIDED) {
    place
      .field("lb_policy")
      .refuse(
        `cluster: LB policy ${enumName(LbPolicy, message.lbPolicy)} is not valid for Cluster type ORIGINAL_DST. ` +
          "Only 'CLUSTER_PROVIDED' is allowed with cluster type 'ORIGINAL_DST'",
      );
  }
  if (message.loadAssignment !== undefined) {
    place.field("load_assignment").refuse("ORIGINAL_DST clusters must have no load assignment configured");
  }
}

/** The first of a priority holds. */
function compileThresholds(message: Cluster, priority: RoutingPriority): CircuitBreakerPlan {
  const found = message.circuitBreakers?.thresholds.find((each) => each.priority === priority);
  const { thresholds, retryBudget } = DEFAULTS;
  const budget = found?.retryBudget;
  return {
    maxConnections: found?.maxConnections ?? thresholds.maxConnections,
    maxPendingRequests: found?.maxPendingRequests ?? thresholds.maxPendingRequests,
    maxRequests: found?.maxRequests ?? thresholds.maxRequests,
    maxRetries: found?.maxRetries ?? thresholds.maxRetries,
    maxConnectionPools: found?.maxConnectionPools ?? Infinity,
    retryBudget:
      budget === undefined
        ? null
        : {
            percent: budget.budgetPercent?.value ?? retryBudget.percent,
            minConcurrency: budget.minRetryConcurrency ?? retryBudget.minConcurrency,
          },
    trackRemaining: found?.trackRemaining ?? false,
  };
}

/** The protocol-independent options, after the protocol ones have been checked. */
function compileHttpOptions(message: Cluster, context: ClusterContext, place: Place): HttpProtocolOptions | undefined {
  const mayUseHttp2 = message.name === context.adsCluster;
  const any = message.typedExtensionProtocolOptions[HTTP_PROTOCOL_OPTIONS];
  if (any === undefined) {
    if (message.http2ProtocolOptions !== undefined && !mayUseHttp2)
      place.field("http2_protocol_options").refuse(NO_HTTP2);
    checkHttp1(message.httpProtocolOptions, place.field("http_protocol_options"));
    checkCommon(message.commonHttpProtocolOptions, place.field("common_http_protocol_options"));
    return message.commonHttpProtocolOptions;
  }
  for (const name of ["httpProtocolOptions", "http2ProtocolOptions", "commonHttpProtocolOptions"] as const) {
    if (message[name] !== undefined)
      place.refuse(`${HTTP_PROTOCOL_OPTIONS} and the cluster's own protocol options exclude each other`);
  }
  const options = unpackExtension(any).message as UpstreamOptions | null;
  const at = place.packed(`typed_extension_protocol_options["${HTTP_PROTOCOL_OPTIONS}"]`, any.typeUrl);
  const protocol = options?.upstreamProtocolOptions;
  if (protocol?.case === "explicitHttpConfig") {
    const explicit = protocol.value.protocolConfig;
    const config = at.field("explicit_http_config");
    if (explicit.case === "http2ProtocolOptions" && !mayUseHttp2)
      config.field("http2_protocol_options").refuse(NO_HTTP2);
    if (explicit.case === "httpProtocolOptions") checkHttp1(explicit.value, config.field("http_protocol_options"));
  } else if (protocol?.case === "useDownstreamProtocolConfig") {
    checkHttp1(protocol.value.httpProtocolOptions, at.field("use_downstream_protocol_config.http_protocol_options"));
  }
  checkCommon(options?.commonHttpProtocolOptions, at.field("common_http_protocol_options"));
  return options?.commonHttpProtocolOptions;
}

const NO_HTTP2 = "HTTP/2 is supported only for the cluster of the management server (ads_config)";

/** These have a meaning for listeners, and none that we have for clusters. */
function checkHttp1(options: Http1ProtocolOptions | undefined, place: Place): void {
  if (options?.enableTrailers) place.field("enable_trailers").refuse("is not supported for a cluster");
  if (options?.allowChunkedLength) place.field("allow_chunked_length").refuse("is not supported for a cluster");
}

function checkCommon(options: HttpProtocolOptions | undefined, place: Place): void {
  if (options?.maxConnectionDuration !== undefined)
    place.field("max_connection_duration").refuse("is not supported for a cluster");
  if (options !== undefined && options.headersWithUnderscoresAction !== Underscores.ALLOW) {
    place.field("headers_with_underscores_action").refuse("is not supported for a cluster");
  }
}

/** Istio's `filter_metadata.istio.services[0]`. */
function istioService(message: Cluster): ClusterPlan["service"] {
  const services = message.metadata?.filterMetadata["istio"]?.["services"];
  const first = Array.isArray(services) ? services[0] : undefined;
  if (typeof first !== "object" || first === null || Array.isArray(first)) return null;
  const text = (key: string): string => (typeof first[key] === "string" ? first[key] : "");
  return { host: text("host"), name: text("name"), namespace: text("namespace") };
}

function enumName(values: Readonly<Record<number, string>>, value: number): string {
  return values[value] ?? String(value);
}
