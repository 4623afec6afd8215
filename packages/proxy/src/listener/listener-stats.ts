import type { ListenerPlan } from "../plan/listener-plan.ts";
import type { Counter, Gauge, Histogram, StatsRegistry } from "../stats/index.ts";

/** The metrics of one listener. Envoy `source/common/listener_manager/active_stream_listener_base.h`, ALL_LISTENER_STATS. */
export class ListenerStats {
  /** Of all that is counted of the listener: `listener.127.0.0.1_8080.` */
  readonly prefix: string;
  readonly cxTotal: Counter;
  readonly cxActive: Gauge;
  readonly cxDestroy: Counter;
  readonly cxLengthMs: Histogram;
  readonly noFilterChainMatch: Counter;
  /** Connections that listener filters look at. */
  readonly preCxActive: Gauge;
  readonly preCxTimeout: Counter;
  readonly filterRemoteClose: Counter;
  readonly handshakeTimeout: Counter;
  /** Connections that are one too many: of this listener, of all of them; or that nothing is left for. */
  readonly cxOverflow: Counter;
  readonly globalCxOverflow: Counter;
  readonly cxOverloadReject: Counter;

  constructor(registry: StatsRegistry, plan: ListenerPlan) {
    this.prefix = statPrefix(plan);
    this.cxTotal = registry.counter(`${this.prefix}downstream_cx_total`);
    this.cxActive = registry.gauge(`${this.prefix}downstream_cx_active`);
    this.cxDestroy = registry.counter(`${this.prefix}downstream_cx_destroy`);
    this.cxLengthMs = registry.histogram(`${this.prefix}downstream_cx_length_ms`);
    this.preCxActive = registry.gauge(`${this.prefix}downstream_pre_cx_active`);
    this.preCxTimeout = registry.counter(`${this.prefix}downstream_pre_cx_timeout`);
    this.filterRemoteClose = registry.counter(`${this.prefix}downstream_listener_filter_remote_close`);
    this.handshakeTimeout = registry.counter(`${this.prefix}downstream_cx_transport_socket_connect_timeout`);
    this.cxOverflow = registry.counter(`${this.prefix}downstream_cx_overflow`);
    this.globalCxOverflow = registry.counter(`${this.prefix}downstream_global_cx_overflow`);
    this.cxOverloadReject = registry.counter(`${this.prefix}downstream_cx_overload_reject`);
    registry.counter(`${this.prefix}downstream_listener_filter_error`);
    this.noFilterChainMatch = registry.counter(`${this.prefix}no_filter_chain_match`);
  }
}

/** Colons of IPv6 addresses become underscores, too. */
function statPrefix({ statPrefix: own, address, port }: ListenerPlan): string {
  if (own !== "") return `listener.${own.replaceAll(":", "_")}.`;
  return `listener.${address.replaceAll(":", "_")}_${port}.`;
}
