import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import type { LocalityPlan, SubsetPlan, SubsetSelectorPlan } from "../../plan/cluster-plan.ts";
import type { Metadata } from "../../plan/format/stream-info.ts";
import { LB_NAMESPACE, MetadataMatch, matchText, namesText, valueText } from "../../plan/metadata-match.ts";
import type { Counter, Gauge } from "../../stats/index.ts";
import type { LoadBalancerContext } from "../load-balancer-context.ts";
import type { BalancedHost } from "./balanced-host.ts";
import { HostSet, type LocalityHosts, sameLocality } from "./host-set.ts";
import type { LoadBalancer, ProxyLocalities } from "./load-balancer.ts";

export interface SubsetStats {
  readonly active: Gauge;
  readonly created: Counter;
  readonly removed: Counter;
  readonly selected: Counter;
  readonly fallback: Counter;
  readonly fallbackPanic: Counter;
  readonly singleHostDuplicate: Gauge;
}

interface SubsetHost extends BalancedHost {
  readonly metadata: Metadata;
}

const NOTHING: JsonObject = {};
const FALLBACK_LIST = "fallback_list";

/**
 * `lb_subset_config`: a request goes to the hosts that have the metadata that it asks for. Each subset has a balancer of its own, of the
 * cluster's policy. Source: Envoy `source/extensions/load_balancing_policies/subset/subset_lb.cc`.
 */
export class SubsetBalancer<H extends SubsetHost> implements LoadBalancer<H> {
  private readonly plan: SubsetPlan;
  private readonly stats: SubsetStats;
  private readonly create: () => LoadBalancer<H>;
  /** By `MetadataMatch.text`. */
  private readonly subsets = new Map<string, LoadBalancer<H>>();
  private readonly singles = new Map<string, H>();
  /** By `MetadataMatch.names`. */
  private readonly selectors = new Map<string, SubsetSelectorPlan>();
  /** Null: nothing falls back on it. */
  private readonly anyone: LoadBalancer<H> | null;
  private readonly byDefault: LoadBalancer<H> | null;

  /** @param create a balancer of the cluster's policy; whether it heeds the weights of localities is the plan's to say */
  constructor(plan: SubsetPlan, stats: SubsetStats, create: () => LoadBalancer<H>) {
    this.plan = plan;
    this.stats = stats;
    this.create = create;
    for (const selector of plan.selectors) {
      const names = namesText(selector.keys);
      if (!this.selectors.has(names)) this.selectors.set(names, selector);
    }
    const used = (fallback: "any" | "default"): boolean =>
      plan.fallback === fallback || plan.selectors.some((each) => each.fallback === fallback);
    this.anyone = used("any") || plan.panicModeAny ? create() : null;
    this.byDefault = used("default") ? create() : null;
  }

  // Choosing

  /** The next request may ask for any hosts (Envoy). */
  peek(): null {
    return null;
  }

  choose(context: LoadBalancerContext<H>): H | null {
    const match = context.metadataMatch;
    const others = match === null || !this.plan.fallbackList ? undefined : match.get(FALLBACK_LIST);
    if (match === null || others === undefined) return this.chooseFor(match, context);
    return this.chooseFromList(match.without(FALLBACK_LIST), Array.isArray(others) ? others : [], context);
  }

  /** Each of a list in turn, over what is asked for beside it, until there is a host. */
  private chooseFromList(
    match: MetadataMatch | null,
    list: readonly JsonValue[],
    context: LoadBalancerContext<H>,
  ): H | null {
    if (list.length === 0) return this.chooseFor(match, context);
    for (const each of list) {
      const fields = structOf(each);
      const host = this.chooseFor(match === null ? MetadataMatch.of(fields) : match.with(fields), context);
      if (host !== null) return host;
    }
    return null;
  }

  private chooseFor(match: MetadataMatch | null, context: LoadBalancerContext<H>): H | null {
    const { stats } = this;
    if (match !== null) {
      const subset = this.subsets.get(match.text);
      if (subset !== undefined) {
        stats.selected.value++;
        return subset.choose(context);
      }
      const single = this.singles.get(match.text);
      if (single !== undefined) {
        stats.selected.value++;
        return single;
      }
      const selector = this.selectors.get(match.names);
      if (selector !== undefined && selector.fallback !== "as the cluster") {
        return this.fallBack(selector, match, context);
      }
    }
    const { fallback, panicModeAny } = this.plan;
    if (fallback === "none") return null;
    const host = choose(fallback === "any" ? this.anyone : this.byDefault, context);
    if (host !== null) {
      stats.fallback.value++;
      return host;
    }
    const last = panicModeAny ? choose(this.anyone, context) : null;
    if (last !== null) stats.fallbackPanic.value++;
    return last;
  }

  private fallBack(selector: SubsetSelectorPlan, match: MetadataMatch, context: LoadBalancerContext<H>): H | null {
    if (selector.fallback === "any") return choose(this.anyone, context);
    if (selector.fallback === "default") return choose(this.byDefault, context);
    return selector.fallback === "keys" ? this.chooseFor(match.only(selector.fallbackKeys), context) : null;
  }

