/** The one table of kinds: names, versions, scope and schema. Everything that asks "what is a …" reads it. */
import { object, opaque, openObject, required, withDefault } from "../schema/schema.ts";
import type { AnySchema, Infer, ObjectSchema } from "../schema/schema.ts";
import { gatewayClassSpec, k8sGatewaySpec, listenerSetSpec } from "./gateway-api/gateway.ts";
import { grpcRouteSpec } from "./gateway-api/grpc-route.ts";
import { httpRouteSpec } from "./gateway-api/http-route.ts";
import { l4RouteSpec, tlsRouteSpec } from "./gateway-api/l4-routes.ts";
import { backendTlsPolicySpec, referenceGrantSpec } from "./gateway-api/policies.ts";
import { destinationRuleSpec } from "./istio/destination-rule.ts";
import { envoyFilterSpec } from "./istio/envoy-filter.ts";
import { trafficExtensionSpec, wasmPluginSpec } from "./istio/extensions.ts";
import { gatewaySpec } from "./istio/gateway.ts";
import { proxyConfigSpec } from "./istio/proxy-config.ts";
import { authorizationPolicySpec, peerAuthenticationSpec, requestAuthenticationSpec } from "./istio/security.ts";
import { serviceEntrySpec, serviceEntryStatus } from "./istio/service-entry.ts";
import { sidecarSpec } from "./istio/sidecar.ts";
import { telemetrySpec } from "./istio/telemetry.ts";
import { virtualServiceSpec } from "./istio/virtual-service.ts";
import { workloadEntrySpec, workloadGroupSpec } from "./istio/workload.ts";
import { fallbackSpec } from "./tulle/fallback.ts";
import { rateLimitSpec } from "./tulle/rate-limit.ts";
import { configMapFields, nodeStatus, secretFields, serviceAccountFields } from "./kubernetes/cluster.ts";
import { endpointSliceFields, endpointsFields } from "./kubernetes/endpoints.ts";
import { ingressClassSpec, ingressSpec } from "./kubernetes/ingress.ts";
import type { KubeObject, ObjectMeta } from "./kubernetes/metadata.ts";
import { podSpec, podStatus, statefulSetSpec, workloadSpec } from "./kubernetes/pod.ts";
import { serviceSpec, serviceStatus } from "./kubernetes/service.ts";

export interface KindInfo {
  /** API group, "" for the core group. */
  readonly group: string;
  readonly kind: string;
  /** Served versions; the first is the storage version. All have the same schema. */
  readonly versions: readonly string[];
  readonly plural: string;
  readonly shortNames: readonly string[];
  readonly namespaced: boolean;
  /** Mesh configuration (Istio, Gateway API, Ingress) rather than a description of what runs. */
  readonly isMeshConfig: boolean;
  /** False for other people's kinds, which are loaded but not looked at; none of those is in the table. */
  readonly isReadByMesh: boolean;
  /** Everything besides apiVersion, kind and metadata. */
  readonly body: ObjectSchema;
}

interface Names {
  readonly versions: readonly string[];
  readonly plural: string;
  readonly shortNames?: readonly string[];
  readonly namespaced?: boolean;
  readonly isMeshConfig?: boolean;
}

function define<const G extends string, const K extends string, B extends ObjectSchema>(
  group: G,
  kind: K,
  names: Names,
  body: B,
): KindInfo & { readonly group: G; readonly kind: K; readonly body: B } {
  const { versions, plural, shortNames = [], namespaced = true, isMeshConfig = false } = names;
  return { group, kind, versions, plural, shortNames, namespaced, isMeshConfig, isReadByMesh: true, body };
}

/** `spec` must be there. */
function spec<S extends AnySchema>(schema: S) {
  return object({ spec: required(schema), status: opaque() });
}
/** An absent `spec` means an empty one, as in policies whose empty form says something. */
function optionalSpec<S extends ObjectSchema>(schema: S) {
  return object({ spec: withDefault(schema, {} as Infer<S>), status: opaque() });
}

const NETWORKING = "networking.istio.io";
const SECURITY = "security.istio.io";
const GATEWAY_API = "gateway.networking.k8s.io";
const TULLE = "tulle.dev";
const v1ToAlpha3 = ["v1", "v1beta1", "v1alpha3"];
const istio = { isMeshConfig: true };

