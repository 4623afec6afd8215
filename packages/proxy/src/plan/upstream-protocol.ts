/** How a cluster's connections speak HTTP: its own fields, or `HttpProtocolOptions` in `typed_extension_protocol_options`. */
import type { Cluster } from "@tulle/xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import {
  HttpProtocolOptions_HeadersWithUnderscoresAction as Underscores,
  type Http1ProtocolOptions,
  type Http2ProtocolOptions,
  type HttpProtocolOptions,
  type UpstreamHttpProtocolOptions,
} from "@tulle/xds/gen/envoy/config/core/v3/protocol_pb.js";
import type { HttpProtocolOptions as UpstreamOptions } from "@tulle/xds/gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js";
import type { DnsCacheConfigs } from "./compile-dns-cache.ts";
import type { SecretRefs } from "./compile-tls.ts";
import type { AutoSniPlan, ClusterPlan } from "./cluster-plan.ts";
import { DEFAULT_BUFFER_LIMIT_BYTES } from "./compile-listener.ts";
import { compileHttp2Options } from "./http2-options.ts";
import { compileErrorMatcher } from "./compile-outlier-detection.ts";
import type { ResponseTest } from "./request-views.ts";
import type { Place } from "./problems.ts";
import { unpackExtension } from "./schemas.ts";
import { HTTP_PROTOCOL_OPTIONS } from "./supported-fields/index.ts";

export interface ClusterContext {
  readonly dnsCaches: DnsCacheConfigs;
  readonly secrets: SecretRefs;
}

export interface UpstreamProtocol extends Pick<ClusterPlan, "protocol" | "http2"> {
  /** Of HTTP/2 where nothing says that it is spoken: between proxies of ours. */
  readonly peerHttp2: ClusterPlan["http2"];
  /** The protocol-independent options; those of HTTP/1.1 have been checked. */
  readonly common: HttpProtocolOptions | undefined;
  readonly http1: Http1ProtocolOptions | undefined;
  /** Which responses are errors to outlier detection; null: 5xx. */
  readonly errorMatcher: ResponseTest | null;
  readonly autoSni: AutoSniPlan | null;
}

/** Source: Envoy `source/extensions/upstreams/http/config.cc`. */
export function compileUpstreamProtocol(message: Cluster, place: Place): UpstreamProtocol {
  const any = message.typedExtensionProtocolOptions[HTTP_PROTOCOL_OPTIONS];
  const http2 = (
    options: Http2ProtocolOptions | undefined,
    common: HttpProtocolOptions | undefined,
    at: Place,
  ): ClusterPlan["http2"] =>
    compileHttp2Options(
      options,
      {
        maxHeadersBytes: (common?.maxResponseHeadersKb ?? MAX_RESPONSE_HEADERS_KB) * 1024,
        maxHeadersCount: common?.maxHeadersCount ?? MAX_HEADERS_COUNT,
        headersWithUnderscores: "allow",
        bufferLimitBytes: message.perConnectionBufferLimitBytes ?? DEFAULT_BUFFER_LIMIT_BYTES,
        streamErrorOnInvalidMessage: false,
      },
      at,
    );
  if (any === undefined) {
    const own = message.http2ProtocolOptions;
    checkHttp1(message.httpProtocolOptions, place.field("http_protocol_options"));
    checkCommon(message.commonHttpProtocolOptions, place.field("common_http_protocol_options"));
    return {
      peerHttp2: http2(undefined, message.commonHttpProtocolOptions, place),
      protocol: own === undefined ? "http1" : "http2",
      http2:
        own === undefined ? null : http2(own, message.commonHttpProtocolOptions, place.field("http2_protocol_options")),
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
  const common = options?.commonHttpProtocolOptions;
  const chosen = options?.upstreamProtocolOptions;
  let http1: Http1ProtocolOptions | undefined;
  let protocol: ClusterPlan["protocol"] = "http1";
  let http2Plan: ClusterPlan["http2"] = null;
  if (chosen?.case === "explicitHttpConfig") {
    const explicit = chosen.value.protocolConfig;
    const config = at.field("explicit_http_config");
    if (explicit.case === "http2ProtocolOptions") {
      protocol = "http2";
      http2Plan = http2(explicit.value, common, config.field("http2_protocol_options"));
    }
    if (explicit.case === "httpProtocolOptions") http1 = explicit.value;
    checkHttp1(http1, config.field("http_protocol_options"));
  } else if (chosen?.case === "useDownstreamProtocolConfig" || chosen?.case === "autoConfig") {
    const automatic = chosen.case === "autoConfig";
    const config = at.field(automatic ? "auto_config" : "use_downstream_protocol_config");
    protocol = automatic ? "alpn" : "downstream";
    http1 = chosen.value.httpProtocolOptions;
    checkHttp1(http1, config.field("http_protocol_options"));
    http2Plan = http2(chosen.value.http2ProtocolOptions, common, config.field("http2_protocol_options"));
    if (automatic && message.transportSocket === undefined && message.transportSocketMatches.length === 0) {
      config.refuse("needs a transport socket that negotiates the protocol (ALPN)");
    }
  }
  checkCommon(common, at.field("common_http_protocol_options"));
  const matcher = options?.outlierDetection?.errorMatcher;
  return {
    peerHttp2: http2(undefined, common, at),
    protocol,
    http2: http2Plan,
    common,
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

/** Of HTTP/2 upstreams, as a running Envoy 1.40 counts it. */
const MAX_RESPONSE_HEADERS_KB = 60;
const MAX_HEADERS_COUNT = 100;

/** These have a meaning for listeners, and none that we have for clusters. */
function checkHttp1(options: Http1ProtocolOptions | undefined, place: Place): void {
  if (options?.allowChunkedLength) place.field("allow_chunked_length").refuse("is not supported for a cluster");
}

function checkCommon(options: HttpProtocolOptions | undefined, place: Place): void {
  if (options !== undefined && options.headersWithUnderscoresAction !== Underscores.ALLOW) {
    place.field("headers_with_underscores_action").refuse("is not supported for a cluster");
  }
}
