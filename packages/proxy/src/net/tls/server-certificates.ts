import type { SecureContext } from "node:tls";
import { type Certificate, namesOf } from "../../codec/x509/certificate.ts";
import type { CertificatePlan } from "../../plan/tls-plan.ts";

/**
 * Which of several certificates a client gets, by the name that it asks for (SNI). Of those for one name OpenSSL takes the one whose key the
 * client can verify. Envoy `source/common/tls/default_tls_certificate_selector.cc`.
 */
export class ServerCertificates {
  /** For clients that ask for no name, or for none of ours. */
  readonly fallback: SecureContext;
  private readonly contexts = new Map<string, SecureContext>();
  private readonly groups = new Map<string, CertificatePlan[]>();
  private readonly first: CertificatePlan;

  /** @param scanAll the fallback is any of them, else the first */
  constructor(
    certificates: readonly CertificatePlan[],
    scanAll: boolean,
    contextOf: (some: readonly CertificatePlan[]) => SecureContext,
  ) {
    this.first = certificates[0];
    for (const certificate of certificates) {
      for (const name of serverNames(certificate.certificates[0])) {
        const group = this.groups.get(name);
        if (group === undefined) this.groups.set(name, [certificate]);
        else group.push(certificate);
      }
    }
    for (const [name, group] of this.groups) this.contexts.set(name, contextOf(group));
    this.fallback = contextOf(scanAll ? certificates : [this.first]);
  }

  contextFor(serverName: string): SecureContext {
    const key = this.match(serverName);
    return (key === null ? undefined : this.contexts.get(key)) ?? this.fallback;
  }

  leafFor(serverName: string): Certificate {
    const key = this.match(serverName);
    return ((key === null ? undefined : this.groups.get(key)?.[0]) ?? this.first).certificates[0];
  }

  /** The name itself, else the wildcard for its first label. */
  private match(serverName: string): string | null {
    // As it is written, as in Envoy.
    if (this.groups.has(serverName)) return serverName;
    const dot = serverName.indexOf(".");
    const wildcard = dot < 0 ? "" : serverName.slice(dot);
    return this.groups.has(wildcard) ? wildcard : null;
  }
}

/** DNS names, or else the common name; `*.a.test` as `.a.test`. */
function serverNames(leaf: Certificate): string[] {
  const names = namesOf(leaf, "dns");
  const [, commonName] = /(?:^|,)CN=((?:[^,\\]|\\.)*)/.exec(leaf.subject) ?? [];
  const all = names.length > 0 ? names : commonName === undefined ? [] : [commonName];
  return all.map((name) => name.replace(/^\*(?=\.)/, ""));
}