export const KINDS = [
  define(
    NETWORKING,
    "VirtualService",
    { ...istio, versions: v1ToAlpha3, plural: "virtualservices", shortNames: ["vs"] },
    spec(virtualServiceSpec),
  ),
  define(
    NETWORKING,
    "DestinationRule",
    { ...istio, versions: v1ToAlpha3, plural: "destinationrules", shortNames: ["dr"] },
    spec(destinationRuleSpec),
  ),
  define(
    NETWORKING,
    "Gateway",
    { ...istio, versions: v1ToAlpha3, plural: "gateways", shortNames: ["gw"] },
    spec(gatewaySpec),
  ),
  define(
    NETWORKING,
    "ServiceEntry",
    { ...istio, versions: v1ToAlpha3, plural: "serviceentries", shortNames: ["se"] },
    object({ spec: required(serviceEntrySpec), status: serviceEntryStatus }),
  ),
  define(
    NETWORKING,
    "WorkloadEntry",
    { ...istio, versions: v1ToAlpha3, plural: "workloadentries", shortNames: ["we"] },
    spec(workloadEntrySpec),
  ),
  define(
    NETWORKING,
    "WorkloadGroup",
    { ...istio, versions: v1ToAlpha3, plural: "workloadgroups", shortNames: ["wg"] },
    spec(workloadGroupSpec),
  ),
  define(NETWORKING, "Sidecar", { ...istio, versions: v1ToAlpha3, plural: "sidecars" }, optionalSpec(sidecarSpec)),
  define(
    NETWORKING,
    "EnvoyFilter",
    { ...istio, versions: ["v1alpha3"], plural: "envoyfilters" },
    spec(envoyFilterSpec),
  ),
  define(
    NETWORKING,
    "ProxyConfig",
    { ...istio, versions: ["v1beta1"], plural: "proxyconfigs" },
    optionalSpec(proxyConfigSpec),
  ),
  define(
    SECURITY,
    "PeerAuthentication",
    { ...istio, versions: ["v1", "v1beta1"], plural: "peerauthentications", shortNames: ["pa"] },
    optionalSpec(peerAuthenticationSpec),
  ),
  define(
    SECURITY,
    "RequestAuthentication",
    { ...istio, versions: ["v1", "v1beta1"], plural: "requestauthentications", shortNames: ["ra"] },
    optionalSpec(requestAuthenticationSpec),
  ),
  define(
    SECURITY,
    "AuthorizationPolicy",
    { ...istio, versions: ["v1", "v1beta1"], plural: "authorizationpolicies", shortNames: ["ap"] },
    optionalSpec(authorizationPolicySpec),
  ),
  define(
    "telemetry.istio.io",
    "Telemetry",
    { ...istio, versions: ["v1alpha1", "v1"], plural: "telemetries", shortNames: ["telemetry"] },
    optionalSpec(telemetrySpec),
  ),
  define(
    "extensions.istio.io",
    "WasmPlugin",
    { ...istio, versions: ["v1alpha1"], plural: "wasmplugins" },
    spec(wasmPluginSpec),
  ),
  define(
    "extensions.istio.io",
    "TrafficExtension",
    { ...istio, versions: ["v1alpha1"], plural: "trafficextensions" },
    spec(trafficExtensionSpec),
  ),

  define(
    TULLE,
    "Fallback",
    { ...istio, versions: ["v1alpha1"], plural: "fallbacks", shortNames: ["fb"] },
    spec(fallbackSpec),
  ),
  define(
    TULLE,
    "RateLimit",
    { ...istio, versions: ["v1alpha1"], plural: "ratelimits", shortNames: ["rl"] },
    spec(rateLimitSpec),
  ),

  define(
    GATEWAY_API,
    "GatewayClass",
    { ...istio, versions: ["v1", "v1beta1"], plural: "gatewayclasses", shortNames: ["gc"], namespaced: false },
    spec(gatewayClassSpec),
  ),
  define(
    GATEWAY_API,
    "Gateway",
    { ...istio, versions: ["v1", "v1beta1"], plural: "gateways", shortNames: ["gtw"] },
    spec(k8sGatewaySpec),
  ),
  define(
    GATEWAY_API,
    "ListenerSet",
    { ...istio, versions: ["v1"], plural: "listenersets", shortNames: ["lset"] },
    spec(listenerSetSpec),
  ),
  define(
    GATEWAY_API,
    "HTTPRoute",
    { ...istio, versions: ["v1", "v1beta1"], plural: "httproutes" },
    optionalSpec(httpRouteSpec),
  ),
  define(GATEWAY_API, "GRPCRoute", { ...istio, versions: ["v1"], plural: "grpcroutes" }, optionalSpec(grpcRouteSpec)),
  define(
    GATEWAY_API,
    "TLSRoute",
    { ...istio, versions: ["v1", "v1alpha3", "v1alpha2"], plural: "tlsroutes" },
    spec(tlsRouteSpec),
  ),
  define(GATEWAY_API, "TCPRoute", { ...istio, versions: ["v1", "v1alpha2"], plural: "tcproutes" }, spec(l4RouteSpec)),
  define(GATEWAY_API, "UDPRoute", { ...istio, versions: ["v1", "v1alpha2"], plural: "udproutes" }, spec(l4RouteSpec)),
  define(
    GATEWAY_API,
    "ReferenceGrant",
    { ...istio, versions: ["v1", "v1beta1"], plural: "referencegrants", shortNames: ["refgrant"] },
    spec(referenceGrantSpec),
  ),
  define(
    GATEWAY_API,
    "BackendTLSPolicy",
    { ...istio, versions: ["v1", "v1alpha3"], plural: "backendtlspolicies", shortNames: ["btlspolicy"] },
    spec(backendTlsPolicySpec),
  ),

  define(
    "",
    "Service",
    { versions: ["v1"], plural: "services", shortNames: ["svc"] },
    object({ spec: required(serviceSpec), status: serviceStatus }),
  ),
  define("", "Endpoints", { versions: ["v1"], plural: "endpoints", shortNames: ["ep"] }, openObject(endpointsFields)),
  define(
    "discovery.k8s.io",
    "EndpointSlice",
    { versions: ["v1"], plural: "endpointslices" },
    openObject(endpointSliceFields),
  ),
  define(
    "",
    "Pod",
    { versions: ["v1"], plural: "pods", shortNames: ["po"] },
    object({ spec: required(podSpec), status: podStatus }),
  ),
  define(
    "",
    "Namespace",
    { versions: ["v1"], plural: "namespaces", shortNames: ["ns"], namespaced: false },
    object({ spec: opaque(), status: opaque() }),
  ),
  define(
    "",
    "Node",
    { versions: ["v1"], plural: "nodes", shortNames: ["no"], namespaced: false },
    object({ spec: opaque(), status: nodeStatus }),
  ),
  define("", "Secret", { versions: ["v1"], plural: "secrets" }, object(secretFields)),
  define("", "ConfigMap", { versions: ["v1"], plural: "configmaps", shortNames: ["cm"] }, object(configMapFields)),
  define(
    "",
    "ServiceAccount",
    { versions: ["v1"], plural: "serviceaccounts", shortNames: ["sa"] },
    object(serviceAccountFields),
  ),
  define("apps", "Deployment", { versions: ["v1"], plural: "deployments", shortNames: ["deploy"] }, spec(workloadSpec)),
  define(
    "apps",
    "StatefulSet",
    { versions: ["v1"], plural: "statefulsets", shortNames: ["sts"] },
    spec(statefulSetSpec),
  ),
  define("apps", "DaemonSet", { versions: ["v1"], plural: "daemonsets", shortNames: ["ds"] }, spec(workloadSpec)),
  define(
    "networking.k8s.io",
    "Ingress",
    { ...istio, versions: ["v1"], plural: "ingresses", shortNames: ["ing"] },
    spec(ingressSpec),
  ),
  define(
    "networking.k8s.io",
    "IngressClass",
    { ...istio, versions: ["v1"], plural: "ingressclasses", namespaced: false },
    optionalSpec(ingressClassSpec),
  ),
] as const;

