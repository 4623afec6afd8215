import type { EjectionType } from "../../plan/cluster-plan.ts";
import type { OutlierEvents, SuccessRateThreshold } from "./detector.ts";
import type { OutlierMonitor } from "./monitor.ts";

/** Time as events need it: `now` and `wallMs` of the clock. */
export interface EventClock {
  now(): number;
  wallMs(): number;
}

/** Ejections as lines of JSON (`envoy.data.cluster.v3.OutlierDetectionEvent`), field by field as Envoy writes them. */
export class OutlierEventLog implements OutlierEvents {
  private readonly clusterName: string;
  private readonly clock: EventClock;
  private readonly write: (line: string) => void;

  constructor(clusterName: string, clock: EventClock, write: (line: string) => void) {
    this.clusterName = clusterName;
    this.clock = clock;
    this.write = write;
  }

  onEject(monitor: OutlierMonitor, type: EjectionType, enforced: boolean, rates: SuccessRateThreshold): void {
    this.log(type, monitor, monitor.unejectedAt, "EJECT", enforced, details(monitor, type, rates));
  }

  onUneject(monitor: OutlierMonitor): void {
    this.log("CONSECUTIVE_5XX", monitor, monitor.ejectedAt, "UNEJECT", false, {});
  }

  /** @param since when the host was last let in or ejected; NaN: never */
  private log(
    type: EjectionType,
    { host, ejections }: OutlierMonitor,
    since: number,
    action: "EJECT" | "UNEJECT",
    enforced: boolean,
    event: object,
  ): void {
    const seconds = Math.floor((this.clock.now() - since) / 1000);
    const line = {
      type,
      // cold: once an ejection
      timestamp: new Date(this.clock.wallMs()).toISOString(),
      ...(Number.isNaN(since) ? {} : { secs_since_last_action: String(seconds) }),
      cluster_name: this.clusterName,
      upstream_url: host.name,
      action,
      num_ejections: ejections,
      enforced,
      ...event,
    };
    // cold: once an ejection
    this.write(`${JSON.stringify(line)}\n`);
  }
}

function details({ external, localOrigin }: OutlierMonitor, type: EjectionType, rates: SuccessRateThreshold): object {
  const rate = type.endsWith("LOCAL_ORIGIN") ? localOrigin : external;
  switch (type) {
    case "SUCCESS_RATE":
    case "SUCCESS_RATE_LOCAL_ORIGIN":
      return {
        eject_success_rate_event: {
          host_success_rate: Math.floor(rate.shown),
          cluster_average_success_rate: Math.floor(rates.average),
          cluster_success_rate_ejection_threshold: Math.floor(rates.threshold),
        },
      };
    case "FAILURE_PERCENTAGE":
    case "FAILURE_PERCENTAGE_LOCAL_ORIGIN":
      return { eject_failure_percentage_event: { host_success_rate: Math.floor(rate.shown) } };
    default:
      return { eject_consecutive_event: {} };
  }
}
