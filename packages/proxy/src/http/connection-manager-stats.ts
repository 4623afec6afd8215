import type { Counter, Gauge, Histogram, StatsRegistry } from "../stats/index.ts";

/** The metrics of one connection manager, by Envoy's names (`source/common/http/conn_manager_config.h`), resolved once. */
export class ConnectionManagerStats {
  readonly cxTotal: Counter;
  readonly cxHttp1Total: Counter;
  readonly cxHttp2Total: Counter;
  readonly cxSslTotal: Counter;
  readonly cxActive: Gauge;
  readonly cxHttp1Active: Gauge;
  readonly cxHttp2Active: Gauge;
  readonly cxSslActive: Gauge;
  readonly cxDestroy: Counter;
  readonly cxDestroyLocal: Counter;
  readonly cxDestroyRemote: Counter;
  readonly cxDestroyActiveRq: Counter;
  readonly cxDestroyLocalActiveRq: Counter;
  readonly cxDestroyRemoteActiveRq: Counter;
  readonly cxDrainClose: Counter;
  readonly cxOverloadDisableKeepalive: Counter;
  readonly rqOverloadClose: Counter;
  readonly cxIdleTimeout: Counter;
  readonly cxMaxDuration: Counter;
  readonly cxMaxRequests: Counter;
  readonly cxProtocolError: Counter;
  readonly cxDelayedCloseTimeout: Counter;
  readonly cxLengthMs: Histogram;
  readonly cxRxBytes: Counter;
  readonly cxTxBytes: Counter;
  readonly cxUpgradesTotal: Counter;
  readonly cxUpgradesActive: Gauge;
  readonly rqWsOnNonWsRoute: Counter;
  readonly rqTotal: Counter;
  readonly rqHttp1Total: Counter;
  readonly rqHttp2Total: Counter;
  readonly rqTooManyPrematureResets: Counter;
  readonly rqActive: Gauge;
  readonly rqCompleted: Counter;
  readonly rqTime: Histogram;
  readonly rqTimeout: Counter;
  readonly rqHeaderTimeout: Counter;
  readonly rqIdleTimeout: Counter;
  readonly rqMaxDuration: Counter;
  readonly rqRxReset: Counter;
  readonly rqTxReset: Counter;
  readonly rqNonRelativePath: Counter;
  readonly rqResponseBeforeComplete: Counter;
  readonly flowControlPaused: Counter;
  readonly flowControlResumed: Counter;
  /** Of all HTTP/1 codecs of the proxy. */
  readonly underscoresDropped: Counter;
  readonly underscoresRejected: Counter;
  readonly noRoute: Counter;
  readonly noCluster: Counter;
  /** Requests that came as far as the router. */
  readonly routerRqTotal: Counter;
  readonly rqResetAfterResponseStarted: Counter;
  readonly rqDirectResponse: Counter;
  /** Redirects that could have been followed, and why they were not. */
  readonly redirectBadLocation: Counter;
  readonly redirectUnsafeScheme: Counter;
  readonly redirectTooMany: Counter;
  readonly redirectNoRoute: Counter;
  readonly redirectPredicate: Counter;
  private readonly listenerRqCompleted: Counter;
  /** 1xx to 5xx at 0 to 4; of the manager, and of the manager on this listener. */
  private readonly byClass: readonly Counter[];
  private readonly listenerByClass: readonly Counter[];

