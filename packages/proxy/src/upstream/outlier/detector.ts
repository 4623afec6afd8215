import type { EjectionType, OutlierDetectionPlan } from "../../plan/cluster-plan.ts";
import { type ConsecutiveErrors, type MonitoredHost, OutlierMonitor } from "./monitor.ts";
import type { OutlierStats } from "./stats.ts";
import type { SuccessRate } from "./success-rate.ts";

/** Success rate of the hosts on average, and below what a host is ejected; in percent, -1: not known. */
export interface SuccessRateThreshold {
  readonly average: number;
  readonly threshold: number;
}

const UNKNOWN: SuccessRateThreshold = { average: -1, threshold: -1 };

/** Told of what is decided; for the event log. */
export interface OutlierEvents {
  onEject(monitor: OutlierMonitor, type: EjectionType, enforced: boolean, rates: SuccessRateThreshold): void;
  onUneject(monitor: OutlierMonitor): void;
}

export interface OutlierDetectorDeps {
  readonly stats: OutlierStats;
  readonly clock: { readonly now: number };
  /** [0, 1) */
  readonly random: () => number;
  /** Hosts have been ejected or let in again. */
  readonly onChange: () => void;
  /** Null: nobody wants to know. */
  readonly events: OutlierEvents | null;
}

/**
 * Ejects hosts that fail more than others, for a while. Consecutive errors are seen at once; rates, and whose time is over, at
 * `onInterval`. Pure. Source: Envoy `source/common/upstream/outlier_detection_impl.cc`, DetectorImpl.
 */
export class OutlierDetector implements ConsecutiveErrors {
  readonly plan: OutlierDetectionPlan;
  external = UNKNOWN;
  localOrigin = UNKNOWN;
  private readonly deps: OutlierDetectorDeps;
  private readonly monitors = new Set<OutlierMonitor>();
  private active = 0;

  constructor(plan: OutlierDetectionPlan, deps: OutlierDetectorDeps) {
    this.plan = plan;
    this.deps = deps;
  }

  add(host: MonitoredHost): OutlierMonitor {
    const monitor = new OutlierMonitor(host, this.plan, this);
    this.monitors.add(monitor);
    return monitor;
  }

  remove(monitor: OutlierMonitor): void {
    if (this.monitors.delete(monitor) && monitor.host.ejected) this.countActive(-1);
  }

  /** The cluster is gone: nobody of it is ejected any more. */
  close(): void {
    this.countActive(-this.active);
    this.monitors.clear();
  }

  // ConsecutiveErrors

  on5xx(monitor: OutlierMonitor): void {
    if (!this.detect(monitor, "CONSECUTIVE_5XX")) return;
    this.deps.stats.consecutive5xx.value++;
    monitor.reset5xx();
  }

  onGatewayFailure(monitor: OutlierMonitor): void {
    if (this.detect(monitor, "CONSECUTIVE_GATEWAY_FAILURE")) monitor.resetGatewayFailures();
  }

  onLocalOriginFailure(monitor: OutlierMonitor): void {
    if (this.detect(monitor, "CONSECUTIVE_LOCAL_ORIGIN_FAILURE")) monitor.resetLocalOriginFailures();
  }

  /** False if it is of no account: the host is ejected already, or gone. */
  private detect(monitor: OutlierMonitor, type: EjectionType): boolean {
    if (monitor.host.ejected || !this.monitors.has(monitor)) return false;
    this.deps.stats.detected[type].value++;
    if (this.eject(monitor, type)) this.deps.onChange();
    return true;
  }

  /** True if the host is ejected now. */
  private eject(monitor: OutlierMonitor, type: EjectionType): boolean {
    const { plan, deps } = this;
    const { stats, events } = deps;
    const share = (100 * (this.active + 1)) / this.monitors.size;
    if (share > plan.maxEjectionPercent && !(plan.alwaysEjectOneHost && this.active === 0)) {
      stats.overflow.value++;
      return false;
    }
    if (type === "CONSECUTIVE_5XX" || type === "SUCCESS_RATE") stats.total.value++;
    const enforced = deps.random() * 100 < plan.enforcing[type];
    if (enforced) {
      this.countActive(1);
      stats.enforcedTotal.value++;
      stats.enforced[type].value++;
      monitor.host.setEjected(true);
      monitor.ejections++;
      monitor.ejectedAt = deps.clock.now;
      monitor.jitterMs = Math.floor(deps.random() * (plan.maxEjectionJitterMs + 1));
      if (monitor.backOff * plan.baseEjectionMs < plan.maxEjectionMs + plan.baseEjectionMs) monitor.backOff++;
    }
    events?.onEject(monitor, type, enforced, type.endsWith("LOCAL_ORIGIN") ? this.localOrigin : this.external);
    return enforced;
  }

