/** VirtualService (istio/api `networking/v1alpha3/virtual_service.proto`). */
import {
  corsHeaderName,
  destinationHost,
  dnsLabel,
  dnsSubdomain,
  headerKey,
  oneLine,
  ipOrCidr,
  labelKey,
  labelValue,
  nonEmpty,
  routeHost,
  subsetName,
} from "../../schema/formats.ts";
import {
  boolean,
  deprecated,
  duration,
  enumOf,
  integer,
  list,
  map,
  number,
  object,
  regex,
  required,
  string,
} from "../../schema/schema.ts";
import type { Infer } from "../../schema/schema.ts";
import { exportTo, portSelector } from "./selector.ts";

const port = integer({ min: 1, max: 65535 });
const labels = map(string(labelValue), labelKey);

/** Share in percent, 0 to 100. */
const percent = object({ value: number({ min: 0, max: 100 }) });
export type Percent = Infer<typeof percent>;

/** None of the three means "present, whatever the value". */
export const stringMatch = object(
  { exact: string(), prefix: string(nonEmpty), regex: regex() },
  { oneOf: [["exact", "prefix", "regex"]] },
);
export type StringMatch = Infer<typeof stringMatch>;

/** A path prefix may be empty: it matches everything. */
export const uriMatch = object(
  { exact: string(), prefix: string(), regex: regex() },
  { oneOf: [["exact", "prefix", "regex"]] },
);

/** The regex `*` is none, but stands for "present". */
const absentMatch = object(
  { exact: string(), prefix: string(nonEmpty), regex: regex({ except: "*" }) },
  { oneOf: [["exact", "prefix", "regex"]] },
);

export const destination = object({
  host: required(string(destinationHost)),
  subset: string(subsetName),
  port: portSelector,
});
export type Destination = Infer<typeof destination>;

const headerOperations = object({
  set: map(string(), headerKey),
  add: map(string(), headerKey),
  remove: list(string(headerKey)),
});
export type HeaderOperations = Infer<typeof headerOperations>;

const headers = object({ request: headerOperations, response: headerOperations });
export type Headers = Infer<typeof headers>;

const httpMatchRequest = object({
  name: string(),
  uri: uriMatch,
  scheme: stringMatch,
  method: stringMatch,
  authority: stringMatch,
  headers: map(stringMatch, headerKey),
  port,
  sourceLabels: labels,
  gateways: list(string(nonEmpty)),
  queryParams: map(stringMatch),
  ignoreUriCase: boolean(),
  withoutHeaders: map(absentMatch, headerKey),
  sourceNamespace: string(dnsLabel),
  statPrefix: string(),
});
export type HttpMatchRequest = Infer<typeof httpMatchRequest>;

const weight = integer({ min: 0 });

const httpRouteDestination = object({ destination: required(destination), weight, headers });
export type HttpRouteDestination = Infer<typeof httpRouteDestination>;

const routeDestination = object({ destination: required(destination), weight });
export type RouteDestination = Infer<typeof routeDestination>;

const httpRedirect = object(
  {
    uri: string(oneLine),
    authority: string(oneLine),
    port,
    derivePort: enumOf(["FROM_PROTOCOL_DEFAULT", "FROM_REQUEST_PORT"]),
    scheme: string(),
    redirectCode: integer({ min: 0 }),
    prefixRewrite: string(oneLine),
  },
  { oneOf: [["port", "derivePort"]] },
);
export type HttpRedirect = Infer<typeof httpRedirect>;

const httpDirectResponse = object({
  status: required(integer({ min: 200, max: 599 })),
  body: object({ string: string(), bytes: string() }, { oneOf: [["string", "bytes"]] }),
});
export type HttpDirectResponse = Infer<typeof httpDirectResponse>;

const delegate = object({ name: required(string(dnsSubdomain)), namespace: string(dnsLabel) });
export type Delegate = Infer<typeof delegate>;

const httpRewrite = object({
  uri: string(oneLine),
  authority: string(oneLine),
  uriRegexRewrite: object({ match: regex(), rewrite: string(oneLine) }),
});
export type HttpRewrite = Infer<typeof httpRewrite>;

