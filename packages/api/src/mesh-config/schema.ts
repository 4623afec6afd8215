/**
 * MeshConfig: mesh-wide settings, YAML text under the key `mesh` of the ConfigMap `istio` (istio/api
 * `mesh/v1alpha1/config.proto` and `proxy.proto`). Parts that nothing reads are opaque.
 */
import { exportTo } from "../kinds/istio/selector.ts";
import {
  connectionPool,
  localityLbSetting,
  outlierDetection,
  tcpKeepalive,
  zoneAwareLbSetting,
} from "../kinds/istio/traffic-policy.ts";
import { httpRetry } from "../kinds/istio/virtual-service.ts";
import { nonEmpty } from "../schema/formats.ts";
import type { Format } from "../schema/format.ts";
import {
  boolean,
  duration,
  enumOf,
  integer,
  list,
  map,
  number,
  object,
  opaque,
  openObject,
  required,
  string,
} from "../schema/schema.ts";
import type { Infer } from "../schema/schema.ts";

const tls = object({
  minProtocolVersion: enumOf(["TLS_AUTO", "TLSV1_2", "TLSV1_3"]),
  cipherSuites: list(string(nonEmpty)),
  ecdhCurves: list(string(nonEmpty)),
});

const port = integer({ min: 0, max: 65535 });
const disabled = openObject({ disabled: boolean() });

/** In `defaultConfig` they have no formatter. */
const tracingCustomTag = object(
  {
    literal: object({ value: required(string(nonEmpty)) }),
    environment: object({ name: required(string(nonEmpty)), defaultValue: string() }),
    header: object({ name: required(string(nonEmpty)), defaultValue: string() }),
  },
  { exactlyOne: [["literal", "environment", "header"]] },
);

/** Here `defaultConfig`, in pods the annotation `proxy.istio.io/config`. */
const proxyConfig = openObject({
  tracing: openObject({
    sampling: number({ min: 0, max: 100 }),
    maxPathTagLength: integer({ min: 0 }),
    enableIstioTags: boolean(),
    customTags: map(tracingCustomTag),
  }),
  gatewayTopology: openObject({ numTrustedProxies: integer({ min: 0 }) }),
  proxyHeaders: openObject({
    server: object({ disabled: boolean(), value: string() }),
    requestId: disabled,
    attemptCount: disabled,
    envoyDebugHeaders: disabled,
    preserveHttp1HeaderCase: boolean(),
  }),
});

/** One end may be `*`. */
const headerPattern: Format = {
  accepts: (text) => text !== "" && text !== "*",
  expected: "a header name, prefix* or *suffix",
};
const headerPatterns = list(string(headerPattern));
const statusCode: Format = { accepts: (text) => /^[1-5]\d\d$/.test(text), expected: "a status code" };

/** What authorizers have, over HTTP or gRPC. */
const externalAuthorizer = {
  service: required(string(nonEmpty)),
  port: required(integer({ min: 1, max: 65535 })),
  timeout: duration({ minMs: 1 }),
  failOpen: boolean(),
  statusOnError: string(statusCode),
  includeRequestBodyInCheck: object({
    maxRequestBytes: required(integer({ min: 1 })),
    allowPartialMessage: boolean(),
    packAsBytes: boolean(),
  }),
};

/** Of what is sent to a collector. */
const collectorHeaders = list(
  object(
    { name: required(string(nonEmpty)), value: string(), envName: string(nonEmpty) },
    { oneOf: [["value", "envName"]] },
  ),
);
const collector = {
  service: required(string(nonEmpty)),
  port: required(integer({ min: 1, max: 65535 })),
  maxTagLength: integer({ min: 0 }),
};
const collectorPath = string({ accepts: (text) => text === "" || text.startsWith("/"), expected: "a path" });
const logService = {
  service: required(string(nonEmpty)),
  port: required(integer({ min: 1, max: 65535 })),
  logName: string(),
};
const logCollector = { ...logService, filterStateObjectsToLog: list(string()) };

