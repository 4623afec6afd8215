/** What the stores say of a window, put together: the one place where questions about meaning are answered. */
import type {
  EdgesAnswer,
  Graph,
  GraphNode,
  NamespaceSummary,
  Overview,
  ServiceDetail,
  ServicesAnswer,
  SlowAnswer,
  WorkloadDetail,
  WorkloadsAnswer,
} from "@tulle/telemetry/insight";
import { FactIndex, NO_FACTS } from "./facts.ts";
import type { MeshFacts } from "./facts.ts";
import { graphOf } from "./graph.ts";
import type { GraphOptions } from "./graph.ts";
import { workloadHealth, worst } from "./health.ts";
import type { GrowthSource } from "./increase.ts";
import { moversOf } from "./movers.ts";
import { edgeRows, serviceDetail, serviceSummaries, workloadDetail, workloadSummaries } from "./services.ts";
import type { Traffic } from "./services.ts";
import { ENOUGH_TRACES, RECENT_SECONDS, slowAnswer } from "./slow.ts";
import { spendingOfMetrics } from "./spending-of-metrics.ts";
import { isKeptByTail, spendingOfTraces } from "./spending-of-traces.ts";
import type { TraceSpans } from "./spending-of-traces.ts";
import { allRequests, goldenSignals, mutualTls } from "./stats.ts";
import type { TrafficCell } from "./traffic-cell.ts";
import { trafficBetween } from "./traffic.ts";
import type { CountedTraffic } from "./traffic.ts";

export interface Traces {
  /** Newest first. */
  search(search: { fromMicros: number; toMicros: number; limit: number }): readonly TraceSpans[];
}

/** A stretch of time that ends at `at`; ms since 1970. */
export interface Window {
  readonly at: number;
  readonly windowSeconds: number;
}

/** The main thread's part of an overview is the rest. */
export type OverviewTraffic = Omit<Overview, "certificates" | "active" | "problems" | "proxies">;

/** Of a window. With more the newest count. */
const MAX_TRACES = 1_000;
const HOUR_MS = 3_600_000;
/** How old an answer of where the time goes may be in the graph. */
const SLOW_EVERY_MS = 15_000;
/** What is counted comes so often. */
const FLUSH_SECONDS = 5;
/** Windows that are asked for again and again: by the graph, the home page and everything beside them. */
const REMEMBERED = 8;

export class Insight {
  readonly #series: GrowthSource;
  readonly #traces: Traces;
  #facts = new FactIndex(NO_FACTS);
  #lastSlow: { readonly key: string; readonly answer: SlowAnswer } | undefined;
  readonly #remembered = new Map<string, CountedTraffic>();

  constructor(series: GrowthSource, traces: Traces) {
    this.#series = series;
    this.#traces = traces;
  }

  learn(facts: MeshFacts): void {
    this.#facts = new FactIndex(facts);
    this.#lastSlow = undefined;
  }

