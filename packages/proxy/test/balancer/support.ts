/** Hosts, sets and contexts for balancers, with nothing else of the proxy. */
import type { EndpointPolicy, LocalityPlan } from "../../src/plan/cluster-plan.ts";
import { Counter, Gauge } from "../../src/stats/metric.ts";
import { NOWHERE } from "../../src/plan/compile-endpoints.ts";
import type { BalancedHost } from "../../src/upstream/balancer/balanced-host.ts";
import { type BalancerDeps, createBalancer } from "../../src/upstream/balancer/create-balancer.ts";
import { HostSet } from "../../src/upstream/balancer/host-set.ts";
import type { LoadBalancer, SetBalancerPlan } from "../../src/upstream/balancer/load-balancer.ts";
import type { LbStats } from "../../src/upstream/cluster-stats.ts";
import type { LoadBalancerContext } from "../../src/upstream/load-balancer-context.ts";
import { NO_LOCALITY_ROUTING } from "../support/plans.ts";

export interface TestHost extends BalancedHost {
  readonly name: string;
  weight: number;
  activeRequests: number;
  health: BalancedHost["health"];
  excluded: boolean;
}

export function host(name: string, changes: Partial<TestHost> = {}): TestHost {
  return {
    name,
    weight: 1,
    activeRequests: 0,
    health: "healthy",
    excluded: false,
    locality: NOWHERE,
    hashKey: name,
    lastPassedAt: Number.NaN,
    ...changes,
  };
}

/** h0, h1 … with these weights. */
export function hosts(...weights: number[]): TestHost[] {
  return weights.map((weight, i) => host(`h${i}`, { weight }));
}

/** So many healthy, degraded and unhealthy ones. */
export function mixed(healthy: number, degraded = 0, unhealthy = 0, changes: Partial<TestHost> = {}): TestHost[] {
  const some = (count: number, health: TestHost["health"]): TestHost[] =>
    Array.from({ length: count }, (_, i) => host(`${health}${i}`, { health, ...changes }));
  return [...some(healthy, "healthy"), ...some(degraded, "degraded"), ...some(unhealthy, "unhealthy")];
}

export function hostSet(list: readonly TestHost[], changes: Partial<EndpointPolicy> = {}): HostSet<TestHost> {
  return new HostSet(list, { overprovisioningFactor: 140, weightedPriorityHealth: false, ...changes });
}

export function zone(name: string, weight = 0): LocalityPlan {
  return { region: "", zone: name, subZone: "", weight };
}

/** A context that has nothing to say; `random` draws what it is given. */
export function context(
  random: () => number,
  changes: Partial<LoadBalancerContext<TestHost>> = {},
): LoadBalancerContext<TestHost> {
  return {
    random,
    wantedHost: null,
    metadataMatch: null,
    hashRequest: () => false,
    requestHeader: () => undefined,
    requestMetadata: () => undefined,
    originalDestination: null,
    requestHost: "",
    awaitName: () => {},
    awaited: false,
    explain: () => {},
    hostSelectionRetries: 0,
    avoidsHost: () => false,
    retryPriority: null,
    ...changes,
  };
}

/** As of a request with this hash. */
export function hashed(hash: bigint, changes: Partial<LoadBalancerContext<TestHost>> = {}) {
  return context(() => 0, {
    hashRequest: (out) => {
      out.high = Number(hash >> 32n);
      out.low = Number(hash & 0xffffffffn);
      return true;
    },
    ...changes,
  });
}

/** Numbers in [0, 1) that are the same in each run. (mulberry32) */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 0x100000000;
  };
}

/** Gives the listed numbers in turn, then fails: a balancer must not draw more than it needs. */
export function draws(...values: number[]): () => number {
  let at = 0;
  return () => {
    if (at >= values.length) throw new Error("more random numbers drawn than expected");
    return values[at++];
  };
}

export interface Balanced {
  readonly balancer: LoadBalancer<TestHost>;
  readonly stats: LbStats;
  readonly clock: { now: number };
  readonly gauges: Map<string, Gauge>;
}

/** A balancer over these priorities, whose own seed is drawn first. */
export function balanced(
  plan: SetBalancerPlan,
  priorities: readonly (readonly TestHost[])[],
  changes: Partial<BalancerDeps> & {
    readonly seed?: number;
    readonly own?: LocalityPlan;
    readonly proxies?: TestHost[];
  } = {},
): Balanced {
  const counter = (name: string): Counter => new Counter(name, []);
  const stats: LbStats = {
    lbHealthyPanic: counter("p"),
    lbRecalculateZoneStructures: counter("r"),
    lbLocalClusterNotOk: counter("n"),
    lbZoneClusterTooSmall: counter("s"),
    lbZoneNoCapacityLeft: counter("c"),
    lbZoneRoutingAllDirectly: counter("d"),
    lbZoneRoutingCrossZone: counter("x"),
    lbZoneRoutingSampled: counter("m"),
  };
  const clock = { now: 0 };
  const gauges = new Map<string, Gauge>();
  const balancer = createBalancer<TestHost>(plan, {
    localityRouting: NO_LOCALITY_ROUTING,
    healthyPanicThreshold: 50,
    stats,
    gauge: (name) => {
      const gauge = gauges.get(name) ?? new Gauge(name, []);
      gauges.set(name, gauge);
      return gauge;
    },
    load: { value: 0 },
    clock,
    random: () => changes.seed ?? 0,
    ...changes,
  });
  balancer.update(
    priorities.map((list) => hostSet(list)),
    { own: changes.own ?? NOWHERE, proxies: changes.proxies === undefined ? null : hostSet(changes.proxies) },
  );
  return { balancer, stats, clock, gauges };
}

/** How often each is chosen. */
export function tally(
  balancer: LoadBalancer<TestHost>,
  times: number,
  requests: (i: number) => LoadBalancerContext<TestHost>,
): Record<string, number> {
  const counts: Record<string, number> = {};
  for (let i = 0; i < times; i++) {
    const name = balancer.choose(requests(i))?.name ?? "nobody";
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}
