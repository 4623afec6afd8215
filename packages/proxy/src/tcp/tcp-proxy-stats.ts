import type { Counter, Gauge, StatsRegistry } from "../stats/index.ts";

/** `tcp.PREFIX.*`. Envoy `source/common/tcp_proxy/tcp_proxy.h`, ALL_TCP_PROXY_STATS. */
export class TcpProxyStats {
  readonly cxTotal: Counter;
  readonly cxNoRoute: Counter;
  readonly cxRxBytes: Counter;
  readonly cxTxBytes: Counter;
  readonly flowControlPaused: Counter;
  readonly flowControlResumed: Counter;
  readonly idleTimeout: Counter;
  readonly maxDuration: Counter;
  readonly upstreamFlushTotal: Counter;
  readonly upstreamFlushActive: Gauge;

  constructor(registry: StatsRegistry, statPrefix: string) {
    const prefix = `tcp.${statPrefix}.`;
    const counter = (name: string): Counter => registry.counter(prefix + name);
    this.cxTotal = counter("downstream_cx_total");
    this.cxNoRoute = counter("downstream_cx_no_route");
    this.cxRxBytes = counter("downstream_cx_rx_bytes_total");
    this.cxTxBytes = counter("downstream_cx_tx_bytes_total");
    this.flowControlPaused = counter("downstream_flow_control_paused_reading_total");
    this.flowControlResumed = counter("downstream_flow_control_resumed_reading_total");
    this.idleTimeout = counter("idle_timeout");
    this.maxDuration = counter("max_downstream_connection_duration");
    this.upstreamFlushTotal = counter("upstream_flush_total");
    this.upstreamFlushActive = registry.gauge(`${prefix}upstream_flush_active`);
  }
}