  graph(window: Window, options: GraphOptions): Omit<Graph, "rev"> {
    return graphOf(
      {
        traffic: this.#traffic(window),
        copies: this.#counted(window).copies,
        probes: this.#counted(window).probes,
        at: window.at,
        contributions: contributionsOf(this.#recentSlow(window)),
        emptyBecause: this.#emptyBecause(window),
      },
      options,
    );
  }

  edges(window: Window, namespace: string): EdgesAnswer {
    const traffic = this.#traffic(window);
    const cells = traffic.cells.filter(({ from, to }) => namespace === "" || isIn(namespace, from.namespace, to));
    return { ...window, since: traffic.since, edges: edgeRows(cells, traffic) };
  }

  services(window: Window, namespace: string): ServicesAnswer {
    const traffic = this.#traffic(window);
    return { ...window, since: traffic.since, services: serviceSummaries(traffic, namespace) };
  }

  service(window: Window, namespace: string, name: string): ServiceDetail | undefined {
    const { rows } = this.slow(window);
    return serviceDetail(namespace, name, window.at, this.#traffic(window), this.#tracesIn(window).sampled, rows);
  }

  workloads(window: Window, namespace: string): WorkloadsAnswer {
    const traffic = this.#traffic(window);
    return { ...window, since: traffic.since, workloads: workloadSummaries(traffic, namespace) };
  }

  workload(window: Window, namespace: string, name: string): WorkloadDetail | undefined {
    return workloadDetail(namespace, name, window.at, this.#traffic(window));
  }

  /** Compared with the window before. */
  slow(window: Window): SlowAnswer {
    const key = `${window.at} ${window.windowSeconds}`;
    if (this.#lastSlow?.key !== key) this.#lastSlow = { key, answer: this.#findSlow(window) };
    return this.#lastSlow.answer;
  }

  /** For the graph, which is drawn anew every few seconds: where the time goes does not change so fast. */
  #recentSlow(window: Window): SlowAnswer {
    const last = this.#lastSlow?.answer;
    const age = last?.windowSeconds === window.windowSeconds ? window.at - last.at : -1;
    return last !== undefined && age >= 0 && age < SLOW_EVERY_MS ? last : this.slow(window);
  }

  #findSlow(window: Window): SlowAnswer {
    const { at, windowSeconds } = window;
    const earlier = { at: at - windowSeconds * 1000, windowSeconds };
    const lately = { at, windowSeconds: Math.min(RECENT_SECONDS, windowSeconds) };
    const traces = this.#tracesIn(window);
    const counts = { sampled: traces.sampled.length, kept: traces.kept.length };
    const common = { ...window, traces: counts, facts: this.#facts, emptyBecause: this.#emptyBecause(window) };
    if (traces.sampled.length >= ENOUGH_TRACES) {
      const recent = this.#tracesIn(lately);
      return slowAnswer({
        ...common,
        basis: "traces",
        now: spendingOfTraces(traces.sampled, traces.kept),
        before: spendingOfTraces(this.#tracesIn(earlier).sampled),
        recent: spendingOfTraces(recent.sampled, recent.kept),
      });
    }
    return slowAnswer({
      ...common,
      basis: "metrics",
      now: spendingOfMetrics(this.#cells(window)),
      before: spendingOfMetrics(this.#cells(earlier)),
      recent: spendingOfMetrics(this.#cells(lately)),
      shown: spendingOfTraces([...traces.sampled, ...traces.kept]),
    });
  }

  overview(window: Window): OverviewTraffic {
    const { at, windowSeconds } = window;
    const traffic = this.#traffic(window);
    const hourAgo = this.#cells({ at: at - HOUR_MS, windowSeconds });
    const comparedWithAt = hourAgo.length > 0 ? at - HOUR_MS : at - windowSeconds * 1000;
    const before = hourAgo.length > 0 ? hourAgo : this.#cells({ at: comparedWithAt, windowSeconds });
    const plain = traffic.cells.filter(({ destination }) => destination.plain > 0);
    return {
      ...window,
      since: traffic.since,
      comparedWithAt,
      namespaces: this.#namespaces(traffic),
      movers: moversOf(traffic.cells, before),
      slow: this.slow(window),
      mtls: { ...mutualTls(traffic.cells), plain: edgeRows(plain, traffic) },
      emptyBecause: traffic.cells.length === 0 ? this.#emptyBecause(window) : "",
    };
  }

  #namespaces({ cells, facts, seconds }: Traffic): readonly NamespaceSummary[] {
    const { services, workloads } = facts.facts;
    const names = new Set([
      ...services.filter(({ external }) => !external).map(({ namespace }) => namespace),
      ...workloads.map(({ namespace }) => namespace),
      ...cells.flatMap(({ from, to }) => [from.namespace, to.namespace]),
    ]);
    return [...names]
      .filter((namespace) => namespace !== "")
      .sort()
      .map((namespace) => {
        // What never came to a workload was asked of a service all the same.
        const incoming = cells.filter(({ to }) => (to.namespace || to.serviceNamespace) === namespace);
        const own = workloads.filter((workload) => workload.namespace === namespace);
        const { http, mtls, health } = goldenSignals(incoming, seconds);
        return {
          namespace,
          health: worst([health, ...own.map(workloadHealth)]),
          services: services.filter((service) => service.namespace === namespace).length,
          workloads: own.length,
          rps: http?.rps ?? 0,
          errorShare: http?.errorShare ?? 0,
          p95Ms: allRequests(incoming, seconds)?.latency.p95Ms ?? null,
          mtls,
        };
      });
  }

  #traffic(window: Window): Traffic {
    const { cells, sinceMs: since } = this.#counted(window);
    const { at, windowSeconds } = window;
    const seconds = Math.min(windowSeconds, Math.max(FLUSH_SECONDS, (at - since) / 1000));
    return { cells, facts: this.#facts, windowSeconds, since, seconds };
  }

  #cells(window: Window): readonly TrafficCell[] {
    return this.#counted(window).cells;
  }

  #counted({ at, windowSeconds }: Window): CountedTraffic {
    const key = `${at} ${windowSeconds}`;
    let counted = this.#remembered.get(key);
    if (counted === undefined) {
      counted = trafficBetween(this.#series, at - windowSeconds * 1000, at);
      this.#remembered.set(key, counted);
      if (this.#remembered.size > REMEMBERED) this.#remembered.delete(this.#remembered.keys().next().value!);
    }
    return counted;
  }

  #tracesIn({ at, windowSeconds }: Window): { sampled: readonly TraceSpans[]; kept: readonly TraceSpans[] } {
    const toMicros = at * 1000;
    const found = this.#traces.search({
      fromMicros: toMicros - windowSeconds * 1e6,
      toMicros,
      limit: MAX_TRACES,
    });
    const { sampled = [], kept = [] } = Object.groupBy(found, ({ spans }) =>
      isKeptByTail(spans) ? "kept" : "sampled",
    );
    return { sampled, kept };
  }

  #emptyBecause({ windowSeconds }: Window): string {
    if (this.#facts.facts.workloads.length === 0) {
      return "No workload is registered. Start one with a sidecar: tulle run --service NAME --port PORT -- PROGRAM";
    }
    return `No request was counted in these ${windowSeconds} s. Send one through the mesh; proxies report every 5 s.`;
  }
}

function isIn(namespace: string, from: string, to: { namespace: string; serviceNamespace: string }): boolean {
  return [from, to.namespace, to.serviceNamespace].includes(namespace);
}

/** A service's own time and what is injected into it, by `namespace/service/version`. */
function contributionsOf({ rows }: SlowAnswer): ReadonlyMap<string, NonNullable<GraphNode["contribution"]>> {
  const found = new Map<string, { msPerRequest: number; share: number }>();
  for (const { kind, namespace, service, version, now } of rows) {
    if (kind !== "service" && kind !== "fault") continue;
    const key = `${namespace}/${service}/${version}`;
    const sum = found.get(key) ?? { msPerRequest: 0, share: 0 };
    found.set(key, { msPerRequest: sum.msPerRequest + now.msPerRequest, share: sum.share + now.share });
  }
  return found;
}
