/** Who called whom how often: edges between workloads, as the calling proxies have counted them (reporter="source"). */
import { quantile, REQUEST_DURATION, REQUESTS_TOTAL, UNKNOWN } from "@tulle/telemetry";
import type { Bucket } from "@tulle/telemetry";
import { parseNumber, parseSamples } from "../metrics/prometheus.ts";
import type { Sample } from "../metrics/prometheus.ts";

const DURATION_BUCKET = `${REQUEST_DURATION.name}_bucket`;
const METRICS: ReadonlySet<string> = new Set([REQUESTS_TOTAL.name, DURATION_BUCKET]);

/** Envoy's flag of a request that no route was found for: its 404 is the proxy's, not a service's. */
const NO_ROUTE = "NR";

interface EdgeCounts {
  readonly from: string;
  readonly to: string;
  readonly version: string;
  requests: number;
  failed: number;
  /** To endpoints that have shown who they are. */
  secured: number;
  /** Cumulative counts by upper bound in milliseconds. */
  readonly buckets: Map<number, number>;
}

/** Counters of all edges at one time, by edge. Immutable once made. */
export type Counts = ReadonlyMap<string, Readonly<EdgeCounts>>;

export interface Edge {
  readonly from: string;
  readonly to: string;
  readonly version: string;
  readonly requests: number;
  /** Answered with 5xx, or not at all; or no route led anywhere. */
  readonly failed: number;
  /** Of those that reached somebody, all went by mutual TLS. */
  readonly mutualTls: boolean;
  /** Milliseconds, interpolated within Istio's buckets (see quantile); undefined without requests. */
  readonly p50Ms: number | undefined;
  readonly p99Ms: number | undefined;
}

/** Adds up the /stats/prometheus pages of all proxies. */
export function countEdges(pages: readonly string[]): Counts {
  const counts = new Map<string, EdgeCounts>();
  for (const page of pages) {
    for (const sample of parseSamples(page, METRICS)) {
      if (sample.labels["reporter"] === "source") add(edgeOf(counts, sample.labels), sample);
    }
  }
  return counts;
}

function edgeOf(counts: Map<string, EdgeCounts>, labels: Sample["labels"]): EdgeCounts {
  const from = known(labels["source_canonical_service"], labels["source_app"], labels["source_workload"]);
  const to = known(labels["destination_canonical_service"], labels["destination_service_name"]);
  const version = known(labels["destination_version"], labels["destination_canonical_revision"]);
  const key = `${from} ${to} ${version}`;
  let edge = counts.get(key);
  if (edge === undefined) {
    edge = { from, to, version, requests: 0, failed: 0, secured: 0, buckets: new Map() };
    counts.set(key, edge);
  }
  return edge;
}

/** The first that is known: a request that met no endpoint has a service, but no workload. */
function known(...values: readonly (string | undefined)[]): string {
  return values.find((value) => value !== undefined && value !== "" && value !== UNKNOWN) ?? UNKNOWN;
}

function add(edge: EdgeCounts, { name, labels, value }: Sample): void {
  if (name === DURATION_BUCKET) {
    const le = parseNumber(labels["le"] ?? "");
    edge.buckets.set(le, (edge.buckets.get(le) ?? 0) + value);
    return;
  }
  edge.requests += value;
  if (known(labels["destination_principal"]) !== UNKNOWN) edge.secured += value;
  const code = Number(labels["response_code"]);
  if (code === 0 || code >= 500 || labels["response_flags"] === NO_ROUTE) edge.failed += value;
}

/** What happened between two countings, edges without requests left out; sorted by name and version. */
export function edgesBetween(before: Counts, after: Counts): Edge[] {
  const edges: Edge[] = [];
  for (const [key, now] of after) {
    const then = before.get(key);
    const requests = now.requests - (then?.requests ?? 0);
    if (requests <= 0) continue;
    const buckets: Bucket[] = [...now.buckets]
      .map(([le, count]) => ({ le, count: count - (then?.buckets.get(le) ?? 0) }))
      .sort((a, b) => a.le - b.le);
    edges.push({
      from: now.from,
      to: now.to,
      version: now.version,
      requests,
      failed: now.failed - (then?.failed ?? 0),
      mutualTls: isSecured(now, then),
      p50Ms: rounded(quantile(0.5, buckets)),
      p99Ms: rounded(quantile(0.99, buckets)),
    });
  }
  return edges.sort((a, b) => compare(a.from, b.from) || compare(a.to, b.to) || compare(a.version, b.version));
}

/** A request that found nobody has gone nowhere. */
function isSecured(now: Readonly<EdgeCounts>, then: Readonly<EdgeCounts> | undefined): boolean {
  const secured = now.secured - (then?.secured ?? 0);
  const plain = now.requests - (then?.requests ?? 0) - secured;
  return secured > 0 && plain <= now.failed - (then?.failed ?? 0);
}

function rounded(milliseconds: number | undefined): number | undefined {
  return milliseconds === undefined ? undefined : Math.round(milliseconds * 100) / 100;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
