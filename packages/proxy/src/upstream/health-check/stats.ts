import type { Counter, Gauge, StatsRegistry } from "../../stats/index.ts";

/** `cluster.NAME.health_check.*`. Source: Envoy `source/extensions/health_checkers/common/health_checker_base_impl.h`, ALL_HEALTH_CHECKER_STATS. */
export class HealthCheckStats {
  readonly attempt: Counter;
  readonly success: Counter;
  readonly failure: Counter;
  readonly networkFailure: Counter;
  readonly passiveFailure: Counter;
  readonly verifyCluster: Counter;
  readonly healthy: Gauge;
  readonly degraded: Gauge;

  constructor(registry: StatsRegistry, clusterStatName: string) {
    const prefix = `cluster.${clusterStatName}.health_check.`;
    const counter = (name: string): Counter => registry.counter(prefix + name);
    this.attempt = counter("attempt");
    this.success = counter("success");
    this.failure = counter("failure");
    this.networkFailure = counter("network_failure");
    this.passiveFailure = counter("passive_failure");
    this.verifyCluster = counter("verify_cluster");
    this.healthy = registry.gauge(`${prefix}healthy`);
    this.degraded = registry.gauge(`${prefix}degraded`);
  }
}
