import type { ConnectionLimit } from "@tulle/xds/gen/envoy/extensions/filters/network/connection_limit/v3/connection_limit_pb.js";
import type { ExtAuthz } from "@tulle/xds/gen/envoy/extensions/filters/network/ext_authz/v3/ext_authz_pb.js";
import type { LocalRateLimit } from "@tulle/xds/gen/envoy/extensions/filters/network/local_ratelimit/v3/local_rate_limit_pb.js";
import {
  type RBAC,
  RBAC_EnforcementType as Enforcement,
} from "@tulle/xds/gen/envoy/extensions/filters/network/rbac/v3/rbac_pb.js";
import type { Permission, Principal, RBAC as RulesMessage } from "@tulle/xds/gen/envoy/config/rbac/v3/rbac_pb.js";
import type { Workload } from "@tulle/telemetry";
import { milliseconds } from "./duration.ts";
import { type MetadataTest, compileMetadataMatcher } from "./dynamic-metadata.ts";
import { type AuthzGrpcPlan, compileGrpcService } from "./filters/ext-authz.ts";
import { type MeshStatsConfig, compileMeshStats } from "./filters/mesh-stats.ts";
import { type TokenBucketPlan, compileBucket } from "./filters/local-rate-limit.ts";
import { type RbacEnginePlan, compileEither } from "./filters/rbac.ts";
import type { Place } from "./problems.ts";
import type { Extension } from "./schemas.ts";
import {
  CONNECTION_LIMIT,
  MESH_STATS,
  NETWORK_EXT_AUTHZ,
  NETWORK_LOCAL_RATE_LIMIT,
  NETWORK_RBAC,
  SNI_CLUSTER,
} from "./supported-fields/index.ts";

/** A filter of a chain before its last: it may end a connection, or say something of it. */
export type NetworkFilterPlan =
  | NetworkRbacPlan
  | NetworkExtAuthzPlan
  | {
      readonly kind: "connection-limit";
      readonly statPrefix: string;
      readonly maxConnections: number;
      readonly delayMs: number;
    }
  | { readonly kind: "local-rate-limit"; readonly statPrefix: string; readonly bucket: TokenBucketPlan }
  | { readonly kind: "mesh-stats"; readonly config: MeshStatsConfig }
  /** The server name that the client asks for is the cluster's. */
  | { readonly kind: "sni-cluster" };

export interface NetworkRbacPlan {
  readonly kind: "rbac";
  readonly statPrefix: string;
  /** Null: everything is allowed, and nothing counted. */
  readonly rules: RbacEnginePlan | null;
  readonly shadowRules: RbacEnginePlan | null;
  readonly shadowStatPrefix: string;
  /** Whenever something comes, not only the first time. */
  readonly continuous: boolean;
  readonly delayMs: number;
}

export interface NetworkExtAuthzPlan {
  readonly kind: "ext-authz";
  readonly statPrefix: string;
  readonly service: AuthzGrpcPlan;
  readonly failureModeAllow: boolean;
  readonly includePeerCertificate: boolean;
  /** The server is told the server name that the client has asked for. */
  readonly includeTlsSession: boolean;
  /** Null for all. */
  readonly enabledMetadata: MetadataTest | null;
}

/** Undefined: it is none of them; null: it was refused. */
export function compileNetworkFilter(
  { typeName, message, content }: Extension,
  localWorkload: Workload,
  place: Place,
): NetworkFilterPlan | null | undefined {
  switch (typeName) {
    case NETWORK_RBAC:
      return compileNetworkRbac(message as RBAC, place);
    case NETWORK_EXT_AUTHZ:
      return compileExtAuthz(message as ExtAuthz, place);
    case CONNECTION_LIMIT: {
      const { statPrefix, maxConnections, delay } = message as ConnectionLimit;
      const max = maxConnections === undefined ? Infinity : Number(maxConnections);
      return { kind: "connection-limit", statPrefix, maxConnections: max, delayMs: milliseconds(delay, 0) };
    }
    case NETWORK_LOCAL_RATE_LIMIT: {
      const { statPrefix, tokenBucket } = message as LocalRateLimit;
      if (tokenBucket === undefined) return null;
      const bucket = compileBucket(tokenBucket, "local rate limit token bucket", place.field("token_bucket"));
      return { kind: "local-rate-limit", statPrefix, bucket };
    }
    case MESH_STATS:
      return { kind: "mesh-stats", config: compileMeshStats(content, localWorkload, place) };
    case SNI_CLUSTER:
      return { kind: "sni-cluster" };
    default:
      return undefined;
  }
}

function compileExtAuthz(message: ExtAuthz, place: Place): NetworkExtAuthzPlan | null {
  const { grpcService, filterEnabledMetadata: enabled } = message;
  if (grpcService === undefined) {
    place.field("grpc_service").refuse("is required");
    return null;
  }
  return {
    kind: "ext-authz",
    statPrefix: message.statPrefix,
    service: compileGrpcService(grpcService, place.field("grpc_service")),
    failureModeAllow: message.failureModeAllow,
    includePeerCertificate: message.includePeerCertificate,
    includeTlsSession: message.includeTlsSession,
    enabledMetadata:
      enabled === undefined ? null : compileMetadataMatcher(enabled, place.field("filter_enabled_metadata")),
  };
}

function compileNetworkRbac(message: RBAC, place: Place): NetworkRbacPlan {
  const { rules, matcher, shadowRules, shadowMatcher } = message;
  refuseHttpRules(rules, place.field("rules"));
  refuseHttpRules(shadowRules, place.field("shadow_rules"));
  return {
    kind: "rbac",
    statPrefix: message.statPrefix,
    rules: compileEither(rules, "rules", matcher, "matcher", place),
    shadowRules: compileEither(shadowRules, "shadow_rules", shadowMatcher, "shadow_matcher", place),
    shadowStatPrefix: message.shadowRulesStatPrefix,
    continuous: message.enforcementType === Enforcement.CONTINUOUS,
    delayMs: milliseconds(message.delayDeny, 0),
  };
}

/** Envoy `RoleBasedAccessControlNetworkFilterConfigFactory`, validateRbacRules. */
function refuseHttpRules(rules: RulesMessage | undefined, place: Place): void {
  for (const [name, { permissions, principals }] of Object.entries(rules?.policies ?? {})) {
    const at = place.field(`policies["${name}"]`);
    if (permissions.some(asksPermission) || principals.some(asksPrincipal)) {
      at.refuse("header and uri_template rules are not supported by RBAC network filter");
    }
  }
}

/** Whether it asks something of a request. (Paths may be asked for, and are never there.) */
function asksPermission({ rule }: Permission): boolean {
  switch (rule.case) {
    case "header":
    case "uriTemplate":
      return true;
    case "andRules":
    case "orRules":
      return rule.value.rules.some(asksPermission);
    case "notRule":
      return asksPermission(rule.value);
    default:
      return false;
  }
}

function asksPrincipal({ identifier }: Principal): boolean {
  switch (identifier.case) {
    case "header":
      return true;
    case "andIds":
    case "orIds":
      return identifier.value.ids.some(asksPrincipal);
    case "notId":
      return asksPrincipal(identifier.value);
    default:
      return false;
  }
}
