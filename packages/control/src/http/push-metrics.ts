/** Counts what the ADS server tells, under istiod's names. (istio/istio `pilot/pkg/xds/monitoring.go`) */
import type { AdsEvents } from "@tulle/xds/server";

/** Upper bounds in seconds. (istio/istio `monitoring.go` pilot_proxy_convergence_time) */
const CONVERGENCE_BUCKETS = [0.1, 0.5, 1, 3, 5, 10, 20, 30];

export class PushMetrics {
  readonly #acks = new Map<string, number>();
  readonly #nacks = new Map<string, number>();
  readonly #buckets = CONVERGENCE_BUCKETS.map(() => 0);
  #count = 0;
  #sum = 0;

  readonly events: AdsEvents = {
    onAck: ({ typeUrl, tookMs }) => {
      count(this.#acks, shortType(typeUrl));
      this.#observe(tookMs / 1000);
    },
    onNack: ({ typeUrl }) => count(this.#nacks, shortType(typeUrl)),
  };

  /** Prometheus text format. */
  renderMetrics(): string {
    const lines = ["# TYPE pilot_xds_pushes counter"];
    for (const [type, value] of this.#acks) lines.push(`pilot_xds_pushes{type="${type.toLowerCase()}"} ${value}`);
    lines.push("# TYPE pilot_total_xds_rejects counter");
    for (const [type, value] of this.#nacks)
      lines.push(`pilot_total_xds_rejects{type="${type.toLowerCase()}"} ${value}`);
    lines.push("# TYPE pilot_proxy_convergence_time histogram");
    for (const [index, bound] of CONVERGENCE_BUCKETS.entries()) {
      lines.push(`pilot_proxy_convergence_time_bucket{le="${bound}"} ${this.#buckets[index]!}`);
    }
    lines.push(`pilot_proxy_convergence_time_bucket{le="+Inf"} ${this.#count}`);
    lines.push(`pilot_proxy_convergence_time_sum ${this.#sum}`, `pilot_proxy_convergence_time_count ${this.#count}`);
    return `${lines.join("\n")}\n`;
  }

  #observe(seconds: number): void {
    this.#count++;
    this.#sum += seconds;
    for (const [index, bound] of CONVERGENCE_BUCKETS.entries()) if (seconds <= bound) this.#buckets[index]!++;
  }
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

const SHORT: Readonly<Record<string, string>> = {
  Cluster: "CDS",
  ClusterLoadAssignment: "EDS",
  Listener: "LDS",
  RouteConfiguration: "RDS",
  VirtualHost: "VHDS",
  Secret: "SDS",
};

/** `…/envoy.config.cluster.v3.Cluster` → `CDS`. */
export function shortType(typeUrl: string): string {
  return SHORT[typeUrl.slice(typeUrl.lastIndexOf(".") + 1)] ?? typeUrl;
}