  // Hosts

  update(sets: readonly HostSet<H>[], where: ProxyLocalities<H>): void {
    this.anyone?.update(sets, where);
    this.byDefault?.update(
      sets.map((set) =>
        this.partOf(
          set,
          set.hosts.filter((host) => this.isDefault(host)),
        ),
      ),
      where,
    );
    this.updateSubsets(sets, where);
    this.updateSingles(sets);
  }

  private updateSubsets(sets: readonly HostSet<H>[], where: ProxyLocalities<H>): void {
    const { subsets, stats } = this;
    const hosts = new Map<string, H[][]>();
    for (const selector of this.selectors.values()) {
      if (!selector.singleHost) this.sortInto(hosts, sets, selector);
    }
    for (const text of subsets.keys()) {
      if (hosts.has(text)) continue;
      subsets.delete(text);
      stats.removed.value++;
    }
    for (const [text, byPriority] of hosts) {
      let subset = subsets.get(text);
      if (subset === undefined) {
        subsets.set(text, (subset = this.create()));
        stats.created.value++;
      }
      subset.update(
        sets.map((set, i) => this.partOf(set, byPriority[i])),
        where,
      );
    }
    stats.active.value = subsets.size + this.singles.size;
  }

  private sortInto(hosts: Map<string, H[][]>, sets: readonly HostSet<H>[], selector: SubsetSelectorPlan): void {
    sets.forEach((set, priority) => {
      for (const host of set.hosts) {
        for (const text of this.textsOf(host, selector)) {
          let byPriority = hosts.get(text);
          if (byPriority === undefined) hosts.set(text, (byPriority = sets.map(() => [])));
          byPriority[priority].push(host);
        }
      }
    });
  }

  /** The first that there is, whatever its health. */
  private updateSingles(sets: readonly HostSet<H>[]): void {
    const { singles, stats } = this;
    const before = new Set(singles.keys());
    let duplicates = 0;
    singles.clear();
    for (const selector of this.selectors.values()) {
      if (!selector.singleHost) continue;
      for (const host of sets.flatMap((set) => set.hosts)) {
        for (const text of this.textsOf(host, selector)) {
          if (singles.has(text)) duplicates++;
          else singles.set(text, host);
        }
      }
    }
    for (const text of singles.keys()) if (!before.delete(text)) stats.created.value++;
    stats.removed.value += before.size;
    stats.singleHostDuplicate.value = duplicates;
    stats.active.value = this.subsets.size + singles.size;
  }

  /** What a request has to ask for to get to this host by that selector: nothing if the host lacks a key, much if it has lists of values. */
  private textsOf(host: H, { keys }: SubsetSelectorPlan): readonly string[] {
    const fields = fieldsOf(host);
    let found: readonly (readonly string[])[] = [[]];
    for (const key of keys) {
      const texts = this.textsAt(fields, key);
      found = found.flatMap((before) => texts.map((text) => [...before, text]));
    }
    return found.map((texts) => matchText(keys, (key) => texts[keys.indexOf(key)]));
  }

  private textsAt(fields: JsonObject, key: string): readonly string[] {
    if (!Object.hasOwn(fields, key)) return [];
    const value = fields[key];
    return this.plan.listAsAny && Array.isArray(value) ? value.map(valueText) : [valueText(value)];
  }

  private isDefault(host: H): boolean {
    const fields = fieldsOf(host);
    return this.plan.defaultSubset.every(([name, text]) => this.textsAt(fields, name).includes(text));
  }

  private partOf(whole: HostSet<H>, hosts: readonly H[]): HostSet<H> {
    const { localityWeightAware, scaleLocalityWeight } = this.plan;
    return localityWeightAware && scaleLocalityWeight
      ? new ScaledHostSet(hosts, whole)
      : new HostSet(hosts, whole.policy);
  }
}

/** A part of a set, whose localities have as much of their weight as of their hosts. */
class ScaledHostSet<H extends BalancedHost> extends HostSet<H> {
  private readonly whole: HostSet<H>;

  constructor(hosts: readonly H[], whole: HostSet<H>) {
    super(hosts, whole.policy);
    this.whole = whole;
  }

  override byLocality(own: LocalityPlan | null): readonly LocalityHosts<H>[] {
    const all = this.whole.byLocality(null);
    return super.byLocality(own).map((part) => {
      const { locality, hosts } = part;
      const whole = all.find((each) => sameLocality(each.locality, locality));
      const share = whole === undefined ? 1 : hosts.length / whole.hosts.length;
      const weight = locality.weight === 0 ? 0 : Math.max(1, Math.round(locality.weight * share));
      return { ...part, locality: { ...locality, weight } };
    });
  }
}

function choose<H extends BalancedHost>(from: LoadBalancer<H> | null, context: LoadBalancerContext<H>): H | null {
  return from === null ? null : from.choose(context);
}

function fieldsOf(host: SubsetHost): JsonObject {
  return Object.hasOwn(host.metadata, LB_NAMESPACE) ? host.metadata[LB_NAMESPACE] : NOTHING;
}

function structOf(value: JsonValue): JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value : NOTHING;
}
