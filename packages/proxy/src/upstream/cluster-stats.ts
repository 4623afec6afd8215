import type { Counter, Gauge, Histogram, StatsRegistry } from "../stats/index.ts";
import type { SubsetStats } from "./balancer/subset-balancer.ts";
import { ResponseCounters } from "./response-counters.ts";

export interface ZoneStats {
  readonly lbRecalculateZoneStructures: Counter;
  readonly lbLocalClusterNotOk: Counter;
  readonly lbZoneClusterTooSmall: Counter;
  readonly lbZoneNoCapacityLeft: Counter;
  readonly lbZoneRoutingAllDirectly: Counter;
  readonly lbZoneRoutingCrossZone: Counter;
  readonly lbZoneRoutingSampled: Counter;
}

/** What balancers count. */
export interface LbStats extends ZoneStats {
  readonly lbHealthyPanic: Counter;
}

/** The metrics of one cluster, by Envoy's names (`source/common/upstream/upstream_impl.h`, ALL_CLUSTER_TRAFFIC_STATS), resolved once. */
export class ClusterStats implements LbStats {
  readonly cxTotal: Counter;
  readonly cxHttp1Total: Counter;
  readonly cxHttp2Total: Counter;
  readonly cxActive: Gauge;
  readonly cxConnectFail: Counter;
  readonly cxConnectTimeout: Counter;
  readonly cxConnectMs: Histogram;
  readonly cxLengthMs: Histogram;
  readonly cxDestroy: Counter;
  readonly cxDestroyLocal: Counter;
  readonly cxDestroyRemote: Counter;
  readonly cxDestroyWithActiveRq: Counter;
  readonly cxDestroyLocalWithActiveRq: Counter;
  readonly cxDestroyRemoteWithActiveRq: Counter;
  readonly cxMaxDurationReached: Counter;
  readonly cxPoolOverflow: Counter;
  readonly rqPerCx: Histogram;
  readonly cxIdleTimeout: Counter;
  readonly cxMaxRequests: Counter;
  readonly cxCloseNotify: Counter;
  readonly cxConnectAttemptsExceeded: Counter;
  readonly cxNoneHealthy: Counter;
  readonly cxOverflow: Counter;
  readonly cxProtocolError: Counter;
  readonly cxRxBytes: Counter;
  readonly cxTxBytes: Counter;
  readonly rqTotal: Counter;
  readonly rqActive: Gauge;
  readonly rqCancelled: Counter;
  readonly rqPendingTotal: Counter;
  readonly rqPendingActive: Gauge;
  readonly rqPendingOverflow: Counter;
  readonly rqPendingFailureEject: Counter;
  readonly rqActiveOverflow: Counter;
  readonly rqRxReset: Counter;
  readonly rqTxReset: Counter;
  readonly rqTimeout: Counter;
  readonly rqPerTryTimeout: Counter;
  readonly rqPerTryIdleTimeout: Counter;
  readonly rqMaxDurationReached: Counter;
  readonly rqRetry: Counter;
  readonly rqRetrySuccess: Counter;
  readonly rqRetryOverflow: Counter;
  readonly rqRetryLimitExceeded: Counter;
  readonly rqRetryBackoffExponential: Counter;
  readonly rqRetryBackoffRatelimited: Counter;
  readonly retryOrShadowAbandoned: Counter;
  readonly internalRedirectSucceeded: Counter;
  readonly internalRedirectFailed: Counter;
  readonly flowControlBackedUp: Counter;
  readonly flowControlDrained: Counter;
  readonly flowControlPaused: Counter;
  readonly flowControlResumed: Counter;
  readonly membershipTotal: Gauge;
  readonly membershipHealthy: Gauge;
  readonly membershipDegraded: Gauge;
  readonly membershipChange: Counter;
  readonly membershipExcluded: Gauge;
  readonly originalDstHostInvalid: Counter;
  readonly maxHostWeight: Gauge;
  readonly lbHealthyPanic: Counter;
  readonly lbLocalClusterNotOk: Counter;
  readonly lbRecalculateZoneStructures: Counter;
  readonly lbZoneClusterTooSmall: Counter;
  readonly lbZoneNoCapacityLeft: Counter;
  readonly lbZoneRoutingAllDirectly: Counter;
  readonly lbZoneRoutingCrossZone: Counter;
  readonly lbZoneRoutingSampled: Counter;
  /** Requests that the proxy itself sends: copies, reports. Of all clusters. */
  readonly asyncRqTotal: Counter;
  private readonly all: ResponseCounters;
  private readonly external: ResponseCounters;
  private readonly internal: ResponseCounters;
  private readonly retried: ResponseCounters;
  private readonly canary: ResponseCounters;
  private readonly byZone = new Map<string, ResponseCounters>();
  private readonly registry: StatsRegistry;
  private readonly prefix: string;
  /** The proxy's own. */
  private readonly zone: string;

