/** What became of Secrets: whether what they hold can be served. */
import type { Credential } from "../model/secret.ts";
import type { Finding } from "./object-status.ts";
import { finding } from "./object-status.ts";

const { X509Certificate, createPrivateKey } = process.getBuiltinModule("node:crypto");

/** By what is in force, which stays the same object until its Secret changes. */
const faults = new WeakMap<Credential, string>();

export function secretFindings(credential: Credential): readonly Finding[] {
  const fault = credentialFault(credential);
  return fault === ""
    ? [finding("InForce", [], "gateways of its namespace get it if their rules name it")]
    : [finding("Invalid", ["data"], `${fault}: proxies refuse it, and keep what they had`)];
}

/** Why proxies would not take it; "" if they would. */
export function credentialFault(credential: Credential): string {
  let fault = faults.get(credential);
  if (fault === undefined) faults.set(credential, (fault = faultOf(credential)));
  return fault;
}

function faultOf({ certificate, key, authorities }: Credential): string {
  if (authorities !== "" && certificatesOf(authorities) === undefined) return "its CA certificates are none";
  if (certificate === "" && key === "") return "";
  const [leaf] = certificatesOf(certificate) ?? [];
  if (leaf === undefined) return "its certificate is none";
  const privateKey = parsed(() => createPrivateKey(key));
  if (privateKey === undefined) return "its key is none";
  return leaf.checkPrivateKey(privateKey) ? "" : "its key is not that of its certificate";
}

const BLOCK = /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[^-]*-----END (?:TRUSTED |X509 )?CERTIFICATE-----/g;

/** Undefined if there is none, or one that cannot be read. */
function certificatesOf(pem: string): readonly InstanceType<typeof X509Certificate>[] | undefined {
  const found = (pem.match(BLOCK) ?? []).map((block) => parsed(() => new X509Certificate(block)));
  const good = found.filter((each) => each !== undefined);
  return good.length > 0 && good.length === found.length ? good : undefined;
}

/** OpenSSL says by throwing that something is none. */
function parsed<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch {
    return undefined;
  }
}
