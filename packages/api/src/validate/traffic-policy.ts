/** Rules for traffic policies (istio/istio `pkg/config/validation`, validateTrafficPolicy). */
import type { Path } from "../diagnostic.ts";
import type {
  ClientTlsSettings,
  ConnectionPoolSettings,
  ConsistentHash,
  LoadBalancerSettings,
  LocalityLbSetting,
  OutlierDetection,
  PortTrafficPolicy,
  TrafficPolicy,
} from "../kinds/istio/traffic-policy.ts";
import type { Reporter } from "./reporter.ts";
import { eachRepeated } from "./reporter.ts";

export function validateTrafficPolicy(policy: TrafficPolicy | undefined, path: Path, reporter: Reporter): void {
  if (policy === undefined) return;
  const { error } = reporter;
  if (Object.keys(policy).length === 0) error(path, "is empty", "at least one setting");
  if (policy.tunnel !== undefined && policy.proxyProtocol !== undefined) {
    error([...path, "proxyProtocol"], "is set together with tunnel", "only one of tunnel, proxyProtocol");
  }
  const protocol = policy.tunnel?.protocol ?? "";
  if (protocol !== "" && protocol !== "CONNECT" && protocol !== "POST") {
    error([...path, "tunnel", "protocol"], `is ${JSON.stringify(protocol)}`, "CONNECT or POST");
  }
  validateSettings(policy, path, reporter);
  const ports = policy.portLevelSettings ?? [];
  for (const [index, settings] of ports.entries()) {
    const at = [...path, "portLevelSettings", index];
    if (settings.port === undefined) error([...at, "port"], "is missing", "an object with a number");
    if (Object.keys(settings).every((key) => key === "port")) error(at, "is empty", "at least one setting");
    validateSettings(settings, at, reporter);
  }
  eachRepeated(
    ports,
    ({ port }) => port?.number,
    (index, number) => {
      const at = [...path, "portLevelSettings", index, "port", "number"];
      error(at, `port ${number} has settings already`, "each port once");
    },
  );
}

type Settings = Pick<PortTrafficPolicy, "loadBalancer" | "connectionPool" | "outlierDetection" | "tls">;

function validateSettings(settings: Settings, path: Path, reporter: Reporter): void {
  const { loadBalancer, connectionPool, outlierDetection, tls } = settings;
  if (outlierDetection !== undefined) {
    validateOutlierDetection(outlierDetection, [...path, "outlierDetection"], reporter);
  }
  validateConnectionPool(connectionPool, [...path, "connectionPool"], reporter);
  if (loadBalancer !== undefined) {
    validateLoadBalancer(loadBalancer, outlierDetection !== undefined, [...path, "loadBalancer"], reporter);
  }
  if (tls !== undefined) validateClientTls(tls, [...path, "tls"], reporter);
}

export function validateOutlierDetection(outlier: OutlierDetection, path: Path, { error }: Reporter): void {
  if ((outlier.consecutiveLocalOriginFailures ?? 0) > 0 && outlier.splitExternalLocalOriginErrors !== true) {
    const at = [...path, "consecutiveLocalOriginFailures"];
    error(at, "has no effect without splitExternalLocalOriginErrors", "splitExternalLocalOriginErrors: true");
  }
}

export function validateConnectionPool(pool: ConnectionPoolSettings | undefined, path: Path, reporter: Reporter): void {
  if (pool === undefined) return;
  if (pool.tcp === undefined && pool.http === undefined) reporter.error(path, "is empty", "tcp or http");
  if (pool.http?.h2UpgradePolicy === "UPGRADE" && pool.http.useClientProtocol === true) {
    const at = [...path, "http", "useClientProtocol"];
    reporter.error(at, "is set together with h2UpgradePolicy: UPGRADE", "only one of them");
  }
}

function validateLoadBalancer(lb: LoadBalancerSettings, hasOutlier: boolean, path: Path, reporter: Reporter): void {
  if (lb.consistentHash !== undefined) validateHash(lb.consistentHash, [...path, "consistentHash"], reporter);
  if (lb.localityLbSetting !== undefined) {
    validateLocality(lb.localityLbSetting, hasOutlier, [...path, "localityLbSetting"], reporter);
  }
}

/** Envoy's limit for Maglev tables. */
const MAX_MAGLEV_TABLE = 5000011;