  /** @param zone the proxy's own, "" if unknown */
  constructor(registry: StatsRegistry, clusterStatName: string, zone: string) {
    const prefix = `cluster.${clusterStatName}.`;
    const counter = (name: string): Counter => registry.counter(prefix + name);
    const gauge = (name: string): Gauge => registry.gauge(prefix + name);
    const histogram = (name: string): Histogram => registry.histogram(prefix + name);
    this.registry = registry;
    this.prefix = prefix;
    this.zone = zone;
    this.asyncRqTotal = registry.counter("http.async-client.rq_total");
    this.all = new ResponseCounters(registry, prefix);
    this.external = new ResponseCounters(registry, `${prefix}external.`);
    this.internal = new ResponseCounters(registry, `${prefix}internal.`);
    this.retried = new ResponseCounters(registry, `${prefix}retry.`);
    this.canary = new ResponseCounters(registry, `${prefix}canary.`);
    this.cxTotal = counter("upstream_cx_total");
    this.cxHttp1Total = counter("upstream_cx_http1_total");
    this.cxHttp2Total = counter("upstream_cx_http2_total");
    this.cxActive = gauge("upstream_cx_active");
    this.cxConnectFail = counter("upstream_cx_connect_fail");
    this.cxConnectTimeout = counter("upstream_cx_connect_timeout");
    this.cxConnectMs = histogram("upstream_cx_connect_ms");
    this.cxLengthMs = histogram("upstream_cx_length_ms");
    this.cxDestroy = counter("upstream_cx_destroy");
    this.cxDestroyLocal = counter("upstream_cx_destroy_local");
    this.cxDestroyRemote = counter("upstream_cx_destroy_remote");
    this.cxDestroyWithActiveRq = counter("upstream_cx_destroy_with_active_rq");
    this.cxDestroyLocalWithActiveRq = counter("upstream_cx_destroy_local_with_active_rq");
    this.cxDestroyRemoteWithActiveRq = counter("upstream_cx_destroy_remote_with_active_rq");
    this.cxMaxDurationReached = counter("upstream_cx_max_duration_reached");
    this.cxPoolOverflow = counter("upstream_cx_pool_overflow");
    this.rqPerCx = histogram("upstream_rq_per_cx");
    this.cxIdleTimeout = counter("upstream_cx_idle_timeout");
    this.cxMaxRequests = counter("upstream_cx_max_requests");
    this.cxCloseNotify = counter("upstream_cx_close_notify");
    this.cxConnectAttemptsExceeded = counter("upstream_cx_connect_attempts_exceeded");
    this.cxNoneHealthy = counter("upstream_cx_none_healthy");
    this.cxOverflow = counter("upstream_cx_overflow");
    this.cxProtocolError = counter("upstream_cx_protocol_error");
    this.cxRxBytes = counter("upstream_cx_rx_bytes_total");
    this.cxTxBytes = counter("upstream_cx_tx_bytes_total");
    this.rqTotal = counter("upstream_rq_total");
    this.rqActive = gauge("upstream_rq_active");
    counter("upstream_rq_completed");
    this.rqCancelled = counter("upstream_rq_cancelled");
    this.rqPendingTotal = counter("upstream_rq_pending_total");
    this.rqPendingActive = gauge("upstream_rq_pending_active");
    this.rqPendingOverflow = counter("upstream_rq_pending_overflow");
    this.rqPendingFailureEject = counter("upstream_rq_pending_failure_eject");
    this.rqActiveOverflow = counter("upstream_rq_active_overflow");
    // Of HTTP/2 streams; an HTTP/1 request is reset with its connection, which Envoy counts as that.
    this.rqRxReset = counter("upstream_rq_rx_reset");
    this.rqTxReset = counter("upstream_rq_tx_reset");
    this.rqTimeout = counter("upstream_rq_timeout");
    this.rqPerTryTimeout = counter("upstream_rq_per_try_timeout");
    this.rqPerTryIdleTimeout = counter("upstream_rq_per_try_idle_timeout");
    this.rqMaxDurationReached = counter("upstream_rq_max_duration_reached");
    this.rqRetry = counter("upstream_rq_retry");
    this.rqRetrySuccess = counter("upstream_rq_retry_success");
    this.rqRetryOverflow = counter("upstream_rq_retry_overflow");
    this.rqRetryLimitExceeded = counter("upstream_rq_retry_limit_exceeded");
    this.rqRetryBackoffExponential = counter("upstream_rq_retry_backoff_exponential");
    this.rqRetryBackoffRatelimited = counter("upstream_rq_retry_backoff_ratelimited");
    this.retryOrShadowAbandoned = counter("retry_or_shadow_abandoned");
    this.internalRedirectSucceeded = counter("upstream_internal_redirect_succeeded_total");
    this.internalRedirectFailed = counter("upstream_internal_redirect_failed_total");
    histogram("upstream_rq_time");
    this.flowControlBackedUp = counter("upstream_flow_control_backed_up_total");
    this.flowControlDrained = counter("upstream_flow_control_drained_total");
    this.flowControlPaused = counter("upstream_flow_control_paused_reading_total");
    this.flowControlResumed = counter("upstream_flow_control_resumed_reading_total");
    this.membershipTotal = gauge("membership_total");
    this.membershipHealthy = gauge("membership_healthy");
    this.membershipDegraded = gauge("membership_degraded");
    this.membershipChange = counter("membership_change");
    this.originalDstHostInvalid = counter("original_dst_host_invalid");
    this.membershipExcluded = gauge("membership_excluded");
    this.maxHostWeight = gauge("max_host_weight");
    this.lbHealthyPanic = counter("lb_healthy_panic");
    this.lbLocalClusterNotOk = counter("lb_local_cluster_not_ok");
    this.lbRecalculateZoneStructures = counter("lb_recalculate_zone_structures");
    this.lbZoneClusterTooSmall = counter("lb_zone_cluster_too_small");
    this.lbZoneNoCapacityLeft = counter("lb_zone_no_capacity_left");
    this.lbZoneRoutingAllDirectly = counter("lb_zone_routing_all_directly");
    this.lbZoneRoutingCrossZone = counter("lb_zone_routing_cross_zone");
    this.lbZoneRoutingSampled = counter("lb_zone_routing_sampled");
  }

