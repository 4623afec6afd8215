/**
 * `envoy.config.core.v3.Http2ProtocolOptions` and what else bounds an HTTP/2 connection, compiled (plan/http2-options.ts). Defaults: Envoy
 * `source/common/http/http2/codec_impl.h`, `http2::Utility::OptionsLimits`.
 */
export interface Http2Options {
  /** `hpack_table_size`, default 4096: what the peer's encoder may use, and at most what ours does. */
  readonly hpackTableSize: number;
  /** `max_concurrent_streams`, default 1024: what a client may open at a time; on upstream connections, what we open at most. */
  readonly maxConcurrentStreams: number;
  /** `initial_stream_window_size`, default 16 MiB. */
  readonly streamWindow: number;
  /** So much may wait to be sent on a stream, in bytes, before its writer is told. Less than Envoy's stream window: memory is bounded by it. */
  readonly streamBufferBytes: number;
  /** `initial_connection_window_size`, default 24 MiB. */
  readonly connectionWindow: number;
  /** `allow_connect`: extended CONNECT (RFC 8441). */
  readonly allowConnect: boolean;
  /** `max_outbound_frames`, default 10,000: that wait to be written. */
  readonly maxOutboundFrames: number;
  /** `max_outbound_control_frames`, default 1,000: PING and SETTINGS acknowledgements and RST_STREAM that wait to be written. */
  readonly maxOutboundControlFrames: number;
  /** `max_consecutive_inbound_frames_with_empty_payload`, default 1. */
  readonly maxEmptyFrames: number;
  /** `max_inbound_priority_frames_per_stream`, default 100. */
  readonly maxPriorityFramesPerStream: number;
  /** `max_inbound_window_update_frames_per_data_frame_sent`, default 10. */
  readonly maxWindowUpdatesPerData: number;
  /** `override_stream_error_on_invalid_http_message`: a malformed message costs its stream, not the connection. Default false. */
  readonly streamErrorOnInvalidMessage: boolean;
  /** Names and values of a message's headers together, in bytes, and how many they may be. */
  readonly maxHeadersBytes: number;
  readonly maxHeadersCount: number;
  readonly headersWithUnderscores: "allow" | "reject" | "drop";
  /** `custom_settings_parameters`: identifiers and values by turns. */
  readonly customSettings: readonly number[];
}

/** A counter or a gauge. */
interface Tally {
  value: number;
}

/** `http2.*` of a proxy: Envoy's names (`source/common/http/http2/codec_stats.h`). */
export interface Http2Stats {
  readonly goAwaySent: Tally;
  readonly headerOverflow: Tally;
  readonly headersTooLarge: Tally;
  readonly emptyFramesFlood: Tally;
  readonly priorityFlood: Tally;
  readonly windowUpdateFlood: Tally;
  readonly outboundFlood: Tally;
  readonly outboundControlFlood: Tally;
  readonly rxMessagingError: Tally;
  readonly rxReset: Tally;
  readonly txReset: Tally;
  readonly streamRefusedErrors: Tally;
  readonly trailers: Tally;
  readonly txFlushTimeout: Tally;
  /** Gauges. */
  readonly pendingSendBytes: Tally;
  readonly streamsActive: Tally;
}
