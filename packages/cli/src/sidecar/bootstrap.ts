/**
 * The Envoy bootstrap of a sidecar or gateway that gets everything from the control plane over delta ADS, and the node
 * metadata by which a workload registers. Names are Istio's (istio pkg/model/proxy.go NodeMetadata); `TULLE` is ours.
 */
import { isIP } from "node:net";
import type { Address } from "../options.ts";

/** Who a workload is. */
export interface Identity {
  /** `router` is a gateway: traffic enters or leaves the mesh through it, no program stands behind it. */
  readonly type: "sidecar" | "router";
  /** The service it belongs to, unless a Service object selects it by its labels. */
  readonly service: string;
  readonly namespace: string;
  /** Such as `reviews-v2`: what a Deployment would be called. */
  readonly workload: string;
  /** Tells replicas of a workload apart. */
  readonly suffix: string;
  readonly serviceAccount: string;
  readonly labels: Readonly<Record<string, string>>;
  /** The IP address at which other proxies reach it. */
  readonly address: string;
}

/** A service port of the workload: where other proxies connect, and where the program behind it listens. */
interface InboundPort {
  readonly port: number;
  /** What is spoken there, default HTTP; `auto` is found out connection by connection. */
  readonly protocol?: string;
  readonly bind: Address;
  readonly app: Address;
}

/** Listeners that the control plane is asked for. */
export interface Ports {
  readonly inbound?: readonly InboundPort[];
  /** Where the program's HTTP_PROXY points. */
  readonly httpProxy?: Address;
  /** Local ports that carry requests for a service port, by their Host header, or connections to one service, whatever it speaks. */
  readonly outbound?: readonly { readonly port: number; readonly bind: Address; readonly service?: string }[];
  /** Where a Gateway's server ports are bound. */
  readonly gateway?: readonly { readonly port: number; readonly bind: Address }[];
}

export interface BootstrapOptions {
  readonly identity: Identity;
  readonly ports: Ports;
  /** The control plane's plaintext port, or the agent's way to it. */
  readonly xds: Address | AgentSockets;
  readonly admin: Address;
  /** The endpoint takes traffic only after the proxy has reported it healthy. */
  readonly reportsHealth: boolean;
  /** Where a scraper finds its metrics; undefined: at the admin endpoint. */
  readonly metrics?: Address | undefined;
  /** Where it shows its own alone, wherever the admin endpoint is. */
  readonly ownMetricsPort?: number;
  /** All addresses of a workload whose connections are redirected to the proxy. */
  readonly captured?: readonly string[];
}

/** Paths of the sockets of an agent: by one it leads to the control plane, at the other it serves secrets. */
export interface AgentSockets {
  readonly xds: string;
  readonly secrets: string;
}

/** A JSON value, as bootstrap files hold them. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** Istio's names. (istio/istio `tools/packaging/common/envoy_bootstrap.json`) */
const XDS_CLUSTER = "xds-grpc";
const SDS_CLUSTER = "sds-grpc";
/** What Istio's sidecars give the whole mesh when there is one cluster. */
const CLUSTER_ID = "Kubernetes";

/** Istio's form: `sidecar~10.1.2.3~reviews-v2-x7k2p.default~default.svc.cluster.local`. */
export function nodeId({ type, address, workload, suffix, namespace }: Identity): string {
  return `${type}~${address}~${workload}-${suffix}.${namespace}~${namespace}.svc.cluster.local`;
}

