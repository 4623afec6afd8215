/** The types of resources, and the order in which they depend on each other. */

/** Type URLs of the resources that Tulle serves. (Envoy api/envoy/service/discovery/v3, "xDS REST and gRPC protocol") */
export const TYPE = {
  cluster: "type.googleapis.com/envoy.config.cluster.v3.Cluster",
  endpoints: "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
  listener: "type.googleapis.com/envoy.config.listener.v3.Listener",
  route: "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
  virtualHost: "type.googleapis.com/envoy.config.route.v3.VirtualHost",
  secret: "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret",
  /** For the agent beside a proxy, which answers DNS questions. (Istio pkg/xds/v3/model.go, NameTableType) */
  nameTable: "type.googleapis.com/istio.networking.nds.v1.NameTable",
} as const;

export type TypeUrl = (typeof TYPE)[keyof typeof TYPE];

/**
 * Make-before-break order: what is referred to goes before what refers to it; removals go in the opposite direction,
 * after everything else. (Envoy docs, "Eventual consistency considerations")
 */
export const PUSH_ORDER: readonly TypeUrl[] = [
  TYPE.cluster,
  TYPE.endpoints,
  TYPE.secret,
  TYPE.listener,
  TYPE.route,
  TYPE.virtualHost,
  TYPE.nameTable,
];

/**
 * Not a resource: a request of this type says how the workload behind the client is. Without error_detail it is
 * healthy. (Istio pkg/xds/v3/model.go, HealthInfoType; pkg/istio-agent/xds_proxy.go)
 */
export const HEALTH_INFORMATION = "type.googleapis.com/istio.v1.HealthInformation";
