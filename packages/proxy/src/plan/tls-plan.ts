/** The plans of TLS transport sockets (see route-plan.ts for what a plan is): contexts, certificates, how peers are verified. */
import type { AlternativeName, Certificate } from "../codec/x509/certificate.ts";

/** A secret by name, its current version; null until it is there. One for the whole proxy. */
export interface SecretRef<T> {
  readonly name: string;
  readonly current: T | null;
}

/** `TlsCertificate`: who we are. */
export interface CertificatePlan {
  /** PEM, latin1, the leaf first. */
  readonly chainPem: string;
  readonly keyPem: string;
  /** "" for none. */
  readonly password: string;
  /** The chain, read. */
  readonly certificates: readonly [leaf: Certificate, ...rest: Certificate[]];
  /** Where the chain is from: a file, or `<inline>`. */
  readonly source: string;
  /** Equal strings mean equal content. */
  readonly fingerprint: string;
}

/** `CertificateValidationContext`: whom we trust. */
export interface ValidationPlan {
  /** PEM, latin1; "" = chains are not verified. */
  readonly trustedCa: string;
  readonly authorities: readonly Certificate[];
  readonly source: string;
  /** PEM; "" for none. */
  readonly crl: string;
  /** One must pass; empty = any names do. */
  readonly names: readonly NameTest[];
  /** `verify_certificate_spki` (base64) and `verify_certificate_hash` (hexadecimal): one must be the certificate's; both empty = any. */
  readonly keyPins: readonly string[];
  readonly hashPins: readonly string[];
  /** `trust_chain_verification: ACCEPT_UNTRUSTED`. */
  readonly acceptUntrusted: boolean;
  readonly fingerprint: string;
}

/** `TlsSessionTicketKeys`: with what sessions are sealed that clients keep. */
export interface TicketKeysPlan {
  /** In OpenSSL's form, as the runtime takes it, latin1. */
  readonly key: string;
  /** Equal strings mean equal content. */
  readonly fingerprint: string;
}

export type NameTest = (name: AlternativeName) => boolean;

/** A validation context that may come, wholly or in part, from a secret. */
export interface ValidationSource {
  /** Of the secret; "" for none. */
  readonly name: string;
  /** Null until the secret is there. */
  current(): ValidationPlan | null;
}

/** `CommonTlsContext` and what servers and clients have of their own, with Envoy's defaults. */
export interface TlsContextPlan {
  readonly minVersion: TlsVersion;
  readonly maxVersion: TlsVersion;
  /** As OpenSSL takes them: those of TLS 1.3, then those before it. */
  readonly ciphers: string;
  readonly curves: string;
  /** "" = OpenSSL's. */
  readonly signatureAlgorithms: string;
  readonly alpn: readonly string[];
  readonly certificates: readonly SecretRef<CertificatePlan>[];
  /** Null: peers are not verified. */
  readonly validation: ValidationSource | null;
  /** Some of it comes by a secret discovery service. */
  readonly secrets: readonly SecretRef<unknown>[];
}

export type TlsVersion = "TLSv1.2" | "TLSv1.3";

/** `DownstreamTlsContext`. */
export interface DownstreamTlsPlan extends TlsContextPlan {
  readonly requireClientCertificate: boolean;
  /** `transport_socket_connect_timeout` of the filter chain: how long a handshake may take; 0 = for ever. */
  readonly handshakeTimeoutMs: number;
  /** `disable_stateless_session_resumption`. */
  readonly withoutTickets: boolean;
  /** Null: a key of this process. */
  readonly ticketKeys: SecretRef<TicketKeysPlan> | null;
  /** 0 = OpenSSL's default. */
  readonly sessionTimeoutS: number;
  readonly prefersClientCiphers: boolean;
  /** `full_scan_certs_on_sni_mismatch`. */
  readonly scansAllCertificates: boolean;
}

/** `UpstreamTlsContext`. */
export interface UpstreamTlsPlan extends TlsContextPlan {
  /** "" = none is sent. */
  readonly sni: string;
  /** Default 1; 0 = sessions are not resumed. */
  readonly maxSessionKeys: number;
  /** The host's name is the SNI where it has one. */
  readonly autoHostSni: boolean;
  /** The SNI must be a name of the certificate, in place of `names`. */
  readonly autoSniSanValidation: boolean;
}
