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
  readonly bind: Address;
  readonly app: Address;
}

/** Listeners that the control plane is asked for. */
export interface Ports {
  readonly inbound?: readonly InboundPort[];
  /** Where the program's HTTP_PROXY points. */
  readonly httpProxy?: Address;
  /** Local ports that carry requests for a service port, by their Host header. */
  readonly outbound?: readonly { readonly port: number; readonly bind: Address }[];
  /** Where a Gateway's server ports are bound. */
  readonly gateway?: readonly { readonly port: number; readonly bind: Address }[];
}

export interface BootstrapOptions {
  readonly identity: Identity;
  readonly ports: Ports;
  readonly xds: Address;
  readonly admin: Address;
  /** The endpoint takes traffic only after the proxy has reported it healthy. */
  readonly reportsHealth: boolean;
}

/** A JSON value, as bootstrap files hold them. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

const XDS_CLUSTER = "xds-grpc";
/** What Istio's sidecars give the whole mesh when there is one cluster. */
const CLUSTER_ID = "Kubernetes";

/** Istio's form: `sidecar~10.1.2.3~reviews-v2-x7k2p.default~default.svc.cluster.local`. */
export function nodeId({ type, address, workload, suffix, namespace }: Identity): string {
  return `${type}~${address}~${workload}-${suffix}.${namespace}~${namespace}.svc.cluster.local`;
}

/** An Envoy bootstrap as a JSON value, field names as in Envoy's documentation. */
export function buildBootstrap({ identity, ports, xds, admin, reportsHealth }: BootstrapOptions): Json {
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
        INSTANCE_IPS: identity.address,
        TULLE: registration(identity, ports, reportsHealth),
      },
    },
    admin: { address: socketAddress(admin) },
    dynamic_resources: {
      ads_config: {
        api_type: "DELTA_GRPC",
        transport_api_version: "V3",
        grpc_services: [{ envoy_grpc: { cluster_name: XDS_CLUSTER } }],
      },
      cds_config: ads,
      lds_config: ads,
    },
    static_resources: { clusters: [xdsCluster(xds)] },
  };
}

function registration(identity: Identity, ports: Ports, reportsHealth: boolean): Json {
  const { inbound = [], outbound = [], gateway = [], httpProxy } = ports;
  return {
    service: identity.service,
    ...(httpProxy === undefined ? {} : { http_proxy: { address: httpProxy.host, port: httpProxy.port } }),
    inbound: inbound.map(({ port, bind, app }) => ({
      port,
      protocol: "http",
      address: bind.host,
      bind_port: bind.port,
      app_address: app.host,
      app_port: app.port,
    })),
    outbound: outbound.map(({ port, bind }) => ({ port, address: bind.host, bind_port: bind.port })),
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

function xdsCluster(xds: Address): Json {
  const endpoint = { endpoint: { address: socketAddress(xds) } };
  return {
    name: XDS_CLUSTER,
    type: isIP(xds.host) === 0 ? "STRICT_DNS" : "STATIC",
    connect_timeout: "1s",
    typed_extension_protocol_options: {
      "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        explicit_http_config: { http2_protocol_options: {} },
      },
    },
    load_assignment: { cluster_name: XDS_CLUSTER, endpoints: [{ lb_endpoints: [endpoint] }] },
  };
}

function socketAddress({ host, port }: Address): Json {
  return { socket_address: { address: host, port_value: port } };
}