type Entry = (typeof KINDS)[number];
type Bodies = {
  readonly [G in Entry["group"]]: {
    readonly [E in Extract<Entry, { readonly group: G }> as E["kind"]]: Infer<E["body"]>;
  };
};
/** Groups that have kinds of ours. */
export type Group = keyof Bodies;
export type KindOf<G extends Group> = keyof Bodies[G] & string;

/** The typed object of a kind: `ResourceObject<"networking.istio.io", "VirtualService">`. */
export type ResourceObject<G extends Group, K extends KindOf<G>> = {
  readonly apiVersion: string;
  readonly kind: K;
  readonly metadata: ObjectMeta;
} & Bodies[G][K];

/** Narrows a loaded object to its typed form. */
export function isKind<G extends Group, K extends KindOf<G>>(
  object: KubeObject,
  group: G,
  kind: K,
): object is ResourceObject<G, K> & KubeObject {
  return object.kind === kind && groupOf(object.apiVersion) === group;
}

/** "networking.istio.io/v1" → "networking.istio.io"; "v1" → "". */
export function groupOf(apiVersion: string): string {
  const slash = apiVersion.indexOf("/");
  return slash < 0 ? "" : apiVersion.slice(0, slash);
}

const BY_GROUP_KIND: ReadonlyMap<string, KindInfo> = new Map(
  KINDS.map((info): [string, KindInfo] => [`${info.group}/${info.kind}`, info]),
);
const GROUPS: ReadonlySet<string> = new Set(KINDS.map((info) => info.group));

export function findKind(group: string, kind: string): KindInfo | undefined {
  return BY_GROUP_KIND.get(`${group}/${kind}`);
}

/** Whether any kind of the group is read by the mesh. */
export function isKnownGroup(group: string): boolean {
  return GROUPS.has(group);
}

/** All kinds of a group, in table order. */
export function kindsOfGroup(group: string): readonly KindInfo[] {
  return KINDS.filter((info) => info.group === group);
}

/**
 * Kinds a user may mean by a name on the command line: singular, plural or short name in any case, optionally
 * followed by a group or the start of one (`gateway.networking.istio.io`, `gw`, `VirtualServices`). A bare `gateway`
 * means both Gateways; Istio's comes first. Empty if nothing has that name.
 */
export function findKindsByName(name: string): readonly KindInfo[] {
  const lower = name.toLowerCase();
  const dot = lower.indexOf(".");
  const word = dot < 0 ? lower : lower.slice(0, dot);
  const group = dot < 0 ? "" : lower.slice(dot + 1);
  return KINDS.filter(
    (info: KindInfo) =>
      (info.kind.toLowerCase() === word || info.plural === word || info.shortNames.includes(word)) &&
      info.group.startsWith(group),
  );
}
