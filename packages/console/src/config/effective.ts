/** Envoy's `/config_dump` as rows: each resource, and the object and line that made it so. Pure. */
import type { ConfigDump, Json } from "../api/types.ts";

export interface Origin {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly field: string;
  readonly file: string;
  readonly line: number;
}

export interface Resource {
  readonly name: string;
  /** What it is about, in a few words. */
  readonly summary: string;
  readonly version: string;
  readonly origins: readonly Origin[];
  readonly json: Json;
}

export interface ResourceGroup {
  readonly id: "listeners" | "routes" | "clusters" | "endpoints";
  readonly name: string;
  readonly resources: readonly Resource[];
}

interface Fields {
  readonly [name: string]: Json;
}

const ORIGIN = "tulle.origin";

/** Names of a dump's sections, the field of its entries, and where in an entry the resource is. */
const SECTIONS: readonly {
  readonly type: string;
  readonly group: ResourceGroup["id"];
  readonly entries: string;
  readonly resource: (entry: Fields) => Json | undefined;
  readonly version: (entry: Fields) => Json | undefined;
}[] = [
  {
    type: "ListenersConfigDump",
    group: "listeners",
    entries: "dynamic_listeners",
    resource: (entry) => fields(entry["active_state"])["listener"],
    version: (entry) => fields(entry["active_state"])["version_info"],
  },
  section("RoutesConfigDump", "routes", "dynamic_route_configs", "route_config"),
  section("VirtualHostsConfigDump", "routes", "dynamic_virtual_hosts", "virtual_host"),
  section("ClustersConfigDump", "clusters", "dynamic_active_clusters", "cluster"),
  section("EndpointsConfigDump", "endpoints", "dynamic_endpoint_configs", "endpoint_config"),
];

function section(type: string, group: ResourceGroup["id"], entries: string, field: string) {
  return {
    type,
    group,
    entries,
    resource: (entry: Fields) => entry[field],
    version: (entry: Fields) => entry["version_info"],
  };
}

export function effectiveConfiguration({ configs }: ConfigDump): readonly ResourceGroup[] {
  const groups: Record<ResourceGroup["id"], Resource[]> = { listeners: [], routes: [], clusters: [], endpoints: [] };
  for (const config of configs) {
    const found = SECTIONS.find(({ type }) => config["@type"].endsWith(`.${type}`));
    if (found === undefined) continue;
    for (const entry of list(config[found.entries])) {
      const json = found.resource(fields(entry));
      if (json === undefined) continue;
      const resource = fields(json);
      groups[found.group].push({
        name: text(resource["name"]) || text(resource["cluster_name"]),
        summary: summarise(found.type, resource),
        version: text(found.version(fields(entry))),
        origins: originsIn(json),
        json,
      });
    }
  }
  // Where endpoints come from is where their cluster does: by themselves they say nothing.
  const originsOf = new Map(groups.clusters.map(({ name, origins }) => [name, origins]));
  const endpoints = groups.endpoints.map((one) =>
    one.origins.length > 0 ? one : { ...one, origins: originsOf.get(one.name) ?? [] },
  );
  return [
    { id: "listeners", name: "Listeners", resources: groups.listeners },
    { id: "routes", name: "Routes", resources: groups.routes },
    { id: "clusters", name: "Clusters", resources: groups.clusters },
    { id: "endpoints", name: "Endpoints", resources: endpoints },
  ];
}

function summarise(type: string, resource: Fields): string {
  switch (type) {
    case "ListenersConfigDump": {
      const chains = list(resource["filter_chains"]).length + (resource["default_filter_chain"] === undefined ? 0 : 1);
      return `${socketAddress(resource["address"])}, ${count(chains, "filter chain")}`;
    }
    case "RoutesConfigDump": {
      const hosts = list(resource["virtual_hosts"]).length;
      return resource["vhds"] === undefined ? count(hosts, "virtual host") : "virtual hosts are sent by themselves";
    }
    case "VirtualHostsConfigDump":
      return `${list(resource["domains"]).map(text).slice(0, 3).join(", ")}: ${count(list(resource["routes"]).length, "route")}`;
    case "ClustersConfigDump": {
      const tls = JSON.stringify(resource).includes("UpstreamTlsContext") ? "TLS" : "plaintext";
      return `${text(resource["type"]) || "STATIC"}, ${text(resource["lb_policy"]) || "ROUND_ROBIN"}, ${tls}`;
    }
    default: {
      const endpoints = list(resource["endpoints"]).flatMap((locality) => list(fields(locality)["lb_endpoints"]));
      const addresses = endpoints.map((one) => socketAddress(fields(fields(one)["endpoint"])["address"]));
      return addresses.length === 0
        ? "no endpoints"
        : `${count(addresses.length, "endpoint")}: ${addresses.slice(0, 3).join(", ")}${addresses.length > 3 ? " …" : ""}`;
    }
  }
}

function socketAddress(address: Json | undefined): string {
  const socket = fields(fields(address)["socket_address"]);
  if (socket["address"] !== undefined) return `${text(socket["address"])}:${text(socket["port_value"])}`;
  return text(fields(fields(address)["pipe"])["path"]) || "internal";
}

function count(many: number, what: string): string {
  return `${many} ${what}${many === 1 ? "" : "s"}`;
}

/** Every object that a resource says it comes from, once. */
function originsIn(json: Json): readonly Origin[] {
  const found = new Map<string, Origin>();
  const visit = (value: Json): void => {
    if (typeof value !== "object" || value === null) return;
    if (Array.isArray(value)) {
      for (const item of value) visit(item as Json);
      return;
    }
    for (const [name, item] of Object.entries(value as Fields)) {
      if (name === ORIGIN) {
        const origin = originOf(fields(item));
        found.set(`${origin.kind} ${origin.namespace}/${origin.name} ${origin.field}`, origin);
      } else visit(item);
    }
  };
  visit(json);
  const all = [...found.values()];
  // A field of an object says more than the object.
  return all.filter((one) => one.field !== "" || !all.some((other) => other.field !== "" && isSameObject(one, other)));
}

function isSameObject(a: Origin, b: Origin): boolean {
  return a.kind === b.kind && a.namespace === b.namespace && a.name === b.name;
}

function originOf(origin: Fields): Origin {
  return {
    kind: text(origin["kind"]),
    namespace: text(origin["namespace"]),
    name: text(origin["name"]),
    field: text(origin["field"]),
    file: text(origin["file"]),
    line: Number(origin["line"] ?? 0),
  };
}

function fields(value: Json | undefined): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

function list(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? (value as readonly Json[]) : [];
}

function text(value: Json | undefined): string {
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}