/** An Envoy bootstrap as a JSON value, field names as in Envoy's documentation. */
export function buildBootstrap(options: BootstrapOptions): Json {
  const { identity, ports, xds, admin, reportsHealth, captured, ownMetricsPort } = options;
  const metrics = options.metrics ?? admin;
  const ads = { ads: {}, resource_api_version: "V3" };
  return {
    node: {
      id: nodeId(identity),
      cluster: `${identity.service}.${identity.namespace}`,
      metadata: {
        NAMESPACE: identity.namespace,
        SERVICE_ACCOUNT: identity.serviceAccount,
        WORKLOAD_NAME: identity.workload,
        CLUSTER_ID,
        LABELS: identity.labels,
        ...(captured === undefined
          ? { INSTANCE_IPS: identity.address }
          : { INSTANCE_IPS: captured.join(), INTERCEPTION_MODE: "REDIRECT" }),
        TULLE: {
          ...registration(identity, ports, reportsHealth),
          telemetry: XDS_CLUSTER,
          ...(metrics.port === 0 ? {} : { metrics: { address: metrics.host, port: metrics.port } }),
          ...("secrets" in xds ? { secrets: SDS_CLUSTER } : {}),
        },
      },
    },
    admin: { address: socketAddress(admin) },
    // Metrics go where configuration comes from (docs/decisions/0040).
    stats_sinks: [
      {
        name: "envoy.stat_sinks.metrics_service",
        typed_config: {
          "@type": "type.googleapis.com/envoy.config.metrics.v3.MetricsServiceConfig",
          transport_api_version: "V3",
          grpc_service: { envoy_grpc: { cluster_name: XDS_CLUSTER } },
          emit_tags_as_labels: true,
          histogram_emit_mode: "HISTOGRAM",
        },
      },
    ],
    dynamic_resources: {
      ads_config: {
        api_type: "DELTA_GRPC",
        transport_api_version: "V3",
        grpc_services: [{ envoy_grpc: { cluster_name: XDS_CLUSTER } }],
      },
      cds_config: ads,
      lds_config: ads,
    },
    static_resources: {
      clusters: [
        ...("secrets" in xds
          ? [
              grpcCluster(XDS_CLUSTER, { pipe: { path: xds.xds } }),
              grpcCluster(SDS_CLUSTER, { pipe: { path: xds.secrets } }),
            ]
          : [grpcCluster(XDS_CLUSTER, socketAddress(xds), isIP(xds.host) === 0 ? "STRICT_DNS" : "STATIC")]),
        ...(ownMetricsPort === undefined ? [] : [cluster(OWN_METRICS_CLUSTER, socketAddress(admin))]),
      ],
      ...(ownMetricsPort === undefined ? {} : { listeners: [ownMetricsListener(ownMetricsPort)] }),
    },
  };
}

function registration(identity: Identity, ports: Ports, reportsHealth: boolean): { readonly [key: string]: Json } {
  const { inbound = [], outbound = [], gateway = [], httpProxy } = ports;
  return {
    service: identity.service,
    ...(httpProxy === undefined ? {} : { http_proxy: { address: httpProxy.host, port: httpProxy.port } }),
    inbound: inbound.map(({ port, protocol = "http", bind, app }) => ({
      port,
      protocol,
      address: bind.host,
      bind_port: bind.port,
      app_address: app.host,
      app_port: app.port,
    })),
    outbound: outbound.map(({ port, bind, service }) => ({
      port,
      address: bind.host,
      bind_port: bind.port,
      ...(service === undefined ? {} : { service }),
    })),
    ...(gateway.length === 0
      ? {}
      : {
          gateway_ports: Object.fromEntries(
            gateway.map(({ port, bind }) => [`${port}`, { address: bind.host, port: bind.port }]),
          ),
        }),
    ...(reportsHealth ? { health: "reported" } : {}),
  };
}

function grpcCluster(name: string, address: Json, type: "STATIC" | "STRICT_DNS" = "STATIC"): Json {
  return {
    ...cluster(name, address, type),
    typed_extension_protocol_options: {
      "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        explicit_http_config: { http2_protocol_options: {} },
      },
    },
  };
}

function cluster(
  name: string,
  address: Json,
  type: "STATIC" | "STRICT_DNS" = "STATIC",
): { readonly [key: string]: Json } {
  return {
    name,
    type,
    connect_timeout: "1s",
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: [{ endpoint: { address } }] }] },
  };
}

/** Istio's, of its listener at 15090. */
const OWN_METRICS_CLUSTER = "prometheus_stats";

/** (istio/istio `tools/packaging/common/envoy_bootstrap.json`) */
function ownMetricsListener(port: number): Json {
  return {
    address: { socket_address: { address: "0.0.0.0", port_value: port } },
    filter_chains: [
      {
        filters: [
          {
            name: "envoy.filters.network.http_connection_manager",
            typed_config: {
              "@type":
                "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
              codec_type: "AUTO",
              stat_prefix: "stats",
              route_config: {
                virtual_hosts: [
                  {
                    name: "backend",
                    domains: ["*"],
                    routes: [{ match: { prefix: "/stats/prometheus" }, route: { cluster: OWN_METRICS_CLUSTER } }],
                  },
                ],
              },
              http_filters: [
                {
                  name: "envoy.filters.http.router",
                  typed_config: { "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" },
                },
              ],
            },
          },
        ],
      },
    ],
  };
}

function socketAddress({ host, port }: Address): Json {
  return { socket_address: { address: host, port_value: port } };
}
