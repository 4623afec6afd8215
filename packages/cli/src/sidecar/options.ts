/** The options by which `tulle run` and `tulle gateway` say who a workload is and whom it obeys. */
import { membershipOptions } from "../agent/membership.ts";
import { UsageError } from "../errors.ts";
import type { MetricsPlace } from "../metrics/merged-metrics.ts";
import { parsePairs } from "../options.ts";
import type { OptionValues } from "../options.ts";
import type { Identity } from "./bootstrap.ts";

// An import would evaluate all of its exports, Web Crypto among them, and a proxy loads this (docs/decisions/0014-memory.md).
const { randomBytes } = process.getBuiltinModule("node:crypto");

/** Who a workload is. */
export const workloadOptions = {
  service: { type: "string", value: "NAME", help: "the service it belongs to; also its label app" },
  version: { type: "string", value: "V", help: "its label version" },
  namespace: { type: "string", short: "n", value: "NS", default: "default", help: "its namespace" },
  label: { type: "string", short: "l", value: "NAME=VALUE", multiple: true, help: "a further label" },
  "service-account": { type: "string", value: "NAME", default: "default", help: "its identity" },
  address: {
    type: "string",
    value: "IP",
    default: "127.0.0.1",
    help: "this machine's address, as other workloads reach it",
  },
} as const;

/** Where the program's own metrics are. */
export const metricsOptions = {
  "metrics-port": {
    type: "integer",
    value: "P",
    min: 1,
    max: 65_535,
    help: "where the program shows metrics for a Prometheus: a scrape has its and the proxy's",
  },
  "metrics-path": { type: "string", value: "PATH", default: "/metrics", help: "the path there" },
} as const;

/** Undefined: it shows none. */
export function metricsPlace(options: OptionValues<typeof metricsOptions>): MetricsPlace | undefined {
  const { "metrics-port": port, "metrics-path": path } = options;
  if (!path.startsWith("/")) throw new UsageError(`--metrics-path ${path}: does not begin with /`);
  if (port !== undefined) return { host: "127.0.0.1", port, path };
  if (path === metricsOptions["metrics-path"].default) return undefined;
  throw new UsageError("--metrics-path has an effect with --metrics-port only");
}

export const LOG_LEVELS = ["trace", "debug", "info", "warning", "error", "critical", "off"] as const;

export const connectionOptions = {
  xds: {
    type: "address",
    value: "HOST:PORT",
    help: "the control plane in plaintext, for a workload without identity; else TULLE_XDS, the state directory's, 127.0.0.1:15010",
  },
  ...membershipOptions,
  "state-dir": { type: "string", value: "DIR", help: "state directory of the control plane, to find it by" },
  wait: { type: "integer", value: "SECONDS", default: 15, min: 1, help: "how long to wait for its configuration" },
  "log-level": {
    type: "choice",
    value: "LEVEL",
    choices: LOG_LEVELS,
    default: "warning",
    help: "what the proxy writes to stderr",
  },
} as const;

/** RFC 1123 label, as Kubernetes names its services and namespaces. */
const DNS_LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

function checkName(option: string, name: string): void {
  if (DNS_LABEL.test(name)) return;
  throw new UsageError(`${option} ${name}: not a DNS label`, [
    "Lower-case letters, digits and dashes, at most 63 of them.",
  ]);
}

export interface IdentityOptions {
  readonly type: Identity["type"];
  readonly service: string;
  readonly version: string | undefined;
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly address: string;
  /** `NAME=VALUE`; they override app and version. */
  readonly labels: readonly string[];
}

/** Throws a UsageError for names that could not be part of a host name. */
export function identify(options: IdentityOptions): Identity {
  const { type, service, version, namespace, serviceAccount, address } = options;
  checkName("--service", service);
  checkName("--namespace", namespace);
  const labels = {
    app: service,
    ...(version === undefined ? {} : { version }),
    ...parsePairs("--label", options.labels),
  };
  const workload = labels.version === undefined ? service : `${service}-${labels.version}`;
  return { type, service, namespace, workload, suffix: randomSuffix(), serviceAccount, labels, address };
}

/** By what `workloadOptions` were given. Throws a UsageError without a service, too. */
export function identifyWorkload(options: {
  readonly service: string | undefined;
  readonly version: string | undefined;
  readonly namespace: string;
  readonly "service-account": string;
  readonly address: string;
  readonly label: readonly string[];
}): Identity {
  const { service, version, namespace, "service-account": serviceAccount, address, label: labels } = options;
  if (service === undefined) throw new UsageError("--service is missing");
  return identify({ type: "sidecar", service, version, namespace, serviceAccount, address, labels });
}

/** Five characters, as ReplicaSets give their pods. */
function randomSuffix(): string {
  return (randomBytes(4).readUInt32BE() % 36 ** 5).toString(36).padStart(5, "0");
}
