import type { DnsCachePlan } from "../../plan/compile-dns-cache.ts";
import type { BufferPlan } from "../../plan/filters/buffer.ts";
import type { CompressorPlan } from "../../plan/filters/compressor.ts";
import type { CsrfPlan } from "../../plan/filters/csrf.ts";
import type { DecompressorPlan } from "../../plan/filters/decompressor.ts";
import type { ExtAuthzPlan } from "../../plan/filters/ext-authz.ts";
import type { FaultPlan } from "../../plan/filters/fault.ts";
import type { GrpcStatsPlan } from "../../plan/filters/grpc-stats.ts";
import type { HeaderMutationPlan } from "../../plan/filters/header-mutation.ts";
import type { HeaderToMetadataPlan } from "../../plan/filters/header-to-metadata.ts";
import type { HealthCheckFilterPlan } from "../../plan/filters/health-check.ts";
import type { JwtAuthnPlan } from "../../plan/filters/jwt-authn.ts";
import type { MeshStatsConfig } from "../../plan/filters/mesh-stats.ts";
import type { LocalRateLimitPlan } from "../../plan/filters/local-rate-limit.ts";
import type { RbacPlan } from "../../plan/filters/rbac.ts";
import type { SetMetadataPlan } from "../../plan/filters/set-metadata.ts";
import type { StatefulSessionPlan } from "../../plan/filters/stateful-session.ts";
import {
  BUFFER,
  COMPRESSOR,
  CORS,
  CSRF,
  DECOMPRESSOR,
  DYNAMIC_FORWARD_PROXY,
  EXT_AUTHZ,
  FALLBACK,
  FAULT,
  GRPC_STATS,
  HEADER_MUTATION,
  HEADER_TO_METADATA,
  HEALTH_CHECK,
  JWT_AUTHN,
  LOCAL_RATE_LIMIT,
  MESH_STATS,
  RBAC,
  SET_METADATA,
  STATEFUL_SESSION,
} from "../../plan/supported-fields/index.ts";
import { BufferFilter } from "./buffer.ts";
import { CompressorFilter } from "./compressor.ts";
import { Cors } from "./cors.ts";
import { Csrf } from "./csrf.ts";
import { DecompressorFilter } from "./decompressor.ts";
import { DynamicForwardProxy } from "./dynamic-forward-proxy.ts";
import { ExtAuthzFilter } from "./ext-authz.ts";
import { Fallback } from "./fallback.ts";
import { Fault } from "./fault.ts";
import type { FilterFactory, FilterRegistry } from "./filter.ts";
import { GrpcStats } from "./grpc-stats.ts";
import { HeaderMutationFilter } from "./header-mutation.ts";
import { HeaderToMetadata } from "./header-to-metadata.ts";
import { HealthCheckFilter } from "./health-check.ts";
import { JwtAuthn } from "./jwt-authn.ts";
import { LocalRateLimit } from "./local-rate-limit.ts";
import { MeshStats } from "./mesh-stats.ts";
import { Rbac } from "./rbac.ts";
import { SetMetadata } from "./set-metadata.ts";
import { StatefulSessionFilter } from "./stateful-session.ts";

/** Every HTTP filter there is, by message type of its configuration. A plan's `config` is what the compile step of that type made. */
export const HTTP_FILTERS: FilterRegistry = new Map<string, FilterFactory>([
  [BUFFER, (config) => new BufferFilter(config as BufferPlan)],
  [COMPRESSOR, (config, context) => new CompressorFilter(config as CompressorPlan, context)],
  [CORS, (_, context) => new Cors(context)],
  [CSRF, (config, context) => new Csrf(config as CsrfPlan, context)],
  [DECOMPRESSOR, (config, context) => new DecompressorFilter(config as DecompressorPlan, context)],
  [DYNAMIC_FORWARD_PROXY, (config, context) => new DynamicForwardProxy(config as DnsCachePlan, context)],
  [EXT_AUTHZ, (config, context) => new ExtAuthzFilter(config as ExtAuthzPlan, context)],
  [FAULT, (config, context, name) => new Fault(config as FaultPlan, name, context)],
  [FALLBACK, (_, context) => new Fallback(context)],
  [GRPC_STATS, (config, context) => new GrpcStats(config as GrpcStatsPlan, context)],
  [HEADER_MUTATION, (config) => new HeaderMutationFilter(config as HeaderMutationPlan)],
  [HEADER_TO_METADATA, (config) => new HeaderToMetadata(config as HeaderToMetadataPlan)],
  [HEALTH_CHECK, (config, context) => new HealthCheckFilter(config as HealthCheckFilterPlan, context)],
  [JWT_AUTHN, (config, context) => new JwtAuthn(config as JwtAuthnPlan, context)],
  [LOCAL_RATE_LIMIT, (config, context) => new LocalRateLimit(config as LocalRateLimitPlan, context)],
  [MESH_STATS, (config, context) => new MeshStats(config as MeshStatsConfig, context)],
  [RBAC, (config, context) => new Rbac(config as RbacPlan, context)],
  [SET_METADATA, (config, context) => new SetMetadata(config as SetMetadataPlan, context)],
  [STATEFUL_SESSION, (config) => new StatefulSessionFilter(config as StatefulSessionPlan)],
]);
