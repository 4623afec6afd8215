import type { ProtocolError } from "../messages.ts";

/**
 * Everything an HTTP/1 codec refuses, with Envoy's status and response code details (seen on Envoy 1.40;
 * `source/common/http/http1/codec_impl.cc`, `Http1ResponseCodeDetails`). As client codec any of them resets the stream
 * with "protocol error".
 */
export const HTTP1_ERRORS = {
  /** Grammar of RFC 9112 broken: request line, field line, chunk. */
  codec: error(400, "http1.codec_error"),
  /** A byte that a field value may not have. */
  invalidCharacters: error(400, "http1.invalid_characters"),
  invalidUrl: error(400, "http1.invalid_url"),
  /** An https URL asks for what this connection is not. */
  httpsUrl: error(403, "http1.https_url_on_plaintext_connection"),
  invalidScheme: error(400, "http1.invalid_scheme"),
  invalidAuthority: error(400, "http.invalid_authority"),
  /** More than one Host: RFC 9112 §3.2 demands 400; Envoy joins them. */
  repeatedHost: error(400, "http1.repeated_host"),
  headersTooLarge: error(431, "http1.headers_too_large"),
  tooManyHeaders: error(431, "http1.too_many_headers"),
  unexpectedUnderscore: error(400, "http1.unexpected_underscore"),
  /** Not HTTP/1.1 (or 1.0 where that is accepted). */
  lowVersion: error(426, "low_version"),
  invalidTransferEncoding: error(501, "http1.invalid_transfer_encoding"),
  contentLengthAndChunked: error(400, "http1.content_length_and_chunked_not_allowed"),
  /** Transfer-Encoding in HTTP/1.0: faulty framing (RFC 9112 §6.1). */
  chunkedInHttp10: error(400, "http1.transfer_encoding_in_http10"),
  connectionHeader: error(400, "http1.connection_header_rejected"),
  /** 204 or 1xx with a body. */
  bodyNotAllowed: error(502, "http1.body_disallowed"),
  /** 101 without an Upgrade of ours; a status below 100. */
  invalidStatus: error(502, "http1.invalid_status"),
  /** The connection ended inside a message. */
  prematureEnd: error(502, "http1.premature_end"),
} as const;

function error(status: number, details: string): ProtocolError {
  return Object.freeze({ status, details });
}
