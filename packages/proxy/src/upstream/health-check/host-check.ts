import { Timer, type TimerOwner } from "../../clock/timer-wheel.ts";
import type { HealthCheckPlan } from "../../plan/cluster-plan.ts";
import { HealthFlag } from "../health-flags.ts";
import type { ProbeConnection, ProbeFailure, ProbeOwner } from "./probe.ts";
import type { HealthCheckStats } from "./stats.ts";

/** What of a host is checked and marked. */
interface CheckedHost {
  hasFlag(flag: HealthFlag): boolean;
  setFlag(flag: HealthFlag, on: boolean): void;
  lastPassedAt: number;
}

interface HostCheckDeps {
  readonly stats: HealthCheckStats;
  readonly now: () => number;
  readonly arm: (timer: Timer, delayMs: number) => void;
  readonly disarm: (timer: Timer) => void;
  /** [0, 1) */
  readonly random: () => number;
  /** Whether the cluster has ever carried traffic. */
  readonly hasTraffic: () => boolean;
  readonly connect: (owner: ProbeOwner) => ProbeConnection;
  /** After each result. @param changed the host's flags are others now */
  readonly onResult: (passed: boolean, changed: boolean) => void;
}

const INTERVAL = 0;
const TIMEOUT = 1;

/** Whether a result has changed what is thought of the host, or would if it came again. */
type Transition = "unchanged" | "changed" | "pending";

/**
 * The check of one host: a probe each interval, and what follows from its result.
 * Source: Envoy `source/extensions/health_checkers/common/health_checker_base_impl.cc`, ActiveHealthCheckSession.
 */
export class HostCheck implements TimerOwner, ProbeOwner {
  private readonly host: CheckedHost;
  private readonly plan: HealthCheckPlan;
  private readonly deps: HostCheckDeps;
  private readonly interval = new Timer(this, INTERVAL);
  private readonly timeout = new Timer(this, TIMEOUT);
  private connection: ProbeConnection | null = null;
  private passes = 0;
  private failures = 0;
  private first = true;

  constructor(host: CheckedHost, plan: HealthCheckPlan, deps: HostCheckDeps) {
    this.host = host;
    this.plan = plan;
    this.deps = deps;
  }

  /** No result is known yet. */
  get isFirst(): boolean {
    return this.first;
  }

  start(): void {
    const { initialJitterMs } = this.plan;
    if (initialJitterMs === 0) this.begin();
    else this.deps.arm(this.interval, Math.max(1, Math.floor(this.deps.random() * initialJitterMs)));
  }

  /** The host is gone: it no longer counts. */
  stop(): void {
    const { host, deps } = this;
    if (!host.hasFlag(HealthFlag.FAILED_ACTIVE_HC)) deps.stats.healthy.value--;
    if (host.hasFlag(HealthFlag.DEGRADED_ACTIVE_HC)) deps.stats.degraded.value--;
    deps.disarm(this.interval);
    deps.disarm(this.timeout);
    this.connection?.close();
  }

  onTimer(kind: number): void {
    if (kind === INTERVAL) this.begin();
    else {
      this.connection?.giveUp();
      this.onFailed("timeout");
    }
  }

  private begin(): void {
    const { deps } = this;
    deps.stats.attempt.value++;
    deps.arm(this.timeout, this.plan.timeoutMs);
    if (this.connection === null || this.connection.closed) this.connection = deps.connect(this);
    this.connection.probe();
  }

