import type { Counter, Gauge } from "./metric.ts";
import type { StatsRegistry } from "./registry.ts";

/** `http2.*`, by Envoy's names (`source/common/http/http2/codec_stats.h`): of all clients' connections together, and of each cluster. */
export class Http2CodecStats {
  readonly droppedUnderscores: Counter;
  readonly rejectedUnderscores: Counter;
  readonly goAwaySent: Counter;
  readonly headerOverflow: Counter;
  readonly headersTooLarge: Counter;
  readonly emptyFramesFlood: Counter;
  readonly priorityFlood: Counter;
  readonly windowUpdateFlood: Counter;
  readonly outboundFlood: Counter;
  readonly outboundControlFlood: Counter;
  readonly keepaliveTimeout: Counter;
  readonly rxMessagingError: Counter;
  readonly rxReset: Counter;
  readonly txReset: Counter;
  readonly streamRefusedErrors: Counter;
  readonly trailers: Counter;
  readonly txFlushTimeout: Counter;
  readonly pendingSendBytes: Gauge;
  readonly streamsActive: Gauge;

  /** @param scope with its dot, "" for clients */
  constructor(registry: StatsRegistry, scope: string) {
    const counter = (name: string): Counter => registry.counter(`${scope}http2.${name}`);
    this.droppedUnderscores = counter("dropped_headers_with_underscores");
    this.rejectedUnderscores = counter("requests_rejected_with_underscores_in_headers");
    this.goAwaySent = counter("goaway_sent");
    this.headerOverflow = counter("header_overflow");
    this.headersTooLarge = counter("header_list_size_too_large");
    this.emptyFramesFlood = counter("inbound_empty_frames_flood");
    this.priorityFlood = counter("inbound_priority_frames_flood");
    this.windowUpdateFlood = counter("inbound_window_update_frames_flood");
    this.outboundFlood = counter("outbound_flood");
    this.outboundControlFlood = counter("outbound_control_flood");
    this.keepaliveTimeout = counter("keepalive_timeout");
    this.rxMessagingError = counter("rx_messaging_error");
    this.rxReset = counter("rx_reset");
    this.txReset = counter("tx_reset");
    this.streamRefusedErrors = counter("stream_refused_errors");
    this.trailers = counter("trailers");
    this.txFlushTimeout = counter("tx_flush_timeout");
    this.pendingSendBytes = registry.gauge(`${scope}http2.pending_send_bytes`);
    this.streamsActive = registry.gauge(`${scope}http2.streams_active`);
  }
}