function validateHash(hash: ConsistentHash, path: Path, { error }: Reporter): void {
  if (hash.minimumRingSize !== undefined && (hash.ringHash !== undefined || hash.maglev !== undefined)) {
    error([...path, "minimumRingSize"], "is set together with ringHash or maglev", "only one of them");
  }
  if (hash.maglev === undefined) return;
  const size = hash.maglev.tableSize ?? 0;
  if (!isPrime(size) || size >= MAX_MAGLEV_TABLE) {
    error([...path, "maglev", "tableSize"], `is ${size}`, `a prime number below ${MAX_MAGLEV_TABLE}`);
  }
}

function isPrime(value: number): boolean {
  if (value < 2 || value > MAX_MAGLEV_TABLE) return false;
  for (let factor = 2; factor * factor <= value; factor++) if (value % factor === 0) return false;
  return true;
}

export function validateLocality(
  locality: LocalityLbSetting,
  hasOutlier: boolean,
  path: Path,
  { error, warning }: Reporter,
): void {
  const { distribute = [], failover = [], failoverPriority = [] } = locality;
  if (distribute.length > 0 && (failover.length > 0 || failoverPriority.length > 0)) {
    const at = [...path, failover.length > 0 ? "failover" : "failoverPriority"];
    error(at, "is set together with distribute", "only one of distribute, failover, failoverPriority");
  }
  if ((failover.length > 0 || failoverPriority.length > 0) && !hasOutlier) {
    warning(path, "fails over only if outlierDetection is set as well");
  }
  for (const [index, { from = "", to = {} }] of distribute.entries()) {
    const at = [...path, "distribute", index];
    if (!isLocality(from)) error([...at, "from"], `is ${JSON.stringify(from)}`, "region/zone/sub-zone");
    const weights = Object.entries(to);
    for (const [locality, weight] of weights) {
      if (!isLocality(locality)) error([...at, "to", locality], "is no locality", "region/zone/sub-zone");
      if (weight === 0) error([...at, "to", locality], "is 0", "an integer from 1 to 100, or no entry");
    }
    const total = weights.reduce((sum, [, weight]) => sum + weight, 0);
    if (total !== 100) error([...at, "to"], `the weights add up to ${total}`, "100");
  }
  eachRepeated(
    distribute,
    ({ from }) => from,
    (index, from) => error([...path, "distribute", index, "from"], `${from} is listed twice`, "each locality once"),
  );
  for (const [index, { from = "", to = "" }] of failover.entries()) {
    const at = [...path, "failover", index];
    if (from === to) error([...at, "to"], `is ${JSON.stringify(to)}, as from`, "another region");
    for (const [name, region] of [["from", from] as const, ["to", to] as const]) {
      if (region.includes("/") || region.includes("*")) {
        error([...at, name], `is ${JSON.stringify(region)}`, "a region (no '/' and no '*')");
      }
    }
  }
}

/** `region[/zone[/sub-zone]]`, with `*` only at the end. */
function isLocality(text: string): boolean {
  const parts = text.split("/");
  if (parts.length > 3 || parts.some((part) => part === "")) return false;
  const star = parts.findIndex((part) => part.includes("*"));
  return star < 0 || (star === parts.length - 1 && parts[star] === "*");
}

function validateClientTls(tls: ClientTlsSettings, path: Path, { error }: Reporter): void {
  const { mode = "DISABLE", credentialName = "" } = tls;
  const files = ["clientCertificate", "privateKey", "caCertificates"] as const;
  const given = files.filter((name) => (tls[name] ?? "") !== "");
  if (mode === "ISTIO_MUTUAL") {
    for (const name of [...given, ...(credentialName === "" ? [] : (["credentialName"] as const))]) {
      error([...path, name], "is set in mode ISTIO_MUTUAL", "nothing: the mesh's own certificates are used");
    }
  }
  if (credentialName !== "" && mode !== "ISTIO_MUTUAL" && given.length > 0) {
    error([...path, given[0]!], "is set together with credentialName", "either files or credentialName");
  }
  if (mode === "MUTUAL" && credentialName === "") {
    for (const name of ["clientCertificate", "privateKey"] as const) {
      if (!given.includes(name)) error([...path, name], "is missing", "a file, as mode is MUTUAL");
    }
  }
}
