/** Parts of Envoy bootstraps that benchmarks write. */

export type Json = Record<string, unknown>;

export const node: Json = { id: "bench-hop", cluster: "bench" };

export function address(port: number): Json {
  return { socket_address: { address: "127.0.0.1", port_value: port } };
}

/** A `typed_config` of one of Envoy's extensions, by its type below `envoy.extensions`. */
export function typed(type: string, config: Json): Json {
  return { typed_config: { "@type": `type.googleapis.com/envoy.extensions.${type}`, ...config } };
}

/** On a port that is chosen later. @param chain more of its filter chain */
export function listener(manager: Json, chain: Json = {}): Json {
  return {
    name: "hop",
    address: address(0),
    filter_chains: [{ filters: [{ name: "envoy.filters.network.http_connection_manager", ...manager }], ...chain }],
  };
}

export function httpConnectionManager(fields: Json): Json {
  const type = "filters.network.http_connection_manager.v3.HttpConnectionManager";
  return typed(type, { stat_prefix: "hop", ...fields });
}

export function staticCluster(name: string, port: number, fields: Json): Json {
  return {
    name,
    type: "STATIC",
    connect_timeout: "10s",
    load_assignment: {
      cluster_name: name,
      endpoints: [{ lb_endpoints: [{ endpoint: { address: address(port) } }] }],
    },
    ...fields,
  };
}
