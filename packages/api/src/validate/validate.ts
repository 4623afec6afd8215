/** Rules about one object that its schema cannot say, by kind. Rules about several objects are the control plane's. */
import type { KubeObject } from "../kinds/kubernetes/metadata.ts";
import { groupOf } from "../kinds/registry.ts";
import type { Group, KindOf, ResourceObject } from "../kinds/registry.ts";
import type { Report } from "../schema/check.ts";
import { validatePeerAuthentication, validateRequestAuthentication } from "./authentication.ts";
import { validateAuthorizationPolicy } from "./authorization-policy.ts";
import { validateDestinationRule } from "./destination-rule.ts";
import {
  validateEnvoyFilter,
  validateProxyConfig,
  validateTrafficExtension,
  validateWasmPlugin,
} from "./extensions.ts";
import { validateFallback } from "./fallback.ts";
import { validateGatewayHttpRoute, validateGrpcRoute, validateL4Route } from "./gateway-api-routes.ts";
import { validateBackendTlsPolicy, validateK8sGateway, validateListenerSet } from "./gateway-api.ts";
import { validateGateway } from "./gateway.ts";
import { validateConfigMap } from "./mesh-config.ts";
import { validateEndpointSlice, validateIngress, validateService, validateWorkload } from "./kubernetes.ts";
import { validateRateLimit } from "./rate-limit.ts";
import { reporter } from "./reporter.ts";
import type { Reporter } from "./reporter.ts";
import { validateServiceEntry, validateWorkloadEntry, validateWorkloadGroup } from "./service-entry.ts";
import { validateSidecar } from "./sidecar.ts";
import { validateTelemetry } from "./telemetry.ts";
import { validateVirtualService } from "./virtual-service.ts";

type Validators = {
  readonly [G in Group]?: { readonly [K in KindOf<G>]?: (object: ResourceObject<G, K>, reporter: Reporter) => void };
};

const VALIDATORS: Validators = {
  "networking.istio.io": {
    VirtualService: validateVirtualService,
    DestinationRule: validateDestinationRule,
    Gateway: validateGateway,
    ServiceEntry: validateServiceEntry,
    WorkloadEntry: validateWorkloadEntry,
    WorkloadGroup: validateWorkloadGroup,
    Sidecar: validateSidecar,
    EnvoyFilter: validateEnvoyFilter,
    ProxyConfig: validateProxyConfig,
  },
  "security.istio.io": {
    PeerAuthentication: validatePeerAuthentication,
    RequestAuthentication: validateRequestAuthentication,
    AuthorizationPolicy: validateAuthorizationPolicy,
  },
  "telemetry.istio.io": { Telemetry: validateTelemetry },
  "extensions.istio.io": { WasmPlugin: validateWasmPlugin, TrafficExtension: validateTrafficExtension },
  "gateway.networking.k8s.io": {
    Gateway: validateK8sGateway,
    ListenerSet: validateListenerSet,
    HTTPRoute: validateGatewayHttpRoute,
    GRPCRoute: validateGrpcRoute,
    TLSRoute: validateL4Route,
    TCPRoute: validateL4Route,
    UDPRoute: validateL4Route,
    BackendTLSPolicy: validateBackendTlsPolicy,
  },
  "tulle.dev": { Fallback: validateFallback, RateLimit: validateRateLimit },
  "": { Service: validateService, ConfigMap: validateConfigMap },
  "discovery.k8s.io": { EndpointSlice: validateEndpointSlice },
  apps: { Deployment: validateWorkload, StatefulSet: validateWorkload, DaemonSet: validateWorkload },
  "networking.k8s.io": { Ingress: validateIngress },
};

type AnyValidator = (object: KubeObject, reporter: Reporter) => void;
const BY_GROUP: Readonly<Record<string, Readonly<Record<string, unknown>>>> = VALIDATORS;

/** Reports what is wrong with an object that passed its schema. */
export function validate(object: KubeObject, report: Report): void {
  const group = groupOf(object.apiVersion);
  if (!Object.hasOwn(BY_GROUP, group) || !Object.hasOwn(BY_GROUP[group]!, object.kind)) return;
  // The table's type ties each function to its kind; group and kind have just chosen the row.
  const validator = BY_GROUP[group]![object.kind] as AnyValidator;
  validator(object, reporter(report));
}
