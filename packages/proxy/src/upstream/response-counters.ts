import type { Counter, Histogram, StatsRegistry } from "../stats/index.ts";

/**
 * Responses of a cluster by status, or those of one kind (`external.`, `zone.a.b.`): `upstream_rq_200`, `upstream_rq_2xx`,
 * `upstream_rq_completed`, `upstream_rq_time`, resolved when first seen. Envoy `source/common/http/codes.cc`.
 */
export class ResponseCounters {
  private readonly registry: StatsRegistry;
  private readonly prefix: string;
  private readonly byStatus: (Counter | undefined)[] = [];
  private readonly byClass: (Counter | undefined)[] = [];
  private completed: Counter | null = null;
  private time: Histogram | null = null;

  /** @param prefix `cluster.a.external.` */
  constructor(registry: StatsRegistry, prefix: string) {
    this.registry = registry;
    this.prefix = prefix;
  }

  count(status: number): void {
    const code = (this.byStatus[status] ??= this.registry.counter(`${this.prefix}upstream_rq_${status}`));
    code.value++;
    const hundred = (status / 100) | 0;
    const group = (this.byClass[hundred] ??= this.registry.counter(`${this.prefix}upstream_rq_${hundred}xx`));
    group.value++;
    this.completed ??= this.registry.counter(`${this.prefix}upstream_rq_completed`);
    this.completed.value++;
  }

  recordTime(ms: number): void {
    this.time ??= this.registry.histogram(`${this.prefix}upstream_rq_time`);
    this.time.record(ms);
  }
}
