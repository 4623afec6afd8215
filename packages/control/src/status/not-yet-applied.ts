/** The one table of fields that the API has and this version does not apply. A field that is in it and set is reported. */
import { checkExpression } from "../model/access-log-filter.ts";
import type { Path } from "@tulle/api";
import { Cluster_LbPolicy as LbPolicy } from "@tulle/xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import { carriesHttp } from "../model/scope.ts";
import { CAPABILITIES } from "../translate/data-plane.ts";
import type { ClusterFeature } from "../translate/data-plane.ts";
import type { Finding } from "./object-status.ts";
import { finding } from "./object-status.ts";

interface Unsupported {
  /** Below the object; `*` stands for every index or key. */
  readonly path: Path;
  readonly what: string;
  /** Values for which it has no effect anyway, or which are applied. */
  readonly unless?: (value: unknown) => boolean;
}

const OWN_PROXY = CAPABILITIES.tulle;

/** What Envoy applies, and Tulle's own proxy unless `applied`. */
function notByOwnProxy(applied: boolean, path: Path, what: string, unless?: Unsupported["unless"]): Unsupported[] {
  if (applied) return [];
  return [
    { path, what: `${what}: Envoy has it, Tulle's own proxy not yet`, ...(unless === undefined ? {} : { unless }) },
  ];
}

function byFeature(feature: ClusterFeature, path: Path, what: string, unless?: Unsupported["unless"]): Unsupported[] {
  return notByOwnProxy(OWN_PROXY.clusterFeatures.has(feature), path, what, unless);
}

const IDENTITIES = "identities of peers: without mutual TLS nobody has one";
const MUTUAL_TLS = OWN_PROXY.security.has("mutual TLS");
const PEER_FIELDS = ["principals", "namespaces", "serviceAccounts", "trustDomains"];
const PEER_KEYS: ReadonlySet<unknown> = new Set([
  "source.principal",
  "source.namespace",
  "source.serviceAccount",
  "source.trustDomain",
]);

const BY_REQUEST = OWN_PROXY.discoveries.has("by request");

const CONNECTION_POOL: readonly Unsupported[] = [
  ...byFeature("TCP keepalive", ["tcp", "tcpKeepalive"], "TCP keepalive"),
  ...byFeature("maximum connection duration", ["tcp", "maxConnectionDuration"], "a maximum age of connections"),
];

/** What a mesh may have for all destinations. */
const POLICY: readonly Unsupported[] = [
  ...CONNECTION_POOL.map(({ path, ...rest }) => ({ path: ["connectionPool", ...path], ...rest })),
  ...byFeature("outlier detection", ["outlierDetection"], "outlier detection"),
  ...byFeature(
    "outlier detection by status codes",
    ["outlierDetection", "outlierDetectionHttpErrorCodes"],
    "outlier detection by these status codes, in place of 5xx",
  ),
];

const TRAFFIC_POLICY: readonly Unsupported[] = [
  ...POLICY,
  ...byFeature("retry budgets", ["retryBudget"], "retry budgets"),
  ...byFeature("retry budgets of intervals", ["retryBudget", "budgetInterval"], "counting over an interval"),
  ...notByOwnProxy(
    OWN_PROXY.balancers.has(LbPolicy.RING_HASH) && OWN_PROXY.balancers.has(LbPolicy.MAGLEV),
    ["loadBalancer", "consistentHash"],
    "consistent hashing, in place of which LEAST_REQUEST is used",
  ),
  {
    path: ["loadBalancer", "backendUtilization"],
    what: "balancing by reported utilization, in place of which LEAST_REQUEST is used",
  },
  ...byFeature("localities", ["loadBalancer", "localityLbSetting"], "locality load balancing", isDisabled),
  { path: ["loadBalancer", "zoneAwareLbSetting"], what: "zone-aware load balancing", unless: isDisabled },
  ...byFeature("warm-up", ["loadBalancer", "warmup"], "warm-up of new endpoints"),
  ...byFeature("warm-up", ["loadBalancer", "warmupDurationSecs"], "warm-up of new endpoints"),
  ...notByOwnProxy(
    BY_REQUEST,
    ["loadBalancer", "simple"],
    "PASSTHROUGH, in place of which LEAST_REQUEST is used",
    (value) => value !== "PASSTHROUGH",
  ),
];

