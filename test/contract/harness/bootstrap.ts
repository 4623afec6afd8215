/** Puts a case's parts over the default bootstrap. Ports of upstreams and the log's path come in through placeholders. */
import type { ClusterParts, ContractCase, Json, JsonObject } from "./case.ts";
import { endpoint, toCluster, typed } from "./steps.ts";
import { CERTIFICATES } from "./tls.ts";

export interface Places {
  /** Ports by upstream name. */
  readonly ports: ReadonlyMap<string, number>;
  /** Where an access log goes. */
  readonly logFile: string;
}

/** Port 0 of the loopback: the system chooses, the proxy tells. */
const ANY_PORT = { socket_address: { address: "127.0.0.1", port_value: 0 } };

export function bootstrapOf(contractCase: ContractCase, places: Places): JsonObject {
  return filled(template(contractCase), places) as JsonObject;
}

/** The names of upstreams that a case's clusters point to. */
export function upstreamNames(contractCase: ContractCase): string[] {
  const found = JSON.stringify(template(contractCase)).matchAll(/\{port ([^}]+)\}/g);
  const names = new Set([...Object.keys(contractCase.upstreams ?? {}), ...[...found].map(([, name]) => name!)]);
  // Not one that is connected to.
  names.delete("dns");
  return [...names];
}

function template(contractCase: ContractCase): JsonObject {
  const clusters = Object.entries<ClusterParts>(contractCase.clusters ?? { a: {} });
  const listener = {
    name: "l",
    address: ANY_PORT,
    filter_chains: [
      {
        filters: [{ name: "hcm", typed_config: manager(contractCase) }],
        ...(contractCase.transportSocket === undefined ? {} : { transport_socket: contractCase.transportSocket }),
      },
    ],
    ...contractCase.listener,
  };
  return {
    node: { id: "n", cluster: "c" },
    admin: { address: ANY_PORT },
    static_resources: { listeners: [listener], clusters: clusters.map(([name, parts]) => cluster(name, parts)) },
    ...contractCase.bootstrap,
  };
}

function manager({
  manager: fields,
  filters = [],
  router,
  routeConfig,
  accessLog,
  ...parts
}: ContractCase): JsonObject {
  const virtualHost = {
    name: "v",
    domains: ["*"],
    routes: parts.routes ?? [toCluster("/", "a")],
    ...parts.virtualHost,
  };
  const log = typed("extensions.access_loggers.file.v3.FileAccessLog", {
    path: "{log}",
    log_format: { text_format_source: { inline_string: `${accessLog}\n` } },
  });
  return typed("extensions.filters.network.http_connection_manager.v3.HttpConnectionManager", {
    stat_prefix: "in",
    route_config: {
      name: "r",
      validate_clusters: false,
      virtual_hosts: parts.virtualHosts ?? [virtualHost],
      ...routeConfig,
    },
    http_filters: [
      ...filters,
      { name: "envoy.filters.http.router", typed_config: typed("extensions.filters.http.router.v3.Router", router) },
    ],
    ...(accessLog === undefined ? {} : { access_log: [{ name: "file", typed_config: log }] }),
    ...fields,
  });
}

function cluster(name: string, { endpoints = [name], ...fields }: ClusterParts): JsonObject {
  const entries = endpoints.map((each) => (typeof each === "string" ? endpoint(each) : each));
  return {
    name,
    type: "STATIC",
    connect_timeout: "1s",
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: entries }] },
    ...fields,
  };
}

function filled(value: Json, places: Places): Json {
  if (typeof value === "string") {
    const port = /^\{port ([^}]+)\}$/.exec(value)?.[1];
    if (port !== undefined) return places.ports.get(port)!;
    return value
      .replaceAll("{log}", places.logFile)
      .replaceAll("{certs}", CERTIFICATES)
      .replaceAll(/\{port ([^}]+)\}/g, (_, name: string) => String(places.ports.get(name)));
  }
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((each: Json) => filled(each, places));
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, filled(each, places)]));
}
