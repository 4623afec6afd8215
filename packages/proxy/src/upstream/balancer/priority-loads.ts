import type { BalancedHost } from "./balanced-host.ts";
import type { HostSet } from "./host-set.ts";

/** What share of the requests goes to which priority, in percent; both lists together add up to 100. */
export interface PriorityLoads {
  /** To the healthy hosts of each priority; in panic, to all of them. */
  readonly healthy: readonly number[];
  readonly degraded: readonly number[];
  readonly panic: readonly boolean[];
}

/** What each priority could take, in percent of all requests, with more hosts than needed counted as enough. */
export interface Availability {
  readonly healthy: readonly number[];
  readonly degraded: readonly number[];
}

/**
 * Requests go to the first priorities that can take them, to healthy hosts before degraded ones. A priority with too few good hosts
 * is in panic, and uses all it has, unless the priorities together can take everything.
 * Source: Envoy `load_balancer_impl.cc`, LoadBalancerBase::recalculatePerPriorityState and recalculatePerPriorityPanic.
 * @param panicThreshold percent of good hosts below which there is panic, 0 = never
 */
export function priorityLoads<H extends BalancedHost>(
  sets: readonly HostSet<H>[],
  panicThreshold: number,
): PriorityLoads {
  const available = availability(sets);
  const total = totalOf(available);
  const calm = sets.map(() => false);
  // Nobody at all, and no panic: the first priority will say so.
  if (panicThreshold === 0 && total === 0) return { ...everythingTo(0, sets.length), panic: calm };
  const panic = total === 100 ? calm : sets.map((set) => inPanic(set, panicThreshold));
  if (panic.every((each) => each)) return { ...loadsByHostCount(sets), panic };
  return { ...distribute(available), panic };
}

export function availability<H extends BalancedHost>(sets: readonly HostSet<H>[]): Availability {
  const healthy: number[] = [];
  const degraded: number[] = [];
  for (const set of sets) {
    const { overprovisioningFactor: factor, weightedPriorityHealth } = set.policy;
    const size = weightedPriorityHealth ? weightOf : countOf;
    const all = set.hosts.length > set.excluded.length ? size(set.hosts) - size(set.excluded) : 0;
    healthy.push(all === 0 ? 0 : Math.min(100, Math.floor((factor * size(set.healthy)) / all)));
    degraded.push(all === 0 ? 0 : Math.min(100, Math.floor((factor * size(set.degraded)) / all)));
  }
  return { healthy, degraded };
}

/** At most 100: what is beyond is spare. */
function totalOf({ healthy, degraded }: Availability): number {
  return Math.min(100, sum(healthy) + sum(degraded));
}

export function isNobody(available: Availability): boolean {
  return totalOf(available) === 0;
}

/** All of the requests, scaled up if there is too little. @param available not nobody */
export function distribute(available: Availability): Omit<PriorityLoads, "panic"> {
  const total = totalOf(available);
  let left = 100;
  const take = (each: number): number => {
    const load = Math.min(left, Math.floor((each * 100) / total));
    left -= load;
    return load;
  };
  const healthy = available.healthy.map(take);
  const degraded = available.degraded.map(take);
  // Rounding: to the first that there is.
  const first = available.healthy.findIndex((each) => each > 0);
  if (first >= 0) healthy[first] += left;
  else degraded[available.degraded.findIndex((each) => each > 0)] += left;
  return { healthy, degraded };
}

/** Everybody is in panic: health says nothing any more, only numbers do. */
function loadsByHostCount<H extends BalancedHost>(sets: readonly HostSet<H>[]): Omit<PriorityLoads, "panic"> {
  const all = sum(sets.map((set) => set.hosts.length));
  if (all === 0) return everythingTo(0, sets.length);
  const healthy = sets.map((set) => Math.floor((100 * set.hosts.length) / all));
  healthy[sets.findIndex((set) => set.hosts.length > 0)] += 100 - sum(healthy);
  return { healthy, degraded: sets.map(() => 0) };
}

function everythingTo(priority: number, count: number): Omit<PriorityLoads, "panic"> {
  // cold: when hosts or their health change
  const none = Array.from({ length: count }, () => 0);
  return { healthy: none.with(priority, 100), degraded: none };
}

export function inPanic<H extends BalancedHost>(set: HostSet<H>, threshold: number): boolean {
  const count = set.hosts.length - set.excluded.length;
  const good = count === 0 ? 0 : (100 * set.healthy.length) / count + (100 * set.degraded.length) / count;
  return good < Math.min(100, threshold);
}

function countOf(hosts: readonly BalancedHost[]): number {
  return hosts.length;
}

function weightOf(hosts: readonly BalancedHost[]): number {
  let weight = 0;
  for (const host of hosts) weight += host.weight;
  return weight;
}

function sum(numbers: readonly number[]): number {
  let total = 0;
  for (const each of numbers) total += each;
  return total;
}

const DEGRADED = 0x100;

/**
 * A priority, and whether its degraded hosts are meant: read by `priorityOf` and `isDegraded`.
 * @param percent 1 … 100
 */
export function choosePriority({ healthy, degraded }: PriorityLoads, percent: number): number {
  let sum = 0;
  for (let priority = 0; priority < healthy.length; priority++) {
    sum += healthy[priority];
    if (percent <= sum) return priority;
  }
  for (let priority = 0; priority < degraded.length; priority++) {
    sum += degraded[priority];
    if (percent <= sum) return priority | DEGRADED;
  }
  return 0;
}

export function priorityOf(choice: number): number {
  return choice & 0xff;
}

export function isDegraded(choice: number): boolean {
  return (choice & DEGRADED) !== 0;
}
