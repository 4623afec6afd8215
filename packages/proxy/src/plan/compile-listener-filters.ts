import type {
  ListenerFilter,
  ListenerFilterChainMatchPredicate,
} from "@tulle/xds/gen/envoy/config/listener/v3/listener_components_pb.js";
import { ProxyProtocolConfig_Version as Version } from "@tulle/xds/gen/envoy/config/core/v3/proxy_protocol_pb.js";
import type { LocalRateLimit } from "@tulle/xds/gen/envoy/extensions/filters/listener/local_ratelimit/v3/local_ratelimit_pb.js";
import {
  type ProxyProtocol,
  ProxyProtocol_KeyValuePair_ValueStringEncoding as Encoding,
} from "@tulle/xds/gen/envoy/extensions/filters/listener/proxy_protocol/v3/proxy_protocol_pb.js";
import type { TlsInspector } from "@tulle/xds/gen/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector_pb.js";
import { compileBucket } from "./filters/local-rate-limit.ts";
import type {
  ConnectionTest,
  ListenerFilterConfig,
  ListenerFilterPlan,
  ProxyProtocolPlan,
  TlsInspectorPlan,
  TlvRulePlan,
} from "./listener-filter-plan.ts";
import type { Place } from "./problems.ts";
import { compilePassThrough } from "./proxy-header.ts";
import { type Extension, unpackExtension } from "./schemas.ts";
import {
  HTTP_INSPECTOR,
  LISTENER_LOCAL_RATE_LIMIT,
  ORIGINAL_DST,
  PROXY_PROTOCOL,
  TLS_INSPECTOR,
} from "./supported-fields/index.ts";

/** Source: Envoy `source/extensions/filters/listener/tls_inspector/tls_inspector.h`, TLS_MAX_CLIENT_HELLO. */
const MAX_HELLO_BYTES = 16 * 1024;

/** Where TLVs go of which nothing else is said. */
const PROXY_PROTOCOL_NAMESPACE = "envoy.filters.listener.proxy_protocol";

/** What `use_original_dst` stands for. */
export const ADDED_ORIGINAL_DST: ListenerFilterPlan = {
  name: "envoy.filters.listener.original_dst",
  disabledFor: null,
  config: { kind: "original-dst" },
};

/** What was refused is left out. */
export function compileListenerFilters(
  filters: readonly ListenerFilter[],
  place: (index: number) => Place,
): readonly ListenerFilterPlan[] {
  return filters.flatMap((filter, i) => {
    if (filter.configType.case !== "typedConfig") return [];
    const extension = unpackExtension(filter.configType.value);
    const config = compileConfig(extension, place(i).packed("typed_config", extension.typeUrl));
    if (config === null) return [];
    const disabledFor = filter.filterDisabled === undefined ? null : compilePredicate(filter.filterDisabled);
    return [{ name: filter.name, disabledFor, config }];
  });
}

function compileConfig({ typeName, message }: Extension, place: Place): ListenerFilterConfig | null {
  switch (typeName) {
    case TLS_INSPECTOR:
      return compileTlsInspector(message as TlsInspector, place);
    case HTTP_INSPECTOR:
      return { kind: "http-inspector" };
    case ORIGINAL_DST:
      return { kind: "original-dst" };
    case PROXY_PROTOCOL:
      return compileProxyProtocol(message as ProxyProtocol);
    case LISTENER_LOCAL_RATE_LIMIT: {
      const { statPrefix, tokenBucket } = message as LocalRateLimit;
      if (tokenBucket === undefined) return null;
      const bucket = compileBucket(tokenBucket, "local rate limit token bucket", place.field("token_bucket"));
      return { kind: "local-rate-limit", statPrefix, bucket };
    }
    default:
      return null;
  }
}

function compileTlsInspector(message: TlsInspector, place: Place): TlsInspectorPlan {
  const { maxClientHelloSize: max = MAX_HELLO_BYTES } = message;
  if (max > MAX_HELLO_BYTES) {
    place
      .field("max_client_hello_size")
      .refuse(`max_client_hello_size of ${max} is greater than maximum of ${MAX_HELLO_BYTES}.`);
  }
  return {
    kind: "tls-inspector",
    ja3: message.enableJa3Fingerprinting ?? false,
    ja4: message.enableJa4Fingerprinting ?? false,
    maxHelloBytes: max,
    closesOnErrors: message.closeConnectionOnClientHelloParsingErrors,
  };
}

function compileProxyProtocol(message: ProxyProtocol): ProxyProtocolPlan {
  const rules = new Map<number, TlvRulePlan>();
  for (const { tlvType, onTlvPresent } of message.rules) {
    if (onTlvPresent === undefined) continue;
    const { metadataNamespace, key, valueStringEncoding } = onTlvPresent;
    rules.set(tlvType, {
      namespace: metadataNamespace === "" ? PROXY_PROTOCOL_NAMESPACE : metadataNamespace,
      key,
      base64: valueStringEncoding === Encoding.BASE64,
    });
  }
  return {
    kind: "proxy-protocol",
    statPrefix: message.statPrefix,
    optional: message.allowRequestsWithoutProxyProtocol,
    allowsV1: !message.disallowedVersions.includes(Version.V1),
    allowsV2: !message.disallowedVersions.includes(Version.V2),
    rules,
    passes: compilePassThrough(message.passThroughTlvs),
  };
}

/** Envoy `source/common/network/filter_matcher.cc`. */
function compilePredicate({ rule }: ListenerFilterChainMatchPredicate): ConnectionTest {
  switch (rule.case) {
    case "orMatch": {
      const tests = rule.value.rules.map(compilePredicate);
      return (port) => tests.some((test) => test(port));
    }
    case "andMatch": {
      const tests = rule.value.rules.map(compilePredicate);
      return (port) => tests.every((test) => test(port));
    }
    case "notMatch": {
      const test = compilePredicate(rule.value);
      return (port) => !test(port);
    }
    case "destinationPortRange": {
      const { start, end } = rule.value;
      return (port) => port >= start && port < end;
    }
    default:
      return () => true;
  }
}