const POLICY_PLACES: readonly Path[] = [
  ["spec", "trafficPolicy"],
  ["spec", "trafficPolicy", "portLevelSettings", "*"],
  ["spec", "subsets", "*", "trafficPolicy"],
  ["spec", "subsets", "*", "trafficPolicy", "portLevelSettings", "*"],
];

const HTTP: Path = ["spec", "http", "*"];

const WORKLOAD_ENTRY: readonly Unsupported[] = [
  {
    path: ["address"],
    what: "Unix sockets",
    unless: isNoSocket,
  },
  { path: ["network"], what: "gateways between networks" },
];

/** By group and kind. Kinds of mesh configuration that are in no list and not in APPLIED are not applied at all. */
const UNSUPPORTED: Readonly<Record<string, readonly Unsupported[]>> = {
  "networking.istio.io/VirtualService": [
    ...notByOwnProxy(OWN_PROXY.httpFilters.includes("fault"), [...HTTP, "fault"], "fault injection"),
    ...notByOwnProxy(OWN_PROXY.httpFilters.includes("cors"), [...HTTP, "corsPolicy"], "CORS"),
    ...notByOwnProxy(
      OWN_PROXY.httpFeatures.has("retry priorities"),
      [...HTTP, "retries", "retryRemoteLocalities"],
      "retries in other localities",
      (value) => value !== true,
    ),
    ...notByOwnProxy(
      OWN_PROXY.httpFeatures.has("route statistics"),
      [...HTTP, "match", "*", "statPrefix"],
      "statistics of single routes",
    ),
  ],
  "networking.istio.io/DestinationRule": POLICY_PLACES.flatMap((place) =>
    TRAFFIC_POLICY.map(({ path, ...rest }) => ({ path: [...place, ...path], ...rest })),
  ),
  "networking.istio.io/Gateway": [
    { path: ["spec", "servers", "*", "bind"], what: "servers at Unix sockets", unless: isNoSocket },
    { path: ["spec", "servers", "*", "defaultEndpoint"], what: "default endpoints" },
  ],
  "networking.istio.io/ServiceEntry": [
    ...notByOwnProxy(
      BY_REQUEST,
      ["spec", "resolution"],
      "this resolution, without which requests get 503",
      (value) => value !== "NONE" && value !== "DYNAMIC_DNS",
    ),
    ...WORKLOAD_ENTRY.map(({ path, ...rest }) => ({ path: ["spec", "endpoints", "*", ...path], ...rest })),
  ],
  "networking.istio.io/WorkloadEntry": WORKLOAD_ENTRY.map(({ path, ...rest }) => ({
    path: ["spec", ...path],
    ...rest,
  })),
  "networking.istio.io/WorkloadGroup": [
    { path: ["spec", "probe"], what: "probes; a workload is as healthy as its proxy says" },
    ...WORKLOAD_ENTRY.map(({ path, ...rest }) => ({ path: ["spec", "template", ...path], ...rest })),
  ],
  "telemetry.istio.io/Telemetry": [
    { path: ["spec", "targetRef"], what: "Telemetries of single gateways and waypoints; it is for nobody" },
    { path: ["spec", "targetRefs"], what: "Telemetries of single gateways and waypoints; it is for nobody" },
    ...notByOwnProxy(OWN_PROXY.httpFeatures.has("access logs"), ["spec", "accessLogging"], "access logs"),
    ...notByOwnProxy(
      OWN_PROXY.httpFeatures.has("all attributes in access log filters"),
      ["spec", "accessLogging", "*", "filter", "expression"],
      "all attributes and functions in filters of access logs, without which every request is logged",
      (value) => typeof value !== "string" || checkExpression(value).missing === null,
    ),
  ],
  "security.istio.io/AuthorizationPolicy": MUTUAL_TLS
    ? []
    : [
        ...PEER_FIELDS.flatMap((field) => [field, `not${field[0]!.toUpperCase()}${field.slice(1)}`]).map((field) => ({
          path: ["spec", "rules", "*", "from", "*", "source", field],
          what: IDENTITIES,
        })),
        {
          path: ["spec", "rules", "*", "when", "*", "key"],
          what: IDENTITIES,
          unless: (key: unknown) => !PEER_KEYS.has(key),
        },
      ],
  "networking.istio.io/Sidecar": [
    ...notByOwnProxy(
      BY_REQUEST,
      ["spec", "outboundTrafficPolicy", "mode"],
      "ALLOW_ANY, in place of which unknown hosts get 502",
      (value) => value !== "ALLOW_ANY",
    ),
    { path: ["spec", "egress", "*", "bind"], what: "listeners at Unix sockets", unless: isNoSocket },
    {
      path: ["spec", "egress", "*", "port", "protocol"],
      what: "listeners for anything but HTTP",
      unless: (value) => typeof value === "string" && carriesHttp(value),
    },
    { path: ["spec", "egress", "*", "captureMode"], what: "captured connections", unless: isNotCaptured },
    { path: ["spec", "ingress", "*", "captureMode"], what: "captured connections", unless: isNotCaptured },
    { path: ["spec", "ingress", "*", "tls"], what: "TLS for clients outside the mesh" },
    { path: ["spec", "ingress", "*", "defaultEndpoint"], what: "applications at Unix sockets", unless: isNoSocket },
    ...CONNECTION_POOL.flatMap(({ path, ...rest }) => [
      { path: ["spec", "inboundConnectionPool", ...path], ...rest },
      { path: ["spec", "ingress", "*", "connectionPool", ...path], ...rest },
    ]),
  ],
  "/MeshConfig": [
    {
      path: ["tlsDefaults", "minProtocolVersion"],
      what: "a version for all; meshMTLS has one, and so has each server of a Gateway",
      unless: (value) => value === "TLS_AUTO",
    },
    { path: ["outboundTrafficPolicy", "tls"], what: "TLS to unknown hosts" },
    ...notByOwnProxy(
      BY_REQUEST,
      ["outboundTrafficPolicy", "mode"],
      "passing requests on, in place of which unknown hosts get 502",
      (value) => value === "REGISTRY_ONLY",
    ),
    ...byFeature("TCP keepalive", ["tcpKeepalive"], "TCP keepalive"),
    ...POLICY.map(({ path, ...rest }) => ({ path: ["defaultTrafficPolicy", ...path], ...rest })),
  ],
  "/Service": [
    { path: ["spec", "externalName"], what: "ExternalName services" },
    { path: ["spec", "sessionAffinity"], what: "session affinity", unless: (value) => value !== "ClientIP" },
  ],
};

