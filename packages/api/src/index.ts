export { formatDuration, parseDuration } from "./duration.ts";
export { isIP, isIPv4, isIPv6, maskedAddress } from "./address.ts";
export { findKind, findKindsByName, groupOf, isKind, isKnownGroup, KINDS, kindsOfGroup } from "./kinds/registry.ts";
export type { Group, KindInfo, KindOf, ResourceObject } from "./kinds/registry.ts";
export type { KubeObject, ObjectMeta, OwnerReference } from "./kinds/kubernetes/metadata.ts";
export type { EndpointAddress, EndpointPort, EndpointSubset, SliceEndpoint } from "./kinds/kubernetes/endpoints.ts";
export type { IngressBackend, IngressClassSpec, IngressPath, IngressSpec } from "./kinds/kubernetes/ingress.ts";
export type { NodeStatus } from "./kinds/kubernetes/cluster.ts";
export type {
  Container,
  ContainerPort,
  ContainerProbe,
  DeploymentSpec,
  LabelSelector,
  PodSpec,
  PodStatus,
  PodTemplate,
  StatefulSetSpec,
} from "./kinds/kubernetes/pod.ts";
export type { ServicePort, ServiceSpec, ServiceStatus } from "./kinds/kubernetes/service.ts";
export type { FallbackRuleSpec, FallbackSpec } from "./kinds/tulle/fallback.ts";
export type { RateLimitRuleSpec, RateLimitSpec } from "./kinds/tulle/rate-limit.ts";
export { fallbackConditions } from "./fallback-conditions.ts";
export type { FallbackFailure } from "./fallback-conditions.ts";
export type { DestinationRuleSpec, Subset } from "./kinds/istio/destination-rule.ts";
export type { EnvoyConfigObjectPatch, EnvoyFilterSpec } from "./kinds/istio/envoy-filter.ts";
export type { TrafficExtensionSpec, WasmPluginSpec } from "./kinds/istio/extensions.ts";
export type { GatewayServer, GatewaySpec, ServerTlsSettings } from "./kinds/istio/gateway.ts";
export type { ProxyConfigSpec } from "./kinds/istio/proxy-config.ts";
export type {
  AuthorizationCondition,
  AuthorizationOperation,
  AuthorizationPolicySpec,
  AuthorizationRule,
  AuthorizationSource,
  JwtRule,
  MutualTls,
  PeerAuthenticationSpec,
  RequestAuthenticationSpec,
} from "./kinds/istio/security.ts";
export type { LabelsSelector, PolicyTargetReference, PortSelector, WorkloadSelector } from "./kinds/istio/selector.ts";
export type { ServiceEntryPort, ServiceEntrySpec, ServiceEntryStatus } from "./kinds/istio/service-entry.ts";
export type { OutboundTrafficPolicy, SidecarEgress, SidecarIngress, SidecarSpec } from "./kinds/istio/sidecar.ts";
export type {
  AccessLoggingSettings,
  MetricsSettings,
  TelemetrySpec,
  TracingSettings,
} from "./kinds/istio/telemetry.ts";
export type {
  ClientTlsSettings,
  ConnectionPoolSettings,
  ConsistentHash,
  LoadBalancerSettings,
  LocalityLbSetting,
  OutlierDetection,
  PortTrafficPolicy,
  TcpKeepalive,
  TrafficPolicy,
  ZoneAwareLbSetting,
} from "./kinds/istio/traffic-policy.ts";
export type {
  CorsPolicy,
  Delegate,
  Destination,
  HeaderOperations,
  Headers as IstioHeaders,
  HttpDirectResponse,
  HttpFaultInjection,
  HttpMatchRequest,
  HttpMirrorPolicy,
  HttpRedirect,
  HttpRetry,
  HttpRewrite,
  HttpRouteDestination,
  IstioHttpRoute,
  IstioTcpRoute,
  IstioTlsRoute,
  L4MatchAttributes,
  Percent,
  RouteDestination,
  StringMatch,
  TlsMatchAttributes,
  VirtualServiceSpec,
} from "./kinds/istio/virtual-service.ts";
export type { ReadinessProbe, WorkloadEntrySpec, WorkloadGroupSpec } from "./kinds/istio/workload.ts";
export type {
  GatewayClassSpec,
  GatewayListener,
  K8sGatewaySpec,
  ListenerSetSpec,
} from "./kinds/gateway-api/gateway.ts";
export type { GrpcRouteFilter, GrpcRouteMatch, GrpcRouteRule, GrpcRouteSpec } from "./kinds/gateway-api/grpc-route.ts";
export type {
  HeaderModifier,
  HttpBackendReference,
  HttpRouteFilter,
  HttpRouteMatch,
  HttpRouteRule,
  HttpRouteSpec,
  RequestMirror,
} from "./kinds/gateway-api/http-route.ts";
export type { L4RouteSpec, TlsRouteSpec } from "./kinds/gateway-api/l4-routes.ts";
export type { BackendTlsPolicySpec, ReferenceGrantSpec } from "./kinds/gateway-api/policies.ts";
export type {
  BackendObjectReference,
  BackendReference,
  Condition,
  LocalObjectReference,
  ObjectReference,
  ParentReference,
  RouteGroupKind,
  SecretObjectReference,
} from "./kinds/gateway-api/references.ts";
export {
  compareSpecificity,
  DEFAULT_DOMAIN,
  hostMatches,
  hostsIntersect,
  isWildcard,
  MESH_GATEWAY,
  mostSpecificMatch,
  parseNamespacedHost,
  resolveGatewayName,
  resolveShortName,
  serviceHost,
} from "./host.ts";
export type { NamespacedHost } from "./host.ts";
export { isPrivate, isVisibleTo, parseExportTo, parseExportToAnnotation } from "./visibility.ts";
export type { Visibility } from "./visibility.ts";
export { matchesLabels, matchesSelector } from "./selector.ts";
export type { Labels } from "./selector.ts";
export { routingClaim } from "./routing-claim.ts";
export { perMillion } from "./percent.ts";
export { isHttpProtocol, isTlsProtocol, parseProtocol, servicePortProtocol } from "./protocol.ts";
export type { PortProtocol } from "./protocol.ts";
export { validate } from "./validate/validate.ts";
export { GRPC_STATUS_NAMES } from "./validate/grpc-status.ts";
export { formatDiagnostic, formatPath } from "./diagnostic.ts";
export { MESH_CONFIG_KEY, MESH_CONFIG_MAP, meshConfigOf } from "./mesh-config/parse.ts";
export type { MeshConfig } from "./mesh-config/schema.ts";
export type { Diagnostic, DiagnosticCode, Path, PathStep, Severity } from "./diagnostic.ts";
export type { LoadedObject, Position, Source } from "./parse/loaded-object.ts";
export { DEFAULT_NAMESPACE } from "./parse/load-object.ts";
export { DEFAULT_LIMITS } from "./parse/limits.ts";
export type { ParseLimits } from "./parse/limits.ts";
export { loadValue } from "./parse/load-value.ts";
export type { LoadValueResult } from "./parse/load-value.ts";
export { parseYaml } from "./parse/parse-yaml.ts";
export type { ParseResult } from "./parse/parse-yaml.ts";
export { destinationsOf } from "./references.ts";
export type { DestinationReference } from "./references.ts";
