import { Timer, type TimerOwner } from "../clock/timer-wheel.ts";
import type { NetContext } from "../net/context.ts";
import {
  DISABLE_KEEPALIVE,
  type HeapMonitorPlan,
  type OverloadActionPlan,
  type OverloadPlan,
  REJECT_CONNECTIONS,
  SHED_CONNECTIONS,
  SHED_REQUESTS,
  STOP_ACCEPTING_CONNECTIONS,
  STOP_ACCEPTING_REQUESTS,
} from "../plan/compile-overload.ts";
import type { Gauge, StatsRegistry } from "../stats/index.ts";

/** What is done for want of something; 0 not at all, 1 always, between them as often as that. */
export interface OverloadState {
  stopAcceptingRequests: number;
  disableKeepalive: number;
  stopAcceptingConnections: number;
  rejectConnections: number;
}

export interface OverloadDeps {
  readonly net: Pick<NetContext, "turn" | "timers">;
  readonly stats: StatsRegistry;
  /** What the process has on its heap. */
  readonly heapBytes: () => number;
  /** Connections may be accepted again. */
  readonly onAccepting: () => void;
}

interface Monitor {
  readonly plan: HeapMonitorPlan;
  readonly shown: Gauge;
  pressure: number;
}

interface Action {
  readonly plan: OverloadActionPlan;
  readonly active: Gauge;
  readonly scalePercent: Gauge;
}

/** Looks at resources again and again, and says what is to be done. Envoy `source/server/overload_manager_impl.cc`. */
export class OverloadManager implements TimerOwner {
  readonly state: OverloadState = {
    stopAcceptingRequests: 0,
    disableKeepalive: 0,
    stopAcceptingConnections: 0,
    rejectConnections: 0,
  };
  readonly maxConnections: number;
  private readonly plan: OverloadPlan;
  private readonly deps: OverloadDeps;
  private readonly monitors: readonly Monitor[];
  private readonly actions: readonly Action[];
  private readonly timer = new Timer(this, 0);

  constructor(plan: OverloadPlan, deps: OverloadDeps) {
    const { stats } = deps;
    this.plan = plan;
    this.deps = deps;
    this.maxConnections = plan.maxConnections;
    this.monitors = plan.monitors.map((each) => {
      stats.counter(`overload.${each.name}.failed_updates`);
      stats.counter(`overload.${each.name}.skipped_updates`);
      return { plan: each, shown: stats.gauge(`overload.${each.name}.pressure`), pressure: 0 };
    });
    this.actions = plan.actions.map((each) => ({
      plan: each,
      active: stats.gauge(`overload.${each.name}.active`),
      scalePercent: stats.gauge(`overload.${each.name}.scale_percent`),
    }));
    if (this.monitors.length > 0) this.refresh();
  }

  onTimer(): void {
    this.refresh();
  }

  close(): void {
    this.deps.net.timers.disarm(this.timer);
  }

  private refresh(): void {
    const { net, heapBytes, onAccepting } = this.deps;
    const { state } = this;
    const bytes = heapBytes();
    for (const monitor of this.monitors) {
      monitor.pressure = bytes / monitor.plan.maxBytes;
      monitor.shown.value = Math.floor(monitor.pressure * 100);
    }
    const stopped = state.stopAcceptingConnections === 1;
    state.stopAcceptingRequests = 0;
    state.disableKeepalive = 0;
    state.stopAcceptingConnections = 0;
    state.rejectConnections = 0;
    for (const action of this.actions) this.settle(action);
    net.timers.arm(this.timer, net.turn.now, this.plan.refreshMs);
    if (stopped && state.stopAcceptingConnections < 1) onAccepting();
  }

  private settle({ plan, active, scalePercent }: Action): void {
    let value = 0;
    for (const { monitor, from, to } of plan.triggers) {
      const found = this.monitors.find((each) => each.plan.name === monitor);
      if (found !== undefined) value = Math.max(value, scaled(found.pressure, from, to));
    }
    active.value = value === 1 ? 1 : 0;
    scalePercent.value = Math.floor(value * 100);
    const field = FIELDS.get(plan.name);
    if (field !== undefined) this.state[field] = Math.max(this.state[field], value);
  }
}

const FIELDS: ReadonlyMap<string, keyof OverloadState> = new Map([
  [STOP_ACCEPTING_REQUESTS, "stopAcceptingRequests"],
  [SHED_REQUESTS, "stopAcceptingRequests"],
  [DISABLE_KEEPALIVE, "disableKeepalive"],
  [STOP_ACCEPTING_CONNECTIONS, "stopAcceptingConnections"],
  [REJECT_CONNECTIONS, "rejectConnections"],
  [SHED_CONNECTIONS, "rejectConnections"],
]);

function scaled(pressure: number, from: number, to: number): number {
  if (pressure >= to) return 1;
  return pressure <= from ? 0 : (pressure - from) / (to - from);
}

/** Whether this once it is done. */
export function happens(share: number, random: () => number): boolean {
  return share >= 1 || (share > 0 && random() < share);
}
