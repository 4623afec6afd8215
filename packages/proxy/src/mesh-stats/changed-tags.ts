/** Standard metrics as Telemetries want them: some are left out, some have other labels. */
import type { MetricDefinition } from "@tulle/telemetry";
import { MAX_LABEL_BYTES, type MeshStatsConfig } from "../plan/filters/mesh-stats.ts";
import { cutText } from "../plan/format/byte-text.ts";
import type { StreamInfo } from "../plan/format/stream-info.ts";
import type { Counter, Histogram, StatsRegistry, Tags } from "../stats/index.ts";
import { labelSetsOf } from "./label-sets.ts";

/** What expressions say of a stream, in the order of `config.expressions`; "" if there are none. */
export function valuesKey({ expressions }: MeshStatsConfig, stream: StreamInfo): string {
  let key = "";
  for (let i = 0; i < expressions.length; i++) key += `${expressions[i](stream)}\u0001`;
  return key;
}

/** Makes the metrics of one combination of labels. */
export class MetricMaker {
  private readonly config: MeshStatsConfig;
  private readonly registry: StatsRegistry;
  private readonly tags: Tags;
  private readonly values: readonly string[];

  constructor(config: MeshStatsConfig, registry: StatsRegistry, tags: Tags, stream: StreamInfo) {
    this.config = config;
    this.registry = registry;
    this.values = config.expressions.map((expression) => expression(stream));
    // With what expressions say, as somebody may say anything.
    const all = this.values.map((value, i) => [String(i), value] as const);
    const bounded = tags.map(([label, value]) => [label, cutText(value, MAX_LABEL_BYTES)] as const);
    const admitted = labelSetsOf(registry).admit([...bounded, ...all]);
    this.tags = admitted.slice(0, tags.length);
    if (admitted.length > tags.length) this.values = admitted.slice(tags.length).map(([, value]) => value);
  }

  /** Null: it is left out. */
  counter(definition: MetricDefinition): Counter | null {
    const tags = this.tagsOf(definition);
    return tags === null ? null : this.registry.counter(definition.name, tags);
  }

  histogram(definition: MetricDefinition): Histogram | null {
    const tags = this.tagsOf(definition);
    return tags === null ? null : this.registry.histogram(definition.name, tags);
  }

  private tagsOf({ name }: MetricDefinition): Tags | null {
    const change = this.config.changes.get(name);
    if (change === undefined) return this.tags;
    if (change.isDropped) return null;
    const tags: (readonly [string, string])[] = [];
    const added = new Map(change.dimensions);
    for (const [label, value] of this.tags) {
      const expression = added.get(label);
      added.delete(label);
      if (expression !== undefined) tags.push([label, this.values[expression]]);
      else if (!change.removed.has(label)) tags.push([label, value]);
    }
    for (const [label, expression] of added) tags.push([label, this.values[expression]]);
    return tags;
  }
}