  /** An active health check has found the host well (`successful_active_health_check_uneject_host`). */
  onHealthy(monitor: OutlierMonitor): void {
    if (!this.plan.healthCheckUnejects || !monitor.host.ejected) return;
    this.uneject(monitor);
    this.deps.onChange();
  }

  private uneject(monitor: OutlierMonitor): void {
    this.countActive(-1);
    monitor.host.setEjected(false);
    // A few more errors are no reason to eject it again.
    monitor.reset5xx();
    monitor.resetGatewayFailures();
    monitor.resetLocalOriginFailures();
    monitor.unejectedAt = this.deps.clock.now;
    this.deps.events?.onUneject(monitor);
  }

  /** To be called each `intervalMs`. */
  onInterval(): void {
    const { plan } = this;
    const { now } = this.deps.clock;
    let changed = false;
    for (const monitor of this.monitors) {
      if (monitor.host.ejected && this.isTimeOver(monitor, now)) {
        this.uneject(monitor);
        changed = true;
      }
      monitor.external.endInterval();
      monitor.localOrigin.endInterval();
    }
    const before = this.active;
    this.external = this.judge("external", "SUCCESS_RATE", "FAILURE_PERCENTAGE");
    this.localOrigin = this.judge("localOrigin", "SUCCESS_RATE_LOCAL_ORIGIN", "FAILURE_PERCENTAGE_LOCAL_ORIGIN");
    changed ||= this.active !== before;
    for (const monitor of this.monitors) {
      if (!monitor.host.ejected && now - monitor.unejectedAt >= plan.intervalMs && monitor.backOff > 0) {
        monitor.backOff--;
      }
    }
    if (changed) this.deps.onChange();
  }

  private isTimeOver({ backOff, jitterMs, ejectedAt }: OutlierMonitor, now: number): boolean {
    const { baseEjectionMs, maxEjectionMs } = this.plan;
    return Math.min(baseEjectionMs * backOff, maxEjectionMs) + jitterMs <= now - ejectedAt;
  }

  /** Compares the hosts' rates over the interval, with each other and with a fixed one. */
  private judge(
    which: "external" | "localOrigin",
    byRate: EjectionType,
    byPercentage: EjectionType,
  ): SuccessRateThreshold {
    const { plan, monitors } = this;
    const { successRate, failurePercentage } = plan;
    this[which] = UNKNOWN;
    if (monitors.size < successRate.minHosts && monitors.size < failurePercentage.minHosts) return UNKNOWN;
    const inside = [...monitors].filter((monitor) => !monitor.host.ejected && monitor[which].lastTotal > 0);
    const fewest = Math.min(successRate.minRequests, failurePercentage.minRequests);
    for (const monitor of inside) {
      const rate: SuccessRate = monitor[which];
      if (rate.lastTotal >= fewest) rate.shown = rate.last;
    }
    const comparable = inside.filter((monitor) => monitor[which].lastTotal >= successRate.minRequests);
    const countable = inside.filter((monitor) => monitor[which].lastTotal >= failurePercentage.minRequests);
    if (comparable.length > 0 && comparable.length >= successRate.minHosts) {
      const limits = threshold(
        comparable.map((monitor) => monitor[which].last),
        successRate.stdevFactor,
      );
      this[which] = limits;
      for (const monitor of comparable) {
        if (monitor[which].last >= limits.threshold) continue;
        this.deps.stats.successRate.value++;
        this.judged(monitor, byRate);
      }
    }
    if (countable.length > 0 && countable.length >= failurePercentage.minHosts) {
      for (const monitor of countable) {
        if (100 - monitor[which].last >= failurePercentage.threshold) this.judged(monitor, byPercentage);
      }
    }
    return this[which];
  }

  private judged(monitor: OutlierMonitor, type: EjectionType): void {
    this.deps.stats.detected[type].value++;
    // By its rate it may have been ejected a moment ago.
    if (!monitor.host.ejected) this.eject(monitor, type);
  }

  private countActive(by: number): void {
    this.active += by;
    this.deps.stats.active.value += by;
  }
}

/** Mean, and mean - factor × population standard deviation. */
function threshold(rates: readonly number[], factor: number): SuccessRateThreshold {
  let sum = 0;
  for (const rate of rates) sum += rate;
  const average = sum / rates.length;
  let variance = 0;
  for (const rate of rates) variance += (rate - average) ** 2;
  return { average, threshold: average - factor * Math.sqrt(variance / rates.length) };
}
