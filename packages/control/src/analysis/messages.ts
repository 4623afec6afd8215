/**
 * Istio's analysis messages (istio/istio `pkg/config/analysis/msg/messages.yaml`): those that can be said here, and why not the others.
 * docs/reference/analysis.md is generated from this table.
 */

export type Level = "Error" | "Warning" | "Info";

export interface MessageType {
  readonly name: string;
  readonly level: Level;
  /** What is found, for the reference. */
  readonly about: string;
  /** What to do. */
  readonly fix: string;
  /** Kiali's names for the same. */
  readonly kiali?: readonly string[];
}

export const MESSAGES = {
  IST0002: {
    name: "Deprecated",
    level: "Warning",
    about: "a field that has a successor",
    fix: "Write what the message names in its place.",
  },
  IST0101: {
    name: "ReferencedResourceNotFound",
    level: "Error",
    about:
      "a reference to something that is not there: a host, a port, a subset, a Gateway, a delegate, a Secret, a provider; a Gateway whose selector no connected gateway matches",
    fix: "Correct the name, or add what it names.",
    kiali: ["KIA1101", "KIA1102", "KIA1107", "KIA0202"],
  },
  IST0106: {
    name: "SchemaValidationError",
    level: "Error",
    about:
      "an object that is not what its schema says: it is not in force; a filter of access logs that is no CEL expression: it does not hold",
    fix: "Write what is expected there.",
    kiali: ["KIA1001"],
  },
  IST0109: {
    name: "ConflictingMeshGatewayVirtualServiceHosts",
    level: "Error",
    about: "two VirtualServices for one host in the mesh: the older one counts, they are not merged",
    fix: "Put the routes into one VirtualService.",
    kiali: ["KIA1106"],
  },
  IST0110: {
    name: "ConflictingSidecarWorkloadSelectors",
    level: "Error",
    about: "two Sidecars that select the same workloads",
    fix: "Keep one, or make the selectors disjoint.",
    kiali: ["KIA1003"],
  },
  IST0111: {
    name: "MultipleSidecarsWithoutWorkloadSelectors",
    level: "Error",
    about: "two Sidecars of a namespace without selector",
    fix: "Keep one, or give the others a workloadSelector.",
    kiali: ["KIA1002"],
  },
  IST0112: {
    name: "VirtualServiceDestinationPortSelectorRequired",
    level: "Error",
    about: "a destination without port whose service has several",
    fix: "Write destination.port.number.",
  },
  IST0118: {
    name: "PortNameIsNotUnderNamingConvention",
    level: "Info",
    about: "a port whose protocol neither its name nor appProtocol says",
    fix: "Call it <protocol>[-suffix], such as http-api, or write appProtocol.",
    kiali: ["KIA0601"],
  },
  IST0127: {
    name: "NoMatchingWorkloadsFound",
    level: "Warning",
    about: "a selector that no workload has the labels of",
    fix: "Correct the labels, or start the workload.",
    kiali: ["KIA0004"],
  },
  IST0130: {
    name: "VirtualServiceUnreachableRule",
    level: "Warning",
    about: "a route that none is left for: one before it takes everything",
    fix: "Move it up, or take it away.",
  },
  IST0131: {
    name: "VirtualServiceIneffectiveMatch",
    level: "Info",
    about: "a match that a match before it covers",
    fix: "Move it up, or take it away.",
  },
  IST0132: {
    name: "VirtualServiceHostNotFoundInGateway",
    level: "Warning",
    about: "a host of a VirtualService that no server of its Gateways admits",
    fix: "Add the host to the Gateway's server, or take it away.",
    kiali: ["KIA1108"],
  },
  IST0133: {
    name: "SchemaWarning",
    level: "Warning",
    about: "something in an object that has no effect, or not the one that it seems to have",
    fix: "The message says what is meant.",
  },
  IST0134: {
    name: "ServiceEntryAddressesRequired",
    level: "Warning",
    about: "a ServiceEntry for TCP without addresses: captured connections cannot be told apart",
    fix: "Write spec.addresses.",
  },
  IST0145: {
    name: "ConflictingGateways",
    level: "Error",
    about: "two Gateways for the same proxies with one port and one host",
    fix: "Put the servers into one Gateway, or let the hosts differ.",
    kiali: ["KIA0301"],
  },
  IST0149: {
    name: "JwtClaimBasedRoutingWithoutRequestAuthN",
    level: "Error",
    about: "routing by claims where no RequestAuthentication is for the Gateway's proxies",
    fix: "Add a RequestAuthentication that selects them.",
  },
  IST0152: {
    name: "EnvoyFilterUsesReplaceOperationIncorrectly",
    level: "Error",
    about: "REPLACE of something else than a filter",
    fix: "REPLACE is for HTTP_FILTER and NETWORK_FILTER.",
  },
  IST0153: {
    name: "EnvoyFilterUsesAddOperationIncorrectly",
    level: "Error",
    about: "ADD to ROUTE_CONFIGURATION or HTTP_ROUTE",
    fix: "MERGE into what is there.",
  },
  IST0154: {
    name: "EnvoyFilterUsesRemoveOperationIncorrectly",
    level: "Error",
    about: "REMOVE of ROUTE_CONFIGURATION or HTTP_ROUTE",
    fix: "Take away the rule that makes it.",
  },
  IST0159: {
    name: "ConflictingTelemetryWorkloadSelectors",
    level: "Error",
    about: "two Telemetries that select the same workloads",
    fix: "Keep one, or make the selectors disjoint.",
  },
  IST0160: {
    name: "MultipleTelemetriesWithoutWorkloadSelectors",
    level: "Error",
    about: "two Telemetries of a namespace without selector",
    fix: "Keep one, or give the others a selector.",
  },
  IST0161: {
    name: "InvalidGatewayCredential",
    level: "Error",
    about: "a Secret of a Gateway that holds nothing that could be served",
    fix: "Give it tls.crt and tls.key that belong together.",
  },
  IST0167: {
    name: "IneffectivePolicy",
    level: "Warning",
    about: "an object, or a part of it, that changes nothing",
    fix: "The message says why; take it away, or make it hold.",
  },
  IST0173: {
    name: "DestinationRuleSubsetNotSelectPods",
    level: "Error",
    about: "a subset that no workload of the service has the labels of: 503 UH",
    fix: "Correct the labels, or start the workload.",
    kiali: ["KIA0203"],
  },
  IST0174: {
    name: "UnknownDestinationRuleHost",
    level: "Warning",
    about: "a DestinationRule for a host that no service has",
    fix: "Correct the host, or add the service.",
    kiali: ["KIA0202"],
  },
  IST0177: {
    name: "ConflictingServiceEntryProtocol",
    level: "Warning",
    about: "ServiceEntries that give one port of one host different protocols",
    fix: "Let them agree.",
  },
} as const satisfies Readonly<Record<string, MessageType>>;

