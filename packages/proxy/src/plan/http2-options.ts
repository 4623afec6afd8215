/** `Http2ProtocolOptions` of a connection manager or of a cluster. Defaults and checks: Envoy `source/common/http/utility.cc`, `Http2::Utility`. */
import type { Http2ProtocolOptions } from "@tulle/xds/gen/envoy/config/core/v3/protocol_pb.js";
import type { Http2Options } from "../codec/http2/options.ts";
import { milliseconds } from "./duration.ts";
import type { Place } from "./problems.ts";

export interface Http2Plan extends Http2Options {
  /** `connection_keepalive`; null: nobody is asked for a sign of life. */
  readonly keepalive: KeepalivePlan | null;
}

interface KeepalivePlan {
  /** Between PINGs; 0 = none. */
  readonly intervalMs: number;
  /** Percent of it that is added at random at most. Default 15. */
  readonly jitterPercent: number;
  /** Without a frame for so long after a PING, the connection is closed. */
  readonly timeoutMs: number;
  /** Before a request on a connection that has been silent for so long, a PING is sent; 0 = none. Upstream connections only. */
  readonly idleIntervalMs: number;
}

/** What is configured elsewhere. */
export interface Http2Context {
  readonly maxHeadersBytes: number;
  readonly maxHeadersCount: number;
  readonly headersWithUnderscores: Http2Options["headersWithUnderscores"];
  /** `per_connection_buffer_limit_bytes` of the listener or the cluster. */
  readonly bufferLimitBytes: number;
  /** `stream_error_on_invalid_http_message` of the connection manager. */
  readonly streamErrorOnInvalidMessage: boolean;
}

const DEFAULTS = {
  hpackTableSize: 4_096,
  maxConcurrentStreams: 1_024,
  streamWindow: 16 * 1024 * 1024,
  connectionWindow: 24 * 1024 * 1024,
  maxOutboundFrames: 10_000,
  maxOutboundControlFrames: 1_000,
  maxEmptyFrames: 1,
  maxPriorityFramesPerStream: 100,
  maxWindowUpdatesPerData: 10,
  jitterPercent: 15,
} as const;

/** By identifier of the setting: the field that says it. */
const NAMED: ReadonlyMap<number, "hpackTableSize" | "maxConcurrentStreams" | "initialStreamWindowSize"> = new Map([
  [1, "hpackTableSize"],
  [3, "maxConcurrentStreams"],
  [4, "initialStreamWindowSize"],
]);
const ENABLE_PUSH = 2;
const ENABLE_CONNECT_PROTOCOL = 8;

export function compileHttp2Options(
  message: Http2ProtocolOptions | undefined,
  context: Http2Context,
  place: Place,
): Http2Plan {
  const custom = message?.customSettingsParameters ?? [];
  if (message !== undefined && custom.length > 0) checkCustomSettings(message, place);
  const values = new Map(custom.map(({ identifier, value }) => [identifier ?? 0, value ?? 0]));
  const streamWindow = message?.initialStreamWindowSize ?? values.get(4) ?? DEFAULTS.streamWindow;
  const keepalive = message?.connectionKeepalive;
  return {
    hpackTableSize: message?.hpackTableSize ?? values.get(1) ?? DEFAULTS.hpackTableSize,
    maxConcurrentStreams: message?.maxConcurrentStreams ?? values.get(3) ?? DEFAULTS.maxConcurrentStreams,
    streamWindow,
    streamBufferBytes: Math.min(streamWindow, context.bufferLimitBytes),
    connectionWindow: message?.initialConnectionWindowSize ?? DEFAULTS.connectionWindow,
    allowConnect: message?.allowConnect ?? false,
    maxOutboundFrames: message?.maxOutboundFrames ?? DEFAULTS.maxOutboundFrames,
    maxOutboundControlFrames: message?.maxOutboundControlFrames ?? DEFAULTS.maxOutboundControlFrames,
    maxEmptyFrames: message?.maxConsecutiveInboundFramesWithEmptyPayload ?? DEFAULTS.maxEmptyFrames,
    maxPriorityFramesPerStream: message?.maxInboundPriorityFramesPerStream ?? DEFAULTS.maxPriorityFramesPerStream,
    maxWindowUpdatesPerData: message?.maxInboundWindowUpdateFramesPerDataFrameSent ?? DEFAULTS.maxWindowUpdatesPerData,
    streamErrorOnInvalidMessage:
      message?.overrideStreamErrorOnInvalidHttpMessage ??
      (context.streamErrorOnInvalidMessage || (message?.streamErrorOnInvalidHttpMessaging ?? false)),
    maxHeadersBytes: context.maxHeadersBytes,
    maxHeadersCount: context.maxHeadersCount,
    headersWithUnderscores: context.headersWithUnderscores,
    customSettings: [...values].filter(([identifier]) => !NAMED.has(identifier)).flat(),
    keepalive:
      keepalive === undefined
        ? null
        : {
            intervalMs: milliseconds(keepalive.interval, 0),
            jitterPercent: keepalive.intervalJitter?.value ?? DEFAULTS.jitterPercent,
            timeoutMs: milliseconds(keepalive.timeout, 0),
            idleIntervalMs: milliseconds(keepalive.connectionIdleInterval, 0),
          },
  };
}

/** Messages: Envoy's. */
function checkCustomSettings(message: Http2ProtocolOptions, place: Place): void {
  const seen = new Map<number, number>();
  const inconsistent = new Set<number>();
  const both = new Set<number>();
  for (const { identifier = 0, value = 0 } of message.customSettingsParameters) {
    if ((seen.get(identifier) ?? value) !== value) inconsistent.add(identifier);
    seen.set(identifier, value);
    const named = NAMED.get(identifier);
    if (named !== undefined && message[named] !== undefined && message[named] !== value) both.add(identifier);
    if (identifier === ENABLE_PUSH && value === 1) {
      place.refuse("server push is not supported by Envoy and can not be enabled via a SETTINGS parameter.");
    }
    if (identifier === ENABLE_CONNECT_PROTOCOL) {
      place.refuse('the "allow_connect" SETTINGS parameter must only be configured through the named field');
    }
  }
  const list = (identifiers: Set<number>): string => [...identifiers].map((id) => `0x${id.toString(16)}`).join(",");
  if (inconsistent.size > 0) {
    place.refuse(`inconsistent HTTP/2 custom SETTINGS parameter(s) detected; identifiers = {${list(inconsistent)}}`);
  }
  if (both.size > 0) {
    place.refuse(
      `the {${list(both)}} HTTP/2 SETTINGS parameter(s) can not be configured through both named and custom parameters`,
    );
  }
}
