/** What a gRPC connection shows of itself and wants to see: a cluster's TLS context. */
import { type ChannelCredentials, grpcCredentials } from "@tulle/xds/client/credentials";
import { type Certificate, parseCertificate } from "../codec/x509/certificate.ts";
import { TlsClientTransport } from "../net/tls/client.ts";
import { SslStats } from "../net/tls/ssl-stats.ts";
import { verifyPeer } from "../net/tls/verify.ts";
import type { UpstreamTlsPlan } from "../plan/tls-plan.ts";
import type { StatsRegistry } from "../stats/index.ts";

/**
 * Made anew for each attempt to connect, with the present versions of the secrets.
 * @returns a function that throws while a secret is missing
 */
export function credentialsFor(
  plan: UpstreamTlsPlan,
  clusterName: string,
  registry: StatsRegistry,
  wallMs: () => number,
): () => ChannelCredentials {
  const stats = new SslStats(registry, `cluster.${clusterName}.`, "client");
  const transport = new TlsClientTransport(plan, stats, wallMs);
  return () => {
    const identity = transport.identity();
    if (identity === null) throw new Error("Secret is not supplied by SDS");
    const { validation } = identity;
    return grpcCredentials.createFromSecureContext(identity.context, {
      // Whoever is to be verified is verified whole: without this the runtime would not listen to us either.
      rejectUnauthorized: validation !== null,
      checkServerIdentity(_host, { raw }) {
        if (validation === null) return undefined;
        let leaf: Certificate;
        try {
          leaf = parseCertificate(raw);
        } catch (error) {
          return error instanceof Error ? error : new Error(String(error));
        }
        const peer = { certificates: [leaf] as const, chainError: "" };
        const expected = { name: plan.autoSniSanValidation ? plan.sni : "", byRequest: false };
        const refusal = verifyPeer(peer, validation, expected, wallMs(), stats);
        return refusal === "" ? undefined : new Error(refusal);
      },
    });
  };
}
