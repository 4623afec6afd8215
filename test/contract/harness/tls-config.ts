/** TLS in configurations, with the certificates of test/support/certificates. */
import type { JsonObject } from "./case.ts";
import { typed } from "./steps.ts";

/** A `TlsCertificate`. */
export function certificate(name: string, more: JsonObject = {}): JsonObject {
  return {
    certificate_chain: { filename: `{certs}/${name}.pem` },
    private_key: { filename: `{certs}/${name}.key` },
    ...more,
  };
}

/** A `CertificateValidationContext`. */
export function trusting(authority: string, more: JsonObject = {}): JsonObject {
  return { trusted_ca: { filename: `{certs}/${authority}.pem` }, ...more };
}

export function matchName(san_type: "DNS" | "URI" | "EMAIL" | "IP_ADDRESS", matcher: JsonObject): JsonObject {
  return { match_typed_subject_alt_names: [{ san_type, matcher }] };
}

/** Of a filter chain; shows `server` unless it is told to show another. */
export function serverTls(common: JsonObject = {}, more: JsonObject = {}): JsonObject {
  const context = { tls_certificates: [certificate("server")], ...common };
  const config = typed("extensions.transport_sockets.tls.v3.DownstreamTlsContext", {
    common_tls_context: context,
    ...more,
  });
  return { name: "envoy.transport_sockets.tls", typed_config: config };
}

/** As mutual TLS has it: clients must show a certificate of `ca`. */
export function mutualTls(validation: JsonObject = {}, common: JsonObject = {}): JsonObject {
  return serverTls({ validation_context: trusting("ca", validation), ...common }, { require_client_certificate: true });
}

/** Of a cluster. */
export function clientTls(common: JsonObject = {}, more: JsonObject = {}): JsonObject {
  const config = typed("extensions.transport_sockets.tls.v3.UpstreamTlsContext", {
    common_tls_context: common,
    ...more,
  });
  return { name: "envoy.transport_sockets.tls", typed_config: config };
}

/** Statistics of TLS under a prefix; `listener.L.` is the listener's with `stat_prefix: L`. */
export function sslStats(prefix: string, ...more: readonly string[]): string[] {
  return [
    "handshake",
    "connection_error",
    "fail_verify_error",
    "fail_verify_san",
    "fail_verify_cert_hash",
    "fail_verify_no_cert",
    "no_certificate",
    "session_reused",
    ...more,
  ].map((name) => `${prefix}ssl.${name}`);
}
