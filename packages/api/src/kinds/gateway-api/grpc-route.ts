/** GRPCRoute (Gateway API `apis/v1/grpcroute_types.go`). */
import { gatewayHostname, headerName, nonEmpty } from "../../schema/formats.ts";
import { enumOf, list, object, required, string } from "../../schema/schema.ts";
import type { Infer } from "../../schema/schema.ts";
import { headerModifier, requestMirror, sessionPersistence } from "./http-route.ts";
import {
  backendObjectReferenceFields,
  commonRouteFields,
  localObjectReference,
  sectionName,
  weight,
} from "./references.ts";

const filter = object({
  type: required(enumOf(["RequestHeaderModifier", "ResponseHeaderModifier", "RequestMirror", "ExtensionRef"])),
  requestHeaderModifier: headerModifier,
  responseHeaderModifier: headerModifier,
  requestMirror,
  extensionRef: localObjectReference,
});
export type GrpcRouteFilter = Infer<typeof filter>;

const grpcRouteMatch = object({
  method: object({ type: enumOf(["Exact", "RegularExpression"]), service: string(), method: string() }),
  headers: list(
    object({
      type: enumOf(["Exact", "RegularExpression"]),
      name: required(string(headerName)),
      value: required(string(nonEmpty)),
    }),
    { max: 16 },
  ),
});
export type GrpcRouteMatch = Infer<typeof grpcRouteMatch>;

const rule = object({
  name: sectionName,
  matches: list(grpcRouteMatch, { max: 64 }),
  filters: list(filter, { max: 16 }),
  backendRefs: list(object({ ...backendObjectReferenceFields, weight, filters: list(filter, { max: 16 }) }), {
    max: 16,
  }),
  sessionPersistence,
});
export type GrpcRouteRule = Infer<typeof rule>;

export const grpcRouteSpec = object({
  ...commonRouteFields,
  hostnames: list(string(gatewayHostname), { max: 16 }),
  rules: list(rule, { max: 16 }),
});
export type GrpcRouteSpec = Infer<typeof grpcRouteSpec>;
