import type { OutlierDetectionPlan } from "../../plan/cluster-plan.ts";
import { SuccessRate } from "./success-rate.ts";

/** What a monitor tells when its host has failed once too often. */
export interface ConsecutiveErrors {
  on5xx(monitor: OutlierMonitor): void;
  onGatewayFailure(monitor: OutlierMonitor): void;
  onLocalOriginFailure(monitor: OutlierMonitor): void;
}

/** What a detector does to the host. */
export interface MonitoredHost {
  /** As events name it. */
  readonly name: string;
  readonly ejected: boolean;
  setEjected(ejected: boolean): void;
}

/**
 * What is known of how a host's attempts went. The router tells it, whatever the options are: what counts and what does not is
 * decided here. Source: Envoy `source/common/upstream/outlier_detection_impl.cc`, DetectorHostMonitorImpl.
 */
export class OutlierMonitor {
  readonly host: MonitoredHost;
  readonly external = new SuccessRate();
  readonly localOrigin = new SuccessRate();
  ejections = 0;
  /** By how many base times the next ejection lasts. */
  backOff = 0;
  jitterMs = 0;
  /** NaN: never. */
  ejectedAt = Number.NaN;
  unejectedAt = Number.NaN;
  private readonly plan: OutlierDetectionPlan;
  private readonly listener: ConsecutiveErrors;
  private errors = 0;
  private gatewayFailures = 0;
  private localOriginFailures = 0;

  constructor(host: MonitoredHost, plan: OutlierDetectionPlan, listener: ConsecutiveErrors) {
    this.host = host;
    this.plan = plan;
    this.listener = listener;
  }

  /** A response's head has come: its status, or for gRPC what `grpc-status` in the head stands for. */
  onResponse(status: number): void {
    const { plan, listener } = this;
    if (status < 500 || status > 599) {
      this.external.count(true);
      this.errors = 0;
      this.gatewayFailures = 0;
      return;
    }
    this.external.count(false);
    if (status >= 502 && status <= 504) {
      if (++this.gatewayFailures === plan.consecutiveGatewayFailure) listener.onGatewayFailure(this);
    } else this.gatewayFailures = 0;
    if (++this.errors === plan.consecutive5xx) listener.on5xx(this);
  }

  /** The attempt has got a connection. */
  onConnected(): void {
    if (!this.plan.splitLocalOrigin) return;
    this.localOrigin.count(true);
    this.localOriginFailures = 0;
  }

  /** The attempt was for a connection and nothing else (Envoy `LocalOriginConnectSuccessFinal`). */
  onConnectedFinally(): void {
    if (this.plan.splitLocalOrigin) this.onConnected();
    else this.onResponse(200);
  }

  /** Connecting failed, or the request was reset. Not for overflow: that is the cluster's trouble and not the host's. */
  onConnectFailed(): void {
    if (this.plan.splitLocalOrigin) this.onLocalOriginFailure();
    else this.onResponse(503);
  }

  /** No response head in time. @param status that the client is answered with: 504, or what it has asked for */
  onTimeout(status: number): void {
    if (this.plan.splitLocalOrigin) this.onLocalOriginFailure();
    else this.onResponse(status);
  }

  private onLocalOriginFailure(): void {
    this.localOrigin.count(false);
    if (++this.localOriginFailures === this.plan.consecutiveLocalOriginFailure) {
      this.listener.onLocalOriginFailure(this);
    }
  }

  reset5xx(): void {
    this.errors = 0;
  }

  resetGatewayFailures(): void {
    this.gatewayFailures = 0;
  }

  resetLocalOriginFailures(): void {
    this.localOriginFailures = 0;
  }
}
