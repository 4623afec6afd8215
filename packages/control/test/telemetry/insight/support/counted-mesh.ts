/** Series as a mesh's proxies would flush them: every request counted by whoever sees it. */
import type { GrownSeries, GrowthSource } from "../../../../src/telemetry/insight/increase.ts";
import { Growth } from "../../../../src/telemetry/store/growth.ts";
import type { GrowthStretch } from "../../../../src/telemetry/store/series-store.ts";
import { HISTOGRAM_BUCKETS } from "@tulle/telemetry";
import type { Labels, Series, SeriesSource } from "@tulle/telemetry/records";

export interface Party {
  readonly workload: string;
  readonly namespace?: string;
  readonly version?: string;
}

export interface Requests {
  readonly from: Party;
  readonly to: Party & { readonly service?: string };
  readonly count: number;
  /** As each side measures it; undefined: that side has no proxy, or has not seen it. */
  readonly sourceMs?: number;
  readonly destinationMs?: number;
  readonly code?: string;
  readonly flags?: string;
  readonly protocol?: "http" | "grpc";
  readonly grpcStatus?: string;
  readonly policy?: "mutual_tls" | "none";
}

export class CountedMesh implements SeriesSource, GrowthSource {
  readonly #counters = new Map<string, { readonly labels: Labels; value: number }>();
  readonly #series = new Map<
    string,
    { readonly labels: Labels; readonly times: number[]; readonly values: number[] }
  >();

  count(requests: Requests): void {
    if (requests.sourceMs !== undefined) this.#request("source", requests, requests.sourceMs);
    if (requests.destinationMs !== undefined) this.#request("destination", requests, requests.destinationMs);
  }

  add(labels: Labels, value: number): void {
    const key = JSON.stringify(labels);
    const counter = this.#counters.get(key) ?? { labels, value: 0 };
    counter.value += value;
    this.#counters.set(key, counter);
  }

  /** Every proxy starts again. */
  restart(): void {
    for (const counter of this.#counters.values()) counter.value = 0;
  }

  flush(timeMs: number): void {
    for (const [key, { labels, value }] of this.#counters) {
      let series = this.#series.get(key);
      if (series === undefined) this.#series.set(key, (series = { labels, times: [], values: [] }));
      series.times.push(timeMs);
      series.values.push(value);
    }
  }

  select(_: unknown, fromMs: number, toMs: number): readonly Series[] {
    return [...this.#series.values()].flatMap(({ labels, times, values }) => {
      const indices = [...times.keys()].filter((i) => times[i]! > fromMs && times[i]! <= toMs);
      if (indices.length === 0) return [];
      return [
        {
          labels,
          times: Float64Array.from(indices, (i) => times[i]!),
          values: Float64Array.from(indices, (i) => values[i]!),
        },
      ];
    });
  }

  growth(
    names: readonly string[],
    { afterMs, fromMs, toMs }: GrowthStretch,
    tell: (series: GrownSeries, growth: Growth) => void,
  ): void {
    for (const { labels, times, values } of this.select(undefined, afterMs, toMs)) {
      if (!names.includes(labels["__name__"]!)) continue;
      const growth = new Growth();
      growth.begin(fromMs);
      for (const [i, timeMs] of times.entries()) growth.sample(timeMs, values[i]!);
      tell({ labels, heardMs: undefined, memo: undefined }, growth);
    }
  }

  labelSets(_: unknown, fromMs: number, toMs: number): readonly Labels[] {
    return this.select(_, fromMs, toMs).map(({ labels }) => labels);
  }

  exemplars(): readonly [] {
    return [];
  }

  #request(reporter: "source" | "destination", requests: Requests, ms: number): void {
    const labels = labelsOf(reporter, requests);
    const { count } = requests;
    this.add({ __name__: "istio_requests_total", ...labels }, count);
    this.add({ __name__: "istio_request_duration_milliseconds_count", ...labels }, count);
    this.add({ __name__: "istio_request_duration_milliseconds_sum", ...labels }, count * ms);
    for (const le of [...HISTOGRAM_BUCKETS, Infinity]) {
      const text = le === Infinity ? "+Inf" : String(le);
      this.add({ __name__: "istio_request_duration_milliseconds_bucket", ...labels, le: text }, ms <= le ? count : 0);
    }
  }
}

function labelsOf(reporter: "source" | "destination", requests: Requests): Labels {
  const { from, to, code = "200", flags = "-", protocol = "http", grpcStatus = "", policy = "mutual_tls" } = requests;
  const service = to.service ?? to.workload.replace(/-v\d+$/, "");
  const namespace = to.namespace ?? "default";
  return {
    reporter,
    ...partyLabels("source", from),
    ...partyLabels("destination", to),
    destination_service: `${service}.${namespace}.svc.cluster.local`,
    destination_service_name: service,
    destination_service_namespace: namespace,
    request_protocol: protocol,
    response_code: code,
    grpc_response_status: grpcStatus,
    response_flags: flags,
    connection_security_policy: reporter === "source" ? "unknown" : policy,
  };
}

function partyLabels(side: "source" | "destination", { workload, namespace = "default", version }: Party): Labels {
  const isKnown = workload !== "unknown";
  const app = workload.replace(/-v\d+$/, "");
  return {
    [`${side}_workload`]: workload,
    [`${side}_workload_namespace`]: isKnown ? namespace : "unknown",
    [`${side}_canonical_service`]: app,
    [`${side}_canonical_revision`]: version ?? /-(v\d+)$/.exec(workload)?.[1] ?? "latest",
    [`${side}_principal`]: isKnown ? `spiffe://cluster.local/ns/${namespace}/sa/${app}` : "unknown",
  };
}