  /** Of an answer that was not taken: the request is tried again. */
  countRetriedStatus(status: number): void {
    this.retried.count(status);
  }

  /**
   * A response's status, whether the upstream sent it or the router answered for it.
   * @param internal the request comes from inside
   */
  countStatus(status: number, internal: boolean, host: CountedHost | null): void {
    this.all.count(status);
    (internal ? this.internal : this.external).count(status);
    if (host === null) return;
    if (host.canary) this.canary.count(status);
    const zone = this.ofZone(host);
    if (zone !== null) zone.count(status);
  }

  /** From the end of the request to the end of the response. */
  recordTime(ms: number, internal: boolean, host: CountedHost | null): void {
    this.all.recordTime(ms);
    (internal ? this.internal : this.external).recordTime(ms);
    if (host === null) return;
    if (host.canary) this.canary.recordTime(ms);
    const zone = this.ofZone(host);
    if (zone !== null) zone.recordTime(ms);
  }

  private ofZone(host: CountedHost): ResponseCounters | null {
    const { zone } = host.locality;
    if (this.zone === "" || zone === "") return null;
    let counters = this.byZone.get(zone);
    if (counters === undefined) {
      counters = new ResponseCounters(this.registry, `${this.prefix}zone.${this.zone}.${zone}.`);
      this.byZone.set(zone, counters);
    }
    return counters;
  }
}

/** Of a cluster with subsets. */
export function subsetStats(registry: StatsRegistry, clusterStatName: string): SubsetStats {
  const prefix = `cluster.${clusterStatName}.lb_subsets_`;
  return {
    active: registry.gauge(`${prefix}active`),
    created: registry.counter(`${prefix}created`),
    removed: registry.counter(`${prefix}removed`),
    selected: registry.counter(`${prefix}selected`),
    fallback: registry.counter(`${prefix}fallback`),
    fallbackPanic: registry.counter(`${prefix}fallback_panic`),
    singleHostDuplicate: registry.gauge(`${prefix}single_host_per_subset_duplicate`),
  };
}

/** What of a host says where its responses count. */
export interface CountedHost {
  readonly canary: boolean;
  readonly locality: { readonly zone: string };
}
