/** The HTTP filters' configurations, by message type. */
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
} from "../supported-fields/index.ts";
import { buffer } from "./buffer.ts";
import { compressor } from "./compressor.ts";
import { cors } from "./cors.ts";
import { csrf } from "./csrf.ts";
import { decompressor } from "./decompressor.ts";
import { dynamicForwardProxy } from "./dynamic-forward-proxy.ts";
import { extAuthz } from "./ext-authz.ts";
import { fallback } from "./fallback.ts";
import type { FilterCompiler, RouteFilterCompiler } from "./filter-compiler.ts";
import { fault } from "./fault.ts";
import { grpcStats } from "./grpc-stats.ts";
import { headerMutation } from "./header-mutation.ts";
import { headerToMetadata } from "./header-to-metadata.ts";
import { healthCheck } from "./health-check.ts";
import { jwtAuthn } from "./jwt-authn.ts";
import { localRateLimit } from "./local-rate-limit.ts";
import { meshStats } from "./mesh-stats.ts";
import { rbac } from "./rbac.ts";
import { setMetadata } from "./set-metadata.ts";
import { statefulSession } from "./stateful-session.ts";

export type { FilterCompilerContext } from "./filter-compiler.ts";

export const FILTER_COMPILERS: ReadonlyMap<string, FilterCompiler> = new Map([
  [BUFFER, buffer],
  [COMPRESSOR, compressor],
  [CORS, cors],
  [CSRF, csrf],
  [DECOMPRESSOR, decompressor],
  [DYNAMIC_FORWARD_PROXY, dynamicForwardProxy],
  [EXT_AUTHZ, extAuthz],
  [FAULT, fault],
  [FALLBACK, fallback],
  [GRPC_STATS, grpcStats],
  [HEADER_MUTATION, headerMutation],
  [HEADER_TO_METADATA, headerToMetadata],
  [HEALTH_CHECK, healthCheck],
  [JWT_AUTHN, jwtAuthn],
  [LOCAL_RATE_LIMIT, localRateLimit],
  [MESH_STATS, meshStats],
  [RBAC, rbac],
  [SET_METADATA, setMetadata],
  [STATEFUL_SESSION, statefulSession],
]);

/** By the message type that a route holds. */
export const ROUTE_FILTER_COMPILERS: ReadonlyMap<string, RouteFilterCompiler> = new Map(
  [...FILTER_COMPILERS.values()].flatMap(({ compileRoute }) =>
    compileRoute === null ? [] : [[compileRoute.typeName, compileRoute] as const],
  ),
);
