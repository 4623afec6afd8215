/** The control plane's own certificate, from its own authority: new at half its life, and whenever the authority is another. */
import { generateKeyPairSync } from "node:crypto";
import { isIP } from "node:net";
import { hostname } from "node:os";
import type { Clock } from "@tulle/xds";
import type { CertificateAuthority } from "./certificate-authority.ts";

export interface ServerIdentity {
  /** PEM. */
  readonly certificate: string;
  readonly key: string;
  /** What clients' certificates are checked against. */
  readonly roots: string;
}

const LIFETIME_MS = 24 * 3_600_000;

/** By what agents look for it: this machine's names, and those of istiod in a cluster. */
const NAMES = ["localhost", "istiod.istio-system.svc", "istiod.istio-system.svc.cluster.local", "istiod", "tulle"];
const ADDRESSES = ["127.0.0.1", "::1"];
/** Addresses that mean all of the machine's. */
const ANY = new Set(["0.0.0.0", "::"]);

/** Calls `use` now and with each new certificate. `hosts` are further names and addresses. Returns what ends it. */
export function keepServerCertificate(
  authority: CertificateAuthority,
  hosts: readonly string[],
  clock: Clock,
  use: (identity: ServerIdentity) => void,
): () => void {
  let cancel: (() => void) | undefined;
  let closed = false;
  const all = [...new Set([...NAMES, ...ADDRESSES, hostname(), ...hosts.filter((host) => !ANY.has(host))])];
  const names = {
    dns: all.filter((host) => isIP(host) === 0),
    addresses: all.filter((host) => isIP(host) !== 0).map(addressBytes),
  };
  const renew = (): void => {
    if (closed) return;
    cancel?.();
    const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const { chain, notAfter } = authority.issue({ publicKey, names, lifetimeMs: LIFETIME_MS });
    cancel = clock.after(Math.max((notAfter - clock.now()) / 2, 1000), renew);
    const key = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    use({ certificate: chain.join(""), key, roots: authority.bundle });
  };
  authority.onChange(renew);
  renew();
  return () => {
    closed = true;
    cancel?.();
  };
}

/** 4 or 16 bytes. (RFC 5280 §4.2.1.6) */
function addressBytes(address: string): Uint8Array {
  if (isIP(address) === 4) return Uint8Array.from(address.split(".").map(Number));
  const [head = "", tail] = address.split("::");
  const groups = (text: string): number[] =>
    text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16));
  const [before, after] = [groups(head), groups(tail ?? "")];
  const middle = tail === undefined ? [] : Array<number>(8 - before.length - after.length).fill(0);
  return Uint8Array.from([...before, ...middle, ...after].flatMap((group) => [group >> 8, group & 0xff]));
}
