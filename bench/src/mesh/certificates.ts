/** Identities for two sidecars, as a mesh's authority would issue them. */
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { formatSpiffeId, makeAuthority, makeLeaf, readCertificate, toPem } from "@tulle/identity";
import type { Issuer } from "@tulle/identity";

const DAY_MS = 86_400_000;

/** What the accepting sidecar is asked for. */
export const SERVER_NAME = "server.default.svc.cluster.local";

/** Files, PEM. */
export interface Identity {
  uri: string;
  certificate: string;
  key: string;
  authority: string;
}

/** Who calls and who is called; P-256, one day; a DNS name beside the SPIFFE id for nginx, which knows no URIs. */
export function makeIdentities(folder: string): { client: Identity; server: Identity } {
  const authorityKeys = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const authority = makeAuthority(
    { key: authorityKeys.privateKey },
    { organization: "bench" },
    { ...validity(), publicKey: authorityKeys.publicKey, names: { uris: [] } },
  );
  const { subject, keyId } = readCertificate(authority);
  const issuer: Issuer = { key: authorityKeys.privateKey, name: subject, keyId };
  const authorityFile = join(folder, "authority.pem");
  writeFileSync(authorityFile, toPem("CERTIFICATE", authority));
  const issue = (name: string): Identity => {
    const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const uri = formatSpiffeId({ trustDomain: "cluster.local", namespace: "default", serviceAccount: name });
    const names = { uris: [uri], dns: [SERVER_NAME] };
    const certificate = join(folder, `${name}.pem`);
    const key = join(folder, `${name}.key`);
    writeFileSync(certificate, toPem("CERTIFICATE", makeLeaf(issuer, { ...validity(), publicKey, names })));
    writeFileSync(key, privateKey.export({ type: "pkcs8", format: "pem" }), { mode: 0o600 });
    return { uri, certificate, key, authority: authorityFile };
  };
  return { client: issue("client"), server: issue("server") };
}

function validity(): { serial: Buffer; notBefore: number; notAfter: number } {
  const now = Date.now();
  const serial = randomBytes(16);
  serial[0] = (serial[0]! & 0x7f) | 0x40;
  return { serial, notBefore: now - DAY_MS, notAfter: now + DAY_MS };
}