const extensionProvider = openObject({
  name: required(string(nonEmpty)),
  envoyFileAccessLog: object({
    path: string(),
    logFormat: object({ text: string(), labels: opaque() }, { oneOf: [["text", "labels"]] }),
    omitEmptyValues: boolean(),
  }),
  envoyHttpAls: object({
    ...logCollector,
    additionalRequestHeadersToLog: list(string()),
    additionalResponseHeadersToLog: list(string()),
    additionalResponseTrailersToLog: list(string()),
  }),
  envoyTcpAls: object(logCollector),
  envoyOtelAls: object({ ...logService, logFormat: object({ text: string(), labels: opaque() }) }),
  envoyExtAuthzHttp: object({
    ...externalAuthorizer,
    pathPrefix: string({ accepts: (text) => text === "" || text.startsWith("/"), expected: "a path" }),
    includeHeadersInCheck: headerPatterns,
    includeRequestHeadersInCheck: headerPatterns,
    includeAdditionalHeadersInCheck: map(string()),
    headersToUpstreamOnAllow: headerPatterns,
    headersToDownstreamOnDeny: headerPatterns,
    headersToDownstreamOnAllow: headerPatterns,
  }),
  envoyExtAuthzGrpc: object(externalAuthorizer),
  zipkin: object({
    ...collector,
    enable64bitTraceId: boolean(),
    path: collectorPath,
    traceContextOption: enumOf(["USE_B3", "USE_B3_WITH_W3C_PROPAGATION"]),
    timeout: duration({ minMs: 1 }),
    headers: collectorHeaders,
  }),
  opentelemetry: object(
    {
      ...collector,
      http: object({ path: collectorPath, timeout: duration({ minMs: 1 }), headers: collectorHeaders }),
      grpc: object({ timeout: duration({ minMs: 1 }), initialMetadata: collectorHeaders }),
      resourceDetectors: openObject({ environment: openObject({}) }),
      dynatraceSampler: opaque(),
    },
    { oneOf: [["http", "grpc"]] },
  ),
  prometheus: opaque(),
});

export const meshConfig = object({
  proxyListenPort: port,
  proxyInboundListenPort: port,
  proxyHttpPort: port,
  connectTimeout: duration({ minMs: 1 }),
  hboneIdleTimeout: opaque(),
  protocolDetectionTimeout: duration(),
  tcpKeepalive,
  ingressClass: string(),
  ingressService: string(),
  ingressControllerMode: enumOf(["UNSPECIFIED", "OFF", "DEFAULT", "STRICT"]),
  ingressSelector: string(),
  enableTracing: boolean(),
  accessLogFile: string(),
  accessLogFormat: string(),
  accessLogEncoding: enumOf(["TEXT", "JSON"]),
  enableEnvoyAccessLogService: boolean(),
  disableEnvoyListenerLog: boolean(),
  defaultConfig: proxyConfig,
  outboundTrafficPolicy: object({
    mode: enumOf(["REGISTRY_ONLY", "ALLOW_ANY", "ALLOW_ANY_DYNAMIC_DNS"]),
    tls: opaque(),
  }),
  inboundTrafficPolicy: object({ mode: enumOf(["PASSTHROUGH", "LOCALHOST"]) }),
  configSources: opaque(),
  enableAutoMtls: boolean(),
  trustDomain: string(),
  trustDomainAliases: list(string()),
  caCertificates: opaque(),
  defaultServiceExportTo: exportTo,
  defaultVirtualServiceExportTo: exportTo,
  defaultDestinationRuleExportTo: exportTo,
  rootNamespace: string(),
  localityLbSetting,
  zoneAwareLbSetting,
  dnsRefreshRate: duration({ minMs: 1 }),
  h2UpgradePolicy: enumOf(["DO_NOT_UPGRADE", "UPGRADE"]),
  inboundClusterStatName: string(),
  outboundClusterStatName: string(),
  certificates: opaque(),
  serviceSettings: opaque(),
  serviceScopeConfigs: opaque(),
  enablePrometheusMerge: boolean(),
  verifyCertificateAtClient: boolean(),
  ca: opaque(),
  extensionProviders: list(extensionProvider),
  defaultProviders: openObject({ accessLogging: list(string()), metrics: list(string()), tracing: list(string()) }),
  discoverySelectors: opaque(),
  pathNormalization: object({
    normalization: enumOf(["DEFAULT", "NONE", "BASE", "MERGE_SLASHES", "DECODE_AND_MERGE_SLASHES"]),
  }),
  defaultHttpRetryPolicy: httpRetry,
  defaultInboundHttpRetryPolicy: httpRetry,
  meshMTLS: tls,
  tlsDefaults: tls,
  defaultTrafficPolicy: object({ connectionPool, outlierDetection }),
  serviceEntryVisibility: opaque(),
});
export type MeshConfig = Infer<typeof meshConfig>;