/** Istio's and Gateway API's kinds that are applied, but for the fields above. */
const APPLIED: ReadonlySet<string> = new Set([
  "networking.istio.io/VirtualService",
  "networking.istio.io/DestinationRule",
  "networking.istio.io/Gateway",
  "networking.istio.io/ServiceEntry",
  "telemetry.istio.io/Telemetry",
  "tulle.dev/Fallback",
  "tulle.dev/RateLimit",
  "networking.istio.io/EnvoyFilter",
  "networking.istio.io/WorkloadEntry",
  "networking.istio.io/WorkloadGroup",
  "networking.istio.io/Sidecar",
  "security.istio.io/AuthorizationPolicy",
  "security.istio.io/PeerAuthentication",
  "security.istio.io/RequestAuthentication",
]);

/** Whether a kind of mesh configuration is applied at all. */
export function isApplied(group: string, kind: string): boolean {
  return APPLIED.has(`${group}/${kind}`);
}

/** Every set field of the object that is not applied, with its path. */
export function notYetApplied(group: string, kind: string, object: unknown): readonly Finding[] {
  return (UNSUPPORTED[`${group}/${kind}`] ?? []).flatMap(({ path, what, unless }) =>
    valuesAt(object, path, []).flatMap(({ value, at }) =>
      unless?.(value) === true ? [] : [finding("NotYetApplied", at, what)],
    ),
  );
}

function valuesAt(value: unknown, path: Path, at: Path): readonly { readonly value: unknown; readonly at: Path }[] {
  if (value === undefined || value === null) return [];
  const [step, ...rest] = path;
  if (step === undefined) return [{ value, at }];
  if (step !== "*") return valuesAt(fieldOf(value, step), rest, [...at, step]);
  if (Array.isArray(value)) return value.flatMap((item: unknown, index) => valuesAt(item, rest, [...at, index]));
  return [];
}

function fieldOf(value: unknown, field: string | number): unknown {
  return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>)[field] : undefined;
}

function isNoSocket(value: unknown): boolean {
  return typeof value !== "string" || !value.startsWith("unix://");
}

function isNotCaptured(value: unknown): boolean {
  return value !== "IPTABLES";
}

function isDisabled(value: unknown): boolean {
  return fieldOf(value, "enabled") === false;
}
