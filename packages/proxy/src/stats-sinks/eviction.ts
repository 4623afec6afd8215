import { Timer, type TimerOwner } from "../clock/timer-wheel.ts";
import type { NetContext } from "../net/context.ts";
import type { StatsRegistry } from "../stats/index.ts";

/** `stats_eviction_interval`: forgets what has not counted between two such times. */
export class StatsEviction implements TimerOwner {
  private readonly stats: StatsRegistry;
  private readonly net: Pick<NetContext, "turn" | "timers">;
  private readonly intervalMs: number;
  private readonly timer = new Timer(this, 0);

  constructor(stats: StatsRegistry, net: Pick<NetContext, "turn" | "timers">, intervalMs: number) {
    this.stats = stats;
    this.net = net;
    this.intervalMs = intervalMs;
  }

  start(): void {
    this.net.timers.arm(this.timer, this.net.turn.now, this.intervalMs);
  }

  onTimer(): void {
    this.stats.evict();
    this.start();
  }
}
