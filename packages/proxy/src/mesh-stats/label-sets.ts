import type { Counter, StatsRegistry, Tags } from "../stats/index.ts";

/** Of all standard metrics of a proxy: a set has three histograms of 2 KB. */
const MAX_LABEL_SETS = 2_000;
/** Value of all labels but `reporter` of what is counted together, there being too many sets. */
const OVERFLOW = "overflow";

/**
 * Bounds the sets of labels of the standard metrics of a proxy: peers, statuses and what Telemetries make labels of may be as many as somebody
 * likes. What is new beyond is counted together, and how often that was found.
 */
export class LabelSets {
  private readonly registry: StatsRegistry;
  private readonly known = new Set<string>();
  private readonly overflowed: Counter;
  private generation = 0;

  constructor(registry: StatsRegistry) {
    this.registry = registry;
    this.overflowed = registry.counter("mesh_stats.label_sets_overflow");
  }

  /** The same tags, or what they are counted as. */
  admit(tags: Tags): Tags {
    const { generation } = this.registry;
    if (generation !== this.generation) {
      // Those that are still used will come again; until the next eviction there may be twice as many.
      this.generation = generation;
      this.known.clear();
    }
    let key = "";
    for (const [, value] of tags) key += `${value}\u0000`;
    if (this.known.has(key)) return tags;
    if (this.known.size < MAX_LABEL_SETS) {
      this.known.add(key);
      return tags;
    }
    this.overflowed.value++;
    return tags.map(([label, value]) => [label, label === "reporter" ? value : OVERFLOW] as const);
  }
}

const byRegistry = new WeakMap<StatsRegistry, LabelSets>();

/** Those of a proxy, which all its filters share. */
export function labelSetsOf(registry: StatsRegistry): LabelSets {
  let sets = byRegistry.get(registry);
  if (sets === undefined) byRegistry.set(registry, (sets = new LabelSets(registry)));
  return sets;
}
