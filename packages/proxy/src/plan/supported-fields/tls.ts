import type { SupportGroup } from "./message-support.ts";
import { DOWNSTREAM_TLS, UPSTREAM_TLS } from "./type-names.ts";

export const TLS: SupportGroup = {
  "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.SetCurrentClientCertDetails": {
    has: ["subject", "cert", "chain", "dns", "uri"],
  },
  [DOWNSTREAM_TLS]: {
    has: [
      "common_tls_context",
      "require_client_certificate",
      "disable_stateless_session_resumption",
      "session_ticket_keys",
      "session_ticket_keys_sds_secret_config",
      "session_timeout",
      "full_scan_certs_on_sni_mismatch",
      "prefer_client_ciphers",
    ],
    only: { require_sni: [false], ocsp_staple_policy: ["LENIENT_STAPLING", "STRICT_STAPLING"] },
    ignored: {
      disable_stateful_session_resumption: "sessions are resumed by tickets only",
    },
  },
  [UPSTREAM_TLS]: {
    has: ["common_tls_context", "sni", "max_session_keys", "auto_host_sni", "auto_sni_san_validation"],
    only: { allow_renegotiation: [false] },
    ignored: { enforce_rsa_key_usage: "deprecated: key usage is always enforced" },
  },
  "envoy.extensions.transport_sockets.tls.v3.CommonTlsContext": {
    has: [
      "tls_params",
      "tls_certificates",
      "tls_certificate_sds_secret_configs",
      "validation_context",
      "validation_context_sds_secret_config",
      "combined_validation_context",
      "alpn_protocols",
    ],
  },
  "envoy.extensions.transport_sockets.tls.v3.CommonTlsContext.CombinedCertificateValidationContext": {
    has: ["default_validation_context", "validation_context_sds_secret_config"],
  },
  "envoy.extensions.transport_sockets.tls.v3.TlsParameters": {
    has: [
      "tls_minimum_protocol_version",
      "tls_maximum_protocol_version",
      "cipher_suites",
      "ecdh_curves",
      "signature_algorithms",
    ],
  },
  "envoy.extensions.transport_sockets.tls.v3.TlsCertificate": {
    has: ["certificate_chain", "private_key", "password", "watched_directory"],
  },
  "envoy.extensions.transport_sockets.tls.v3.CertificateValidationContext": {
    has: [
      "trusted_ca",
      "verify_certificate_spki",
      "verify_certificate_hash",
      "match_typed_subject_alt_names",
      "match_subject_alt_names",
      "crl",
      "trust_chain_verification",
      "watched_directory",
    ],
    only: {
      require_signed_certificate_timestamp: [false],
      // OpenSSL tells one error of a chain: behind an expired certificate there may be a worse one.
      allow_expired_certificate: [false],
      // Node checks whole chains against revocation lists.
      only_verify_leaf_cert_crl: [false],
    },
  },
  "envoy.extensions.transport_sockets.tls.v3.TlsSessionTicketKeys": { has: ["keys"] },
  "envoy.extensions.transport_sockets.tls.v3.SubjectAltNameMatcher": { has: ["san_type", "matcher", "oid"] },
  "envoy.extensions.transport_sockets.tls.v3.SdsSecretConfig": { has: ["name", "sds_config"] },
  "envoy.extensions.transport_sockets.tls.v3.Secret": {
    has: ["name", "tls_certificate", "validation_context", "session_ticket_keys"],
  },
};
