import type { Counter, Gauge, StatsRegistry } from "../../stats/index.ts";
import { type Decision, type FilteredConnectionView, GO_ON, type NetworkFilter } from "./network-filter.ts";

/** So many connections at once. Envoy `source/extensions/filters/network/connection_limit/connection_limit.cc`. */
export class ConnectionLimit implements NetworkFilter {
  private readonly max: number;
  private readonly delayMs: number;
  private readonly active: Gauge;
  private readonly limited: Counter;
  private count = 0;

  constructor(statPrefix: string, max: number, delayMs: number, registry: StatsRegistry) {
    this.max = max;
    this.delayMs = delayMs;
    this.active = registry.gauge(`connection_limit.${statPrefix}.active_connections`);
    this.limited = registry.counter(`connection_limit.${statPrefix}.limited_connections`);
  }

  onConnection(): Decision {
    this.active.value++;
    if (this.count++ < this.max) return GO_ON;
    this.limited.value++;
    return this.delayMs;
  }

  onData(): Decision {
    return GO_ON;
  }

  onClose(_connection: FilteredConnectionView): void {
    this.count--;
    this.active.value--;
  }
}
