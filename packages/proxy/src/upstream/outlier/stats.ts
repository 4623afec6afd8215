import type { EjectionType } from "../../plan/cluster-plan.ts";
import type { Counter, Gauge, StatsRegistry } from "../../stats/index.ts";

const NAMES: Readonly<Record<EjectionType, string>> = {
  CONSECUTIVE_5XX: "consecutive_5xx",
  CONSECUTIVE_GATEWAY_FAILURE: "consecutive_gateway_failure",
  SUCCESS_RATE: "success_rate",
  CONSECUTIVE_LOCAL_ORIGIN_FAILURE: "consecutive_local_origin_failure",
  SUCCESS_RATE_LOCAL_ORIGIN: "local_origin_success_rate",
  FAILURE_PERCENTAGE: "failure_percentage",
  FAILURE_PERCENTAGE_LOCAL_ORIGIN: "local_origin_failure_percentage",
};

/** `cluster.NAME.outlier_detection.*`. Source: Envoy `source/common/upstream/outlier_detection_impl.h`, ALL_OUTLIER_DETECTION_STATS. */
export class OutlierStats {
  readonly active: Gauge;
  readonly enforcedTotal: Counter;
  readonly overflow: Counter;
  readonly detected: Readonly<Record<EjectionType, Counter>>;
  readonly enforced: Readonly<Record<EjectionType, Counter>>;
  /** Envoy's older names, which it still counts. */
  readonly total: Counter;
  readonly consecutive5xx: Counter;
  readonly successRate: Counter;

  constructor(registry: StatsRegistry, clusterStatName: string) {
    const prefix = `cluster.${clusterStatName}.outlier_detection.ejections_`;
    const counter = (name: string): Counter => registry.counter(prefix + name);
    const byType = (kind: string): Readonly<Record<EjectionType, Counter>> =>
      // cold: once a cluster
      Object.fromEntries(Object.entries(NAMES).map(([type, name]) => [type, counter(`${kind}_${name}`)])) as Record<
        EjectionType,
        Counter
      >;
    this.active = registry.gauge(`${prefix}active`);
    this.enforcedTotal = counter("enforced_total");
    this.overflow = counter("overflow");
    this.detected = byType("detected");
    this.enforced = byType("enforced");
    this.total = counter("total");
    this.consecutive5xx = counter("consecutive_5xx");
    this.successRate = counter("success_rate");
  }
}