export const httpRetry = object({
  attempts: integer({ min: 0 }),
  perTryTimeout: duration({ minMs: 1 }),
  retryOn: string(),
  retryRemoteLocalities: boolean(),
  retryIgnorePreviousHosts: boolean(),
  backoff: duration({ minMs: 1 }),
});
export type HttpRetry = Infer<typeof httpRetry>;

const corsPolicy = object({
  allowOrigin: deprecated(list(string(nonEmpty)), "use allowOrigins"),
  allowOrigins: list(stringMatch),
  allowMethods: list(string()),
  allowHeaders: list(string(corsHeaderName)),
  exposeHeaders: list(string(corsHeaderName)),
  maxAge: duration(),
  allowCredentials: boolean(),
  unmatchedPreflights: enumOf(["UNSPECIFIED", "FORWARD", "IGNORE"]),
});
export type CorsPolicy = Infer<typeof corsPolicy>;

const httpFaultInjection = object({
  delay: object(
    {
      percent: deprecated(integer({ min: 0, max: 100 }), "use percentage.value"),
      fixedDelay: duration({ minMs: 1 }),
      exponentialDelay: duration({ minMs: 1 }),
      percentage: percent,
    },
    { oneOf: [["fixedDelay", "exponentialDelay"]] },
  ),
  abort: object(
    {
      httpStatus: integer({ min: 200, max: 599 }),
      grpcStatus: string(nonEmpty),
      http2Error: string(),
      percentage: percent,
    },
    { oneOf: [["httpStatus", "grpcStatus", "http2Error"]] },
  ),
});
export type HttpFaultInjection = Infer<typeof httpFaultInjection>;

const httpMirrorPolicy = object({ destination: required(destination), percentage: percent });
export type HttpMirrorPolicy = Infer<typeof httpMirrorPolicy>;

const httpRoute = object({
  name: string(),
  match: list(httpMatchRequest),
  route: list(httpRouteDestination),
  redirect: httpRedirect,
  directResponse: httpDirectResponse,
  delegate,
  rewrite: httpRewrite,
  timeout: duration(),
  retries: httpRetry,
  fault: httpFaultInjection,
  mirror: destination,
  mirrors: list(httpMirrorPolicy),
  mirrorPercent: deprecated(integer({ min: 0, max: 100 }), "use mirrorPercentage.value"),
  mirrorPercentage: percent,
  corsPolicy,
  headers,
});
export type IstioHttpRoute = Infer<typeof httpRoute>;

const tlsMatchAttributes = object({
  sniHosts: required(list(string(routeHost), { min: 1 })),
  destinationSubnets: list(string(ipOrCidr)),
  port,
  sourceLabels: labels,
  gateways: list(string(nonEmpty)),
  sourceNamespace: string(dnsLabel),
});
export type TlsMatchAttributes = Infer<typeof tlsMatchAttributes>;

const tlsRoute = object({ match: required(list(tlsMatchAttributes, { min: 1 })), route: list(routeDestination) });
export type IstioTlsRoute = Infer<typeof tlsRoute>;

const l4MatchAttributes = object({
  destinationSubnets: list(string(ipOrCidr)),
  port,
  sourceSubnet: string(ipOrCidr),
  sourceLabels: labels,
  gateways: list(string(nonEmpty)),
  sourceNamespace: string(dnsLabel),
});
export type L4MatchAttributes = Infer<typeof l4MatchAttributes>;

const tcpRoute = object({ match: list(l4MatchAttributes), route: list(routeDestination) });
export type IstioTcpRoute = Infer<typeof tcpRoute>;

export const virtualServiceSpec = object({
  hosts: list(string(routeHost)),
  gateways: list(string(nonEmpty)),
  http: list(httpRoute),
  tls: list(tlsRoute),
  tcp: list(tcpRoute),
  exportTo,
});
export type VirtualServiceSpec = Infer<typeof virtualServiceSpec>;