  constructor(registry: StatsRegistry, statPrefix: string, listenerPrefix: string) {
    const prefix = `http.${statPrefix}.`;
    const counter = (name: string): Counter => registry.counter(prefix + name);
    const gauge = (name: string): Gauge => registry.gauge(prefix + name);
    const histogram = (name: string): Histogram => registry.histogram(prefix + name);
    this.cxTotal = counter("downstream_cx_total");
    this.cxSslTotal = counter("downstream_cx_ssl_total");
    this.cxHttp1Total = counter("downstream_cx_http1_total");
    this.cxHttp2Total = counter("downstream_cx_http2_total");
    this.cxActive = gauge("downstream_cx_active");
    this.cxSslActive = gauge("downstream_cx_ssl_active");
    this.cxHttp1Active = gauge("downstream_cx_http1_active");
    this.cxHttp2Active = gauge("downstream_cx_http2_active");
    this.cxDestroy = counter("downstream_cx_destroy");
    this.cxDestroyLocal = counter("downstream_cx_destroy_local");
    this.cxDestroyRemote = counter("downstream_cx_destroy_remote");
    this.cxDestroyActiveRq = counter("downstream_cx_destroy_active_rq");
    this.cxDestroyLocalActiveRq = counter("downstream_cx_destroy_local_active_rq");
    this.cxDestroyRemoteActiveRq = counter("downstream_cx_destroy_remote_active_rq");
    this.cxDrainClose = counter("downstream_cx_drain_close");
    this.cxOverloadDisableKeepalive = counter("downstream_cx_overload_disable_keepalive");
    this.rqOverloadClose = counter("downstream_rq_overload_close");
    this.cxIdleTimeout = counter("downstream_cx_idle_timeout");
    this.cxMaxDuration = counter("downstream_cx_max_duration_reached");
    this.cxUpgradesTotal = counter("downstream_cx_upgrades_total");
    this.cxUpgradesActive = gauge("downstream_cx_upgrades_active");
    this.rqWsOnNonWsRoute = counter("downstream_rq_ws_on_non_ws_route");
    this.cxMaxRequests = counter("downstream_cx_max_requests_reached");
    this.cxProtocolError = counter("downstream_cx_protocol_error");
    this.cxDelayedCloseTimeout = counter("downstream_cx_delayed_close_timeout");
    this.cxLengthMs = histogram("downstream_cx_length_ms");
    this.cxRxBytes = counter("downstream_cx_rx_bytes_total");
    this.cxTxBytes = counter("downstream_cx_tx_bytes_total");
    this.rqTotal = counter("downstream_rq_total");
    this.rqHttp1Total = counter("downstream_rq_http1_total");
    this.rqHttp2Total = counter("downstream_rq_http2_total");
    this.rqTooManyPrematureResets = counter("downstream_rq_too_many_premature_resets");
    this.rqActive = gauge("downstream_rq_active");
    this.rqCompleted = counter("downstream_rq_completed");
    this.rqTime = histogram("downstream_rq_time");
    this.rqTimeout = counter("downstream_rq_timeout");
    this.rqHeaderTimeout = counter("downstream_rq_header_timeout");
    this.rqIdleTimeout = counter("downstream_rq_idle_timeout");
    this.rqMaxDuration = counter("downstream_rq_max_duration_reached");
    this.rqRxReset = counter("downstream_rq_rx_reset");
    this.rqTxReset = counter("downstream_rq_tx_reset");
    this.rqNonRelativePath = counter("downstream_rq_non_relative_path");
    this.rqResponseBeforeComplete = counter("downstream_rq_response_before_rq_complete");
    this.flowControlPaused = counter("downstream_flow_control_paused_reading_total");
    this.flowControlResumed = counter("downstream_flow_control_resumed_reading_total");
    this.underscoresDropped = registry.counter("http1.dropped_headers_with_underscores");
    this.underscoresRejected = registry.counter("http1.requests_rejected_with_underscores_in_headers");
    this.noRoute = counter("no_route");
    this.noCluster = counter("no_cluster");
    counter("rq_redirect");
    this.routerRqTotal = counter("rq_total");
    this.rqResetAfterResponseStarted = counter("rq_reset_after_downstream_response_started");
    this.rqDirectResponse = counter("rq_direct_response");
    this.redirectBadLocation = counter("passthrough_internal_redirect_bad_location");
    this.redirectUnsafeScheme = counter("passthrough_internal_redirect_unsafe_scheme");
    this.redirectTooMany = counter("passthrough_internal_redirect_too_many_redirects");
    this.redirectNoRoute = counter("passthrough_internal_redirect_no_route");
    this.redirectPredicate = counter("passthrough_internal_redirect_predicate");
    this.listenerRqCompleted = registry.counter(`${listenerPrefix}${prefix}downstream_rq_completed`);
    this.byClass = CLASSES.map((n) => counter(`downstream_rq_${n}xx`));
    this.listenerByClass = CLASSES.map((n) => registry.counter(`${listenerPrefix}${prefix}downstream_rq_${n}xx`));
  }

  countStatus(status: number): void {
    this.rqCompleted.value++;
    this.listenerRqCompleted.value++;
    const group = ((status / 100) | 0) - 1;
    if (group < 0 || group > 4) return;
    this.byClass[group].value++;
    this.listenerByClass[group].value++;
  }
}

const CLASSES = [1, 2, 3, 4, 5];
