/** What `tulle get` shows of each kind, between the name and the status; as kubectl does with Istio's printer columns. */
import type { MeshObject, ObjectStatus } from "./client.ts";

interface Column {
  readonly header: string;
  /** Where under the object the value is. */
  readonly value: (spec: Record<string, unknown>) => string;
}

/** A text, a list of texts, or nothing. */
function field(header: string, name: string): Column {
  return { header, value: (spec) => listed(spec[name]) };
}

function listed(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? "" : value.map(String).join(",");
  return typeof value === "string" || typeof value === "number" ? `${value}` : "";
}

function records(value: unknown): readonly Record<string, unknown>[] {
  return Array.isArray(value) ? (value as Record<string, unknown>[]) : [];
}

function labels(value: unknown): string {
  return Object.entries((value ?? {}) as Record<string, unknown>)
    .map(([name, text]) => `${name}=${String(text)}`)
    .join(",");
}

const hosts = field("HOSTS", "hosts");
const hostnames = field("HOSTNAMES", "hostnames");
const selector: Column = { header: "SELECTOR", value: (spec) => labels(spec["selector"]) };
const parents: Column = {
  header: "PARENTS",
  value: (spec) =>
    records(spec["parentRefs"])
      .map(({ name }) => listed(name))
      .join(","),
};

const COLUMNS: Readonly<Record<string, readonly Column[]>> = {
  VirtualService: [field("GATEWAYS", "gateways"), hosts],
  DestinationRule: [
    field("HOST", "host"),
    {
      header: "SUBSETS",
      value: (spec) =>
        records(spec["subsets"])
          .map(({ name }) => listed(name))
          .join(","),
    },
  ],
  "networking.istio.io/Gateway": [
    selector,
    {
      header: "PORTS",
      value: (spec) =>
        records(spec["servers"])
          .map(({ port }) => (port ?? {}) as Record<string, unknown>)
          .map(({ number, protocol }) => `${listed(number)}/${listed(protocol)}`)
          .join(","),
    },
  ],
  "gateway.networking.k8s.io/Gateway": [field("CLASS", "gatewayClassName")],
  ServiceEntry: [hosts, field("LOCATION", "location"), field("RESOLUTION", "resolution")],
  Service: [
    {
      header: "PORTS",
      value: (spec) =>
        records(spec["ports"])
          .map(({ port, name }) => `${listed(port)}${name === undefined ? "" : `(${listed(name)})`}`)
          .join(","),
    },
    selector,
  ],
  HTTPRoute: [hostnames, parents],
  GRPCRoute: [hostnames, parents],
  TLSRoute: [hostnames, parents],
};

export function columnsOf(group: string, kind: string): readonly Column[] {
  return COLUMNS[`${group}/${kind}`] ?? COLUMNS[kind] ?? [];
}

export function specOf(object: MeshObject): Record<string, unknown> {
  return (object.spec ?? {}) as Record<string, unknown>;
}

/** Of one object in a table: each of a thousand routes may have something. */
const MAX_TOLD = 5;

/** `InForce`, or what keeps the object or parts of it from being so: `NotYetApplied: spec.http[0].retries`. */
export function statusText(status: readonly ObjectStatus[]): string {
  const exceptions = status.filter(({ type }) => type !== "InForce");
  if (exceptions.length === 0) return "InForce";
  const told = exceptions.slice(0, MAX_TOLD).map((exception) => `${exception.type}: ${detail(exception)}`);
  const left = exceptions.length - told.length;
  return `${told.join("; ")}${left > 0 ? `; and ${left} more (-o yaml)` : ""}`;
}

function detail({ type, field, message, by }: ObjectStatus): string {
  if (type === "Shadowed" && by !== undefined) return field === undefined ? `by ${by}` : `${field} by ${by}`;
  return type === "NotYetApplied" && field !== undefined && field !== ""
    ? field
    : [field, message].filter(Boolean).join(": ");
}

/** Kubernetes' short form: 45s, 12m, 5h, 3d. */
export function age(since: string | undefined, now: number): string {
  const seconds = Math.max(0, Math.floor((now - Date.parse(since ?? "")) / 1000));
  if (Number.isNaN(seconds)) return "-";
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)}h`;
  return `${Math.floor(seconds / 86_400)}d`;
}