  onPassed(degraded: boolean): void {
    const { host, deps, plan } = this;
    let transition: Transition = "unchanged";
    this.failures = 0;
    if (host.hasFlag(HealthFlag.FAILED_ACTIVE_HC)) {
      // The first result counts at once, so that a new host need not wait.
      transition = this.first || ++this.passes >= plan.healthyThreshold ? "changed" : "pending";
      if (transition === "changed") {
        host.setFlag(HealthFlag.FAILED_ACTIVE_HC, false);
        host.setFlag(HealthFlag.ACTIVE_HC_TIMEOUT, false);
        host.setFlag(HealthFlag.EXCLUDED_VIA_IMMEDIATE_HC_FAIL, false);
        host.lastPassedAt = deps.now();
        deps.stats.healthy.value++;
      }
    }
    const pending = this.clearPending();
    if (degraded !== host.hasFlag(HealthFlag.DEGRADED_ACTIVE_HC)) {
      host.setFlag(HealthFlag.DEGRADED_ACTIVE_HC, degraded);
      // Envoy 1.40 counts who becomes degraded, and takes off only who is removed.
      if (degraded) deps.stats.degraded.value++;
      if (transition === "unchanged") transition = "changed";
    }
    deps.stats.success.value++;
    this.finish(true, pending ? "changed" : transition);
  }

  onFailed(failure: ProbeFailure, immediate = false): void {
    const { host, deps } = this;
    if (immediate) host.setFlag(HealthFlag.EXCLUDED_VIA_IMMEDIATE_HC_FAIL, true);
    const transition = this.markFailed(failure);
    if (host.hasFlag(HealthFlag.FAILED_ACTIVE_HC)) host.setFlag(HealthFlag.ACTIVE_HC_TIMEOUT, failure === "timeout");
    if (failure === "network" || failure === "timeout") deps.stats.networkFailure.value++;
    this.finish(false, this.clearPending() ? "changed" : transition);
  }

  /** The host has said, in an answer to some request, that it is not to be used. */
  failImmediately(): void {
    const { host, deps } = this;
    host.setFlag(HealthFlag.EXCLUDED_VIA_IMMEDIATE_HC_FAIL, true);
    const transition = this.markFailed("answer");
    deps.stats.passiveFailure.value++;
    this.first = false;
    deps.onResult(false, this.clearPending() || transition === "changed");
  }

  private markFailed(failure: ProbeFailure): Transition {
    const { host, deps, plan } = this;
    this.passes = 0;
    deps.stats.failure.value++;
    if (host.hasFlag(HealthFlag.FAILED_ACTIVE_HC)) return "unchanged";
    if (failure !== "answer" && ++this.failures < plan.unhealthyThreshold) return "pending";
    host.setFlag(HealthFlag.FAILED_ACTIVE_HC, true);
    deps.stats.healthy.value--;
    return "changed";
  }

  /** A host that was not to be counted before its first result is now. */
  private clearPending(): boolean {
    if (!this.host.hasFlag(HealthFlag.PENDING_ACTIVE_HC)) return false;
    this.host.setFlag(HealthFlag.PENDING_ACTIVE_HC, false);
    return true;
  }

  private finish(passed: boolean, transition: Transition): void {
    const { deps } = this;
    this.first = false;
    deps.disarm(this.timeout);
    deps.arm(this.interval, this.nextInterval(passed, transition === "pending"));
    deps.onResult(passed, transition === "changed");
  }

  private nextInterval(passed: boolean, pending: boolean): number {
    const { plan, deps } = this;
    const base = this.baseInterval(passed, pending);
    const byPercent = Math.floor((base * plan.intervalJitterPercent) / 100);
    const jitter = Math.floor(deps.random() * byPercent) + Math.floor(deps.random() * plan.intervalJitterMs);
    return Math.max(1, base + jitter);
  }

  /** A cluster that nobody uses is checked less often. Source: Envoy `HealthCheckerImplBase::interval`. */
  private baseInterval(passed: boolean, pending: boolean): number {
    const { plan } = this;
    if (!this.deps.hasTraffic()) {
      return passed && !pending ? plan.noTrafficHealthyIntervalMs : plan.noTrafficIntervalMs;
    }
    if (passed) return pending ? plan.healthyEdgeIntervalMs : plan.intervalMs;
    return pending ? plan.unhealthyEdgeIntervalMs : plan.unhealthyIntervalMs;
  }
}
