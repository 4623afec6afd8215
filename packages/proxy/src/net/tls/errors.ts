/** Why TLS failed, in Envoy's words: `TLS_error:|CODE:SSL routines:OPENSSL_internal:REASON:TLS_error_end`. */

/** `ERR_PACK(ERR_LIB_SSL, 0)` of BoringSSL. */
const SSL_LIBRARY = 16 << 24;

/** Errors of our own that OpenSSL tells by other names or numbers than BoringSSL. Source: BoringSSL `include/openssl/ssl.h`, SSL_R_*. */
const REASONS: Readonly<Record<string, number>> = {
  BAD_DECRYPT: 101,
  CERTIFICATE_VERIFY_FAILED: 125,
  DECRYPTION_FAILED_OR_BAD_RECORD_MAC: 130,
  HTTP_REQUEST: 156,
  HTTPS_PROXY_REQUEST: 155,
  INAPPROPRIATE_FALLBACK: 159,
  NO_CERTIFICATE_SET: 176,
  NO_CIPHERS_AVAILABLE: 177,
  NO_SHARED_CIPHER: 184,
  PEER_DID_NOT_RETURN_A_CERTIFICATE: 192,
  UNEXPECTED_MESSAGE: 233,
  UNSUPPORTED_PROTOCOL: 240,
  WRONG_VERSION_NUMBER: 247,
  NO_SHARED_GROUP: 266,
};

/** What Envoy says beside. Source: Envoy `source/common/tls/ssl_handshaker.cc`. */
const EXPLAINED: Readonly<Record<string, string>> = {
  PEER_DID_NOT_RETURN_A_CERTIFICATE: ":peer did not provide required client certificate",
};

const RENAMED: Readonly<Record<string, string>> = {
  PACKET_LENGTH_TOO_LONG: "WRONG_VERSION_NUMBER",
  NO_SUITABLE_SIGNATURE_ALGORITHM: "NO_COMMON_SIGNATURE_ALGORITHMS",
  NO_SUITABLE_GROUPS: "NO_SHARED_GROUP",
};

/** Alerts by number, as BoringSSL names their errors: `ssl3` where SSL 3 had them already. */
const ALERTS: Readonly<Record<number, string>> = {
  10: "SSLV3_ALERT_UNEXPECTED_MESSAGE",
  20: "SSLV3_ALERT_BAD_RECORD_MAC",
  21: "TLSV1_ALERT_DECRYPTION_FAILED",
  22: "TLSV1_ALERT_RECORD_OVERFLOW",
  40: "SSLV3_ALERT_HANDSHAKE_FAILURE",
  42: "SSLV3_ALERT_BAD_CERTIFICATE",
  43: "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE",
  44: "SSLV3_ALERT_CERTIFICATE_REVOKED",
  45: "SSLV3_ALERT_CERTIFICATE_EXPIRED",
  46: "SSLV3_ALERT_CERTIFICATE_UNKNOWN",
  47: "SSLV3_ALERT_ILLEGAL_PARAMETER",
  48: "TLSV1_ALERT_UNKNOWN_CA",
  49: "TLSV1_ALERT_ACCESS_DENIED",
  50: "TLSV1_ALERT_DECODE_ERROR",
  51: "TLSV1_ALERT_DECRYPT_ERROR",
  70: "TLSV1_ALERT_PROTOCOL_VERSION",
  71: "TLSV1_ALERT_INSUFFICIENT_SECURITY",
  80: "TLSV1_ALERT_INTERNAL_ERROR",
  86: "TLSV1_ALERT_INAPPROPRIATE_FALLBACK",
  90: "TLSV1_ALERT_USER_CANCELLED",
  100: "TLSV1_ALERT_NO_RENEGOTIATION",
  109: "TLSV1_ALERT_MISSING_EXTENSION",
  110: "TLSV1_ALERT_UNSUPPORTED_EXTENSION",
  112: "TLSV1_ALERT_UNRECOGNIZED_NAME",
  113: "TLSV1_ALERT_BAD_CERTIFICATE_STATUS_RESPONSE",
  114: "TLSV1_ALERT_BAD_CERTIFICATE_HASH_VALUE",
  115: "TLSV1_ALERT_UNKNOWN_PSK_IDENTITY",
  116: "TLSV1_ALERT_CERTIFICATE_REQUIRED",
  120: "TLSV1_ALERT_NO_APPLICATION_PROTOCOL",
};

/** Errors of alerts have numbers from here. */
const ALERT_REASONS = 1000;

/** The peer's certificate was refused, and why. */
export function verificationFailure(details: string): string {
  return failure(
    SSL_LIBRARY + REASONS["CERTIFICATE_VERIFY_FAILED"],
    "SSL routines",
    `CERTIFICATE_VERIFY_FAILED:${details}`,
  );
}

/** @returns the reason, by BoringSSL's name; "" for what is no error of TLS's */
export function reasonOf(error: NodeJS.ErrnoException): string {
  const alert = /SSL alert number (\d+)/.exec(error.message)?.[1];
  if (alert !== undefined) return ALERTS[Number(alert)] ?? `SSL_ALERT_${alert}`;
  const [, name] = /^ERR_SSL_(.+)$/.exec(error.code ?? "") ?? [];
  return name === undefined ? "" : (RENAMED[name] ?? name);
}

/** @param error of a socket that speaks TLS @param atOnce nothing came before it: it is about the client's first message */
export function transportFailure(error: NodeJS.ErrnoException, atOnce: boolean): string {
  const reason = reasonOf(error);
  if (reason === "SSLV3_ALERT_HANDSHAKE_FAILURE" && atOnce) return REFUSED_HELLO;
  if (reason !== "") return failure(SSL_LIBRARY + numberOf(reason), "SSL routines", reason + (EXPLAINED[reason] ?? ""));
  const text = SYSTEM_ERRORS[error.code ?? ""];
  // A socket that has only been ended is nothing that the system could say something about.
  if (text === undefined || error.syscall === undefined) return "";
  return failure(SYSTEM_LIBRARY + text[0], "system library", text[1]);
}

/** BoringSSL names both. */
const REFUSED_HELLO =
  "TLS_error:|268436496:SSL routines:OPENSSL_internal:SSLV3_ALERT_HANDSHAKE_FAILURE" +
  "|268435610:SSL routines:OPENSSL_internal:HANDSHAKE_FAILURE_ON_CLIENT_HELLO:TLS_error_end";

/** `ERR_LIB_SYS` of BoringSSL, and Linux's errno with strerror(3) of it. */
const SYSTEM_LIBRARY = 2 << 24;
const SYSTEM_ERRORS: Readonly<Record<string, readonly [errno: number, text: string]>> = {
  EPIPE: [32, "Broken pipe"],
  ECONNRESET: [104, "Connection reset by peer"],
  ETIMEDOUT: [110, "Connection timed out"],
};

function numberOf(reason: string): number {
  // cold: for connections that failed
  for (const [alert, name] of Object.entries(ALERTS)) if (name === reason) return ALERT_REASONS + Number(alert);
  return REASONS[reason] ?? 0;
}

function failure(code: number, library: string, reason: string): string {
  return `TLS_error:|${code}:${library}:OPENSSL_internal:${reason}:TLS_error_end`;
}
