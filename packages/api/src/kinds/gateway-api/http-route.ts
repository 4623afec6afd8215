/** HTTPRoute (Gateway API `apis/v1/httproute_types.go`). */
import { gatewayDuration, gatewayHostname, headerName, nonEmpty } from "../../schema/formats.ts";
import { boolean, deprecated, enumOf, integer, list, object, required, string } from "../../schema/schema.ts";
import type { Infer } from "../../schema/schema.ts";
import {
  backendObjectReference,
  backendObjectReferenceFields,
  commonRouteFields,
  localObjectReference,
  port,
  sectionName,
  weight,
} from "./references.ts";

const METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"] as const;

const httpHeader = object({ name: required(string(headerName)), value: required(string(nonEmpty)) });

export const headerModifier = object({
  set: list(httpHeader, { max: 16 }),
  add: list(httpHeader, { max: 16 }),
  remove: list(string(headerName), { max: 16 }),
});
export type HeaderModifier = Infer<typeof headerModifier>;

const pathModifier = object({
  type: required(enumOf(["ReplaceFullPath", "ReplacePrefixMatch"])),
  replaceFullPath: string(),
  replacePrefixMatch: string(),
});

const fraction = object({
  numerator: required(integer({ min: 0 })),
  denominator: integer({ min: 1 }),
});

export const requestMirror = object(
  { backendRef: required(backendObjectReference), percent: integer({ min: 0, max: 100 }), fraction },
  { oneOf: [["percent", "fraction"]] },
);
export type RequestMirror = Infer<typeof requestMirror>;

const filter = object({
  type: required(
    enumOf([
      "RequestHeaderModifier",
      "ResponseHeaderModifier",
      "RequestMirror",
      "RequestRedirect",
      "URLRewrite",
      "CORS",
      "ExternalAuth",
      "ExtensionRef",
    ]),
  ),
  requestHeaderModifier: headerModifier,
  responseHeaderModifier: headerModifier,
  requestMirror,
  requestRedirect: object({
    scheme: enumOf(["http", "https"]),
    hostname: string(gatewayHostname),
    path: pathModifier,
    port,
    statusCode: integer({ min: 301, max: 308 }),
  }),
  urlRewrite: object({ hostname: string(gatewayHostname), path: pathModifier }),
  cors: object({
    allowOrigins: list(string(nonEmpty), { max: 64 }),
    allowCredentials: boolean(),
    allowMethods: list(enumOf([...METHODS, "*"]), { max: 9 }),
    allowHeaders: list(string(headerName), { max: 64 }),
    exposeHeaders: list(string(headerName), { max: 64 }),
    maxAge: integer({ min: 1 }),
  }),
  externalAuth: object(
    {
      protocol: required(enumOf(["HTTP", "GRPC"])),
      backendRef: required(backendObjectReference),
      grpc: object({ allowedHeaders: list(string(headerName), { max: 64 }) }),
      http: object({
        path: string(),
        allowedHeaders: list(string(headerName), { max: 64 }),
        allowedResponseHeaders: list(string(headerName), { max: 64 }),
      }),
      forwardBody: object({ maxSize: integer({ min: 0 }) }),
    },
    { oneOf: [["grpc", "http"]] },
  ),
  extensionRef: localObjectReference,
});
export type HttpRouteFilter = Infer<typeof filter>;

const valueMatch = { name: required(string(headerName)), value: required(string(nonEmpty)) };

const httpRouteMatch = object({
  path: object({ type: enumOf(["Exact", "PathPrefix", "RegularExpression"]), value: string() }),
  headers: list(object({ type: enumOf(["Exact", "RegularExpression"]), ...valueMatch }), { max: 16 }),
  queryParams: list(object({ type: enumOf(["Exact", "RegularExpression"]), ...valueMatch }), { max: 16 }),
  method: enumOf(METHODS),
});
export type HttpRouteMatch = Infer<typeof httpRouteMatch>;

const backend = object({ ...backendObjectReferenceFields, weight, filters: list(filter, { max: 16 }) });
export type HttpBackendReference = Infer<typeof backend>;

export const sessionPersistence = object({
  sessionName: string(nonEmpty),
  absoluteTimeout: string(gatewayDuration),
  idleTimeout: deprecated(string(gatewayDuration), "it has left the API; use absoluteTimeout"),
  type: enumOf(["Cookie", "Header"]),
  cookieConfig: object({ lifetimeType: enumOf(["Permanent", "Session"]) }),
});

const rule = object({
  name: sectionName,
  matches: list(httpRouteMatch, { max: 64 }),
  filters: list(filter, { max: 16 }),
  backendRefs: list(backend, { max: 16 }),
  timeouts: object({ request: string(gatewayDuration), backendRequest: string(gatewayDuration) }),
  retry: object({
    codes: list(integer({ min: 400, max: 599 })),
    attempts: integer({ min: 1 }),
    backoff: string(gatewayDuration),
  }),
  sessionPersistence,
});
export type HttpRouteRule = Infer<typeof rule>;

export const httpRouteSpec = object({
  ...commonRouteFields,
  hostnames: list(string(gatewayHostname), { max: 16 }),
  rules: list(rule, { min: 1, max: 16 }),
});
export type HttpRouteSpec = Infer<typeof httpRouteSpec>;
