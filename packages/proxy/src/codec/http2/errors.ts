import type { StreamReset } from "../messages.ts";

/** What is wrong with a message, or why a stream ends: Envoy's response code details (`source/common/http/http2/codec_impl.cc`). */
export const MESSAGE_ERRORS = {
  /** A name or a value has a byte that it may not have, or is not for HTTP/2. */
  header: "http2.invalid.header.field",
  /** What must be there is not, or does not fit the rest. */
  messaging: "http2.violation.of.messaging.rule",
  tooManyHeaders: "http2.too_many_headers",
  headersTooLarge: "http2.header_list_size_too_large",
  underscore: "http2.unexpected_underscore",
} as const;

/** The streams of a connection that breaks the protocol elsewhere. Envoy names the library's error, which is always this one. */
export const CONNECTION_BROKEN: StreamReset = reset("codec_error:The_user_callback_function_failed", "protocol");
/** What Envoy's library does by itself looks like the client's doing, and breaks the protocol. */
export const BY_RULE = reset("http2.remote_reset", "protocol");
export const REMOTE_RESET: StreamReset = reset("http2.remote_reset", "client");
export const REMOTE_REFUSED: StreamReset = reset("http2.remote_refuse", "client");
export const EMPTY_FRAMES: StreamReset = reset("http2.inbound_empty_frames_flood", "protocol");

export function reset(details: string, cause: StreamReset["cause"]): StreamReset {
  return Object.freeze({ details, cause });
}
