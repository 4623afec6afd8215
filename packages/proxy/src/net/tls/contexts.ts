import type { SecureContext } from "node:tls";
import type {
  CertificatePlan,
  DownstreamTlsPlan,
  TicketKeysPlan,
  TlsContextPlan,
  ValidationPlan,
} from "../../plan/tls-plan.ts";

/** What only servers have. */
export interface ServerOptions extends Pick<
  DownstreamTlsPlan,
  "withoutTickets" | "sessionTimeoutS" | "prefersClientCiphers"
> {
  /** Null: one of this process. */
  readonly tickets: TicketKeysPlan | null;
}

const cache = new Map<string, WeakRef<SecureContext>>();

/**
 * OpenSSL's context for these certificates, authorities and parameters: 0.6 ms and 50 KB each, so connections share one as long as
 * anybody holds it. A new version of a secret has a context of its own, and so has whoever trusts others: no session is resumed across.
 */
export function secureContext(
  plan: TlsContextPlan,
  certificates: readonly CertificatePlan[],
  validation: ValidationPlan | null,
  server: ServerOptions | null,
): SecureContext {
  const key = [
    server === null
      ? "client"
      : `server ${server.withoutTickets} ${server.sessionTimeoutS} ${server.prefersClientCiphers} ${server.tickets?.fingerprint ?? ""}`,
    plan.minVersion,
    plan.maxVersion,
    plan.ciphers,
    plan.curves,
    plan.signatureAlgorithms,
    validation?.fingerprint ?? "",
    ...certificates.map(({ fingerprint }) => fingerprint),
  ].join(" ");
  const known = cache.get(key)?.deref();
  if (known !== undefined) return known;
  for (const [other, context] of cache) if (context.deref() === undefined) cache.delete(other);
  const context = make(plan, certificates, validation, server, key);
  cache.set(key, new WeakRef(context));
  return context;
}

function make(
  plan: TlsContextPlan,
  certificates: readonly CertificatePlan[],
  validation: ValidationPlan | null,
  server: ServerOptions | null,
  key: string,
): SecureContext {
  // Loaded here: a proxy without TLS does without it.
  const { createSecureContext } = process.getBuiltinModule("node:tls");
  const { constants, hash } = process.getBuiltinModule("node:crypto");
  const bytes = (pem: string): Buffer => Buffer.from(pem, "latin1");
  const passwords = certificates.map(({ password }) => password);
  return createSecureContext({
    minVersion: plan.minVersion,
    maxVersion: plan.maxVersion,
    ciphers: plan.ciphers,
    ecdhCurve: plan.curves,
    ...(plan.signatureAlgorithms === "" ? {} : { sigalgs: plan.signatureAlgorithms }),
    cert: certificates.map(({ chainPem }) => bytes(chainPem)),
    key: certificates.map(({ keyPem }, i) =>
      passwords[i] === "" ? { pem: bytes(keyPem) } : { pem: bytes(keyPem), passphrase: passwords[i] },
    ),
    // An empty list is nobody; without one the runtime would trust its own authorities.
    ca: validation === null || validation.trustedCa === "" ? [] : [bytes(validation.trustedCa)],
    ...(validation === null || validation.crl === "" ? {} : { crl: bytes(validation.crl) }),
    // As BoringSSL: who a peer is does not change on a connection, and handshakes cost.
    secureOptions:
      constants.SSL_OP_NO_RENEGOTIATION | (server?.withoutTickets === true ? constants.SSL_OP_NO_TICKET : 0),
    // An intermediate authority may be trusted by itself (Envoy sets X509_V_FLAG_PARTIAL_CHAIN).
    allowPartialTrustChain: true,
    ...(server === null
      ? {}
      : {
          honorCipherOrder: !server.prefersClientCiphers,
          sessionIdContext: hash("sha1", key, "hex").slice(0, 32),
          ...(server.tickets === null ? {} : { ticketKeys: bytes(server.tickets.key) }),
          ...(server.sessionTimeoutS > 0 ? { sessionTimeout: server.sessionTimeoutS } : {}),
        }),
  });
}