export type Code = keyof typeof MESSAGES;

const INJECTION = "proxies are not injected here: `tulle run` starts them";
const ANNOTATIONS = "annotations that only Istio's injection and operator read say nothing here";
const CLUSTER = "it is about a Kubernetes cluster or an installation of Istio's, of which there is none here";
const PODS = "it is about Deployments and their containers, which are not read here";

/** Why a code is never said. */
export const LEFT_OUT: Readonly<Record<string, readonly [name: string, why: string]>> = {
  IST0001: ["InternalError", "an analyzer that fails is an error of the command"],
  IST0102: ["NamespaceNotInjected", INJECTION],
  IST0103: ["PodMissingProxy", INJECTION],
  IST0107: ["MisplacedAnnotation", ANNOTATIONS],
  IST0108: ["UnknownAnnotation", ANNOTATIONS],
  IST0116: ["DeploymentAssociatedToMultipleServices", PODS],
  IST0123: ["NamespaceMultipleInjectionLabels", INJECTION],
  IST0125: ["InvalidAnnotation", ANNOTATIONS],
  IST0126: ["UnknownMeshNetworksServiceRegistry", "there are no registries beside the configuration directory"],
  IST0128: [
    "NoServerCertificateVerificationDestinationLevel",
    "without caCertificates servers are verified by the system's authorities",
  ],
  IST0129: [
    "NoServerCertificateVerificationPortLevel",
    "without caCertificates servers are verified by the system's authorities",
  ],
  IST0135: ["DeprecatedAnnotation", ANNOTATIONS],
  IST0136: ["AlphaAnnotation", ANNOTATIONS],
  IST0137: ["DeploymentConflictingPorts", PODS],
  IST0138: [
    "GatewayDuplicateCertificate",
    "requests on a reused connection are routed by their own host: 404 comes from HTTP/2 alone",
  ],
  IST0139: ["InvalidWebhook", CLUSTER],
  IST0140: ["IngressRouteRulesNotAffected", "subsets hold at gateways as in the mesh"],
  IST0141: ["InsufficientPermissions", CLUSTER],
  IST0142: ["UnsupportedKubernetesVersion", CLUSTER],
  IST0143: ["LocalhostListener", "programs behind `tulle run` may well listen on localhost alone"],
  IST0144: ["InvalidApplicationUID", PODS],
  IST0146: ["ImageAutoWithoutInjectionWarning", INJECTION],
  IST0147: ["ImageAutoWithoutInjectionError", INJECTION],
  IST0148: ["NamespaceInjectionEnabledByDefault", INJECTION],
  IST0150: ["ExternalNameServiceTypeInvalidPortName", "a port of an ExternalName service is found by its number"],
  IST0151: ["EnvoyFilterUsesRelativeOperation", "a warning where it is written: priority fixes the order"],
  IST0155: [
    "EnvoyFilterUsesRelativeOperationWithProxyVersion",
    "a warning where it is written: priority fixes the order",
  ],
  IST0156: ["UnsupportedGatewayAPIVersion", CLUSTER],
  IST0157: ["InvalidTelemetryProvider", "a Telemetry without providers has MeshConfig's defaults"],
  IST0158: ["PodsIstioProxyImageMismatchInNamespace", INJECTION],
  IST0162: ["GatewayPortNotDefinedOnService", "gateways bind their ports themselves, without a Service"],
  IST0163: ["InvalidExternalControlPlaneConfig", CLUSTER],
  IST0164: ["ExternalControlPlaneAddressIsNotAHostname", CLUSTER],
  IST0165: ["ReferencedInternalGateway", "Gateway API is not applied yet: status NotYetApplied"],
  IST0166: ["IneffectiveSelector", "Gateway API is not applied yet: status NotYetApplied"],
  IST0168: ["UnknownUpgradeCompatibility", CLUSTER],
  IST0169: ["UpdateIncompatibility", CLUSTER],
  IST0170: ["MultiClusterInconsistentService", CLUSTER],
  IST0171: ["NegativeConditionStatus", CLUSTER],
  IST0172: ["FutureUnsupportedGatewayAPIVersion", CLUSTER],
  IST0175: ["JwksUriFetchUnrestricted", "proxies fetch keys themselves; the control plane asks issuers alone"],
  IST0176: ["GatewayAPICRDVersionBelowMinimum", CLUSTER],
};
