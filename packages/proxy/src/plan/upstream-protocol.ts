/** How a cluster's connections speak HTTP: its own fields, or `HttpProtocolOptions` in `typed_extension_protocol_options`. */
import type { Cluster } from "@tulle/xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import {
  HttpProtocolOptions_HeadersWithUnderscoresAction as Underscores,
  type Http1ProtocolOptions,
  type HttpProtocolOptions,
  type UpstreamHttpProtocolOptions,
} from "@tulle/xds/gen/envoy/config/core/v3/protocol_pb.js";
import type { HttpProtocolOptions as UpstreamOptions } from "@tulle/xds/gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js";
import type { DnsCacheConfigs } from "./compile-dns-cache.ts";
import type { SecretRefs } from "./compile-tls.ts";
import type { AutoSniPlan } from "./cluster-plan.ts";
import { compileErrorMatcher } from "./compile-outlier-detection.ts";
import type { ResponseTest } from "./request-views.ts";
import type { Place } from "./problems.ts";
import { unpackExtension } from "./schemas.ts";
import { HTTP_PROTOCOL_OPTIONS } from "./supported-fields/index.ts";

export interface ClusterContext {
  /** Clusters that gRPC streams of the proxy's own go to: the only ones that may speak HTTP/2. */
  readonly grpcClusters: ReadonlySet<string>;
  readonly dnsCaches: DnsCacheConfigs;
  readonly secrets: SecretRefs;
}

/** Unix sockets are for gRPC services of the proxy's own. */
function hasPipe({ loadAssignment }: Cluster): boolean {
  return (loadAssignment?.endpoints ?? []).some(({ lbEndpoints }) =>
    lbEndpoints.some(
      ({ hostIdentifier: { case: kind, value } }) => kind === "endpoint" && value.address?.address.case === "pipe",
    ),
  );
}

export interface UpstreamProtocol {
  /** The protocol-independent options; those of HTTP/1.1 have been checked. */
  readonly common: HttpProtocolOptions | undefined;
  readonly http1: Http1ProtocolOptions | undefined;
  /** Which responses are errors to outlier detection; null: 5xx. */
  readonly errorMatcher: ResponseTest | null;
  readonly autoSni: AutoSniPlan | null;
}

export function compileUpstreamProtocol(message: Cluster, context: ClusterContext, place: Place): UpstreamProtocol {
  const mayUseHttp2 = context.grpcClusters.has(message.name) || hasPipe(message);
  const any = message.typedExtensionProtocolOptions[HTTP_PROTOCOL_OPTIONS];
  if (any === undefined) {
    if (message.http2ProtocolOptions !== undefined && !mayUseHttp2)
      place.field("http2_protocol_options").refuse(NO_HTTP2);
    checkHttp1(message.httpProtocolOptions, place.field("http_protocol_options"));
    checkCommon(message.commonHttpProtocolOptions, place.field("common_http_protocol_options"));
    return {
      common: message.commonHttpProtocolOptions,
      http1: message.httpProtocolOptions,
      errorMatcher: null,
      autoSni: compileAutoSni(message.upstreamHttpProtocolOptions),
    };
  }
  for (const name of ["httpProtocolOptions", "http2ProtocolOptions", "commonHttpProtocolOptions"] as const) {
    if (message[name] !== undefined)
      place.refuse(`${HTTP_PROTOCOL_OPTIONS} and the cluster's own protocol options exclude each other`);
  }
  const options = unpackExtension(any).message as UpstreamOptions | null;
  const at = place.packed(`typed_extension_protocol_options["${HTTP_PROTOCOL_OPTIONS}"]`, any.typeUrl);
  const protocol = options?.upstreamProtocolOptions;
  let http1: Http1ProtocolOptions | undefined;
  if (protocol?.case === "explicitHttpConfig") {
    const explicit = protocol.value.protocolConfig;
    const config = at.field("explicit_http_config");
    if (explicit.case === "http2ProtocolOptions" && !mayUseHttp2)
      config.field("http2_protocol_options").refuse(NO_HTTP2);
    if (explicit.case === "httpProtocolOptions") http1 = explicit.value;
    checkHttp1(http1, config.field("http_protocol_options"));
  } else if (protocol?.case === "useDownstreamProtocolConfig") {
    http1 = protocol.value.httpProtocolOptions;
    checkHttp1(http1, at.field("use_downstream_protocol_config.http_protocol_options"));
  }
  checkCommon(options?.commonHttpProtocolOptions, at.field("common_http_protocol_options"));
  const matcher = options?.outlierDetection?.errorMatcher;
  return {
    common: options?.commonHttpProtocolOptions,
    http1,
    autoSni: compileAutoSni(options?.upstreamHttpProtocolOptions),
    errorMatcher:
      matcher === undefined ? null : compileErrorMatcher(matcher, at.field("outlier_detection.error_matcher")),
  };
}

function compileAutoSni(options: UpstreamHttpProtocolOptions | undefined): AutoSniPlan | null {
  if (options === undefined || (!options.autoSni && !options.autoSanValidation)) return null;
  return {
    sni: options.autoSni,
    names: options.autoSanValidation,
    header: options.overrideAutoSniHeader.toLowerCase(),
  };
}

const NO_HTTP2 = "HTTP/2 is supported only for clusters of the proxy's own gRPC streams (ads_config, SDS)";

/** These have a meaning for listeners, and none that we have for clusters. */
function checkHttp1(options: Http1ProtocolOptions | undefined, place: Place): void {
  if (options?.allowChunkedLength) place.field("allow_chunked_length").refuse("is not supported for a cluster");
}

function checkCommon(options: HttpProtocolOptions | undefined, place: Place): void {
  if (options !== undefined && options.headersWithUnderscoresAction !== Underscores.ALLOW) {
    place.field("headers_with_underscores_action").refuse("is not supported for a cluster");
  }
}
