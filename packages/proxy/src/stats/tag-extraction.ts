/**
 * Dotted stat names to Prometheus names and labels, as Envoy's default tag extractors do it: the variable part of a name becomes
 * a label. Source: Envoy `source/common/config/well_known_names.cc`; labels come in the order of that file.
 */
import type { StatsPlan } from "../plan/compile-stats.ts";
import type { Tags } from "./metric.ts";

export interface TaggedName {
  /** Dotted, without the extracted parts. */
  readonly name: string;
  readonly tags: Tags;
}

/** `listener.<ADDRESS>.`: an IP address with `.` or `_`, a port. */
const LISTENER_ADDRESS = /^listener\.([_.\d]*\d|\[[_aAbBcCdDeEfF\d]*\]_\d+)\./;
const RESPONSE_CODE = /_rq_(\d{3})$/;
const RESPONSE_CODE_CLASS = /_rq_(\d)xx$/;
const WORKER_ID = /^((?:listener\.(?:.*)|listener_manager|server)\.worker)_(\d+)\./;
const HTTP_PREFIX = /^((?:listener\.(?:.*)\.)?http)\.([^.]+)\./;
const CERTIFICATE = /^(.*\.ssl\.certificate)\.(.+)\.expiration_unix_time_seconds$/;
const VIRTUAL_CLUSTER = /^vhost\.([^.]+)\.vcluster\.([^.]+)\./;

/** As the bootstrap says: each of its rules looks at the whole name, and takes what it has found out of what is left of it. */
export function extractConfiguredTags(
  fullName: string,
  clusterNames: ReadonlySet<string>,
  { defaultTags, tags: rules, fixedTags }: Pick<StatsPlan, "defaultTags" | "tags" | "fixedTags">,
): TaggedName {
  const found: TaggedName = defaultTags ? extractTags(fullName, clusterNames) : { name: fullName, tags: [] };
  let { name } = found;
  const [anywhere, atTheBeginning]: [string, string][][] = [[], []];
  for (const rule of rules) {
    const [, removed = "", value = removed] = rule.pattern.exec(fullName) ?? [];
    if (removed === "") continue;
    name = name.replace(removed, "");
    (rule.prefixed ? atTheBeginning : anywhere).push([rule.name, value]);
  }
  return { name, tags: [...found.tags, ...anywhere, ...fixedTags, ...atTheBeginning] };
}

/** @param clusterNames stat names of the clusters: they may hold dots, so that the end of one cannot be seen. */
export function extractTags(fullName: string, clusterNames: ReadonlySet<string>): TaggedName {
  const tags: [string, string][] = [];
  let name = fullName;
  const certificate = CERTIFICATE.exec(name);
  if (certificate !== null) {
    tags.push(["envoy_tls_certificate", certificate[2]]);
    name = `${certificate[1]}.expiration_unix_time_seconds`;
  }
  const code = RESPONSE_CODE.exec(name);
  if (code !== null) {
    tags.push(["envoy_response_code", code[1]]);
    name = name.slice(0, -4);
  }
  const codeClass = RESPONSE_CODE_CLASS.exec(name);
  if (codeClass !== null) {
    tags.push(["envoy_response_code_class", codeClass[1]]);
    name = `${name.slice(0, -3)}xx`;
  }
  const http = HTTP_PREFIX.exec(name);
  if (http !== null) {
    tags.push(["envoy_http_conn_manager_prefix", http[2]]);
    name = `${http[1]}.${name.slice(http[0].length)}`;
  }
  const address = LISTENER_ADDRESS.exec(name);
  if (address !== null) {
    tags.push(["envoy_listener_address", address[1]]);
    name = `listener.${name.slice(address[0].length)}`;
  }
  const worker = WORKER_ID.exec(name);
  if (worker !== null) {
    tags.push(["envoy_worker_id", worker[2]]);
    name = `${worker[1]}.${name.slice(worker[0].length)}`;
  }
  if (name.startsWith("cluster.")) {
    const cluster = clusterIn(name, clusterNames);
    tags.push(["envoy_cluster_name", cluster]);
    name = `cluster.${name.slice("cluster.".length + cluster.length + 1)}`;
  }
  const virtual = VIRTUAL_CLUSTER.exec(name);
  if (virtual !== null) {
    tags.push(["envoy_virtual_cluster", virtual[2]], ["envoy_virtual_host", virtual[1]]);
    name = `vhost.vcluster.${name.slice(virtual[0].length)}`;
  }
  return { name, tags };
}

/** The longest known cluster name that `cluster.…` starts with; else up to the next dot. */
export function clusterIn(name: string, clusterNames: ReadonlySet<string>): string {
  const rest = name.slice("cluster.".length);
  let found = "";
  let dot = rest.indexOf(".");
  const first = dot < 0 ? rest : rest.slice(0, dot);
  for (; dot >= 0; dot = rest.indexOf(".", dot + 1)) {
    const candidate = rest.slice(0, dot);
    if (clusterNames.has(candidate)) found = candidate;
  }
  return found === "" ? first : found;
}

/** A cluster's name as it stands in stat names. Source: Envoy `source/common/stats/utility.cc`, sanitizeStatsName. */
export function statNameOf(cluster: string): string {
  return cluster.replaceAll("://", "_").replaceAll(":/", "_").replaceAll(":", "_");
}
