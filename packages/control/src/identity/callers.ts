/** Who calls: a workload by its certificate or by a token, or this machine's user over the local socket. */
import { status as Status } from "@grpc/grpc-js";
import type { SpiffeId } from "@tulle/identity";
import { formatSpiffeId, parseSpiffeId } from "@tulle/identity";
import { AdsRefusal } from "@tulle/xds/server";
import type { CallOrigin, PeerSecurity } from "@tulle/xds/server";
import type { JoinTokens } from "./join-tokens.ts";
import { TokenRefusal } from "./join-tokens.ts";

export type Caller =
  | { readonly kind: "local" }
  | { readonly kind: "token"; readonly id: SpiffeId; readonly token: string; readonly expiresAt: number }
  | { readonly kind: "mtls"; readonly id: SpiffeId; readonly serial: string; readonly expiresAt: number };

/** The other end of a TLS connection. */
export interface TlsPeer {
  /** Undefined: it showed no certificate. */
  readonly certificate:
    | { readonly uris: readonly string[]; readonly serial: string; readonly notAfter: number }
    | undefined;
  /** Why its certificate is not accepted. */
  readonly error: string | undefined;
}

/** The mesh's own, which new certificates say, and its aliases. */
export type TrustDomains = readonly [string, ...string[]];

export interface CallerOptions {
  readonly tokens: JoinTokens;
  readonly trustDomains: () => TrustDomains;
  readonly now: () => number;
  /** When the newest certificate ends of whoever holds the one with this serial number. */
  readonly renewedUntil: (serial: string) => number | undefined;
  /** By address, as gRPC gives it. */
  readonly peerAt: (address: string) => TlsPeer | undefined;
}

const LOCAL: Caller = { kind: "local" };
const BEARER = /^Bearer (.+)$/;

/** Of a call on the local socket. */
export const localCaller = (): Caller => LOCAL;

/** Of a call on the TLS port. Throws AdsRefusal UNAUTHENTICATED with the reason. */
export function callerOf(call: CallOrigin, options: CallerOptions): Caller {
  const peer = options.peerAt(call.getPeer());
  const token = BEARER.exec(String(call.metadata.get("authorization")[0] ?? ""))?.[1];
  if (peer?.certificate !== undefined && peer.error === undefined) {
    return byCertificate(peer.certificate, options);
  }
  if (token !== undefined) return byToken(token, options);
  if (peer?.error !== undefined) throw refusal(`the certificate is not accepted: ${peer.error}`);
  throw refusal("neither a certificate nor a token was shown; a new workload needs one of: tulle token create");
}

function byCertificate(
  { uris, serial, notAfter }: NonNullable<TlsPeer["certificate"]>,
  { trustDomains, now, renewedUntil }: CallerOptions,
): Caller {
  // The handshake may be long ago: a connection lives on with the certificates that its peer has been given since.
  const expiresAt = Math.max(notAfter, renewedUntil(serial) ?? 0);
  if (expiresAt <= now())
    throw refusal("the certificate that this connection was opened with has expired; connect again");
  // X.509-SVID §2: exactly one URI. With two a verifier would have to choose.
  const id = uris.length === 1 ? parseSpiffeId(uris[0]!) : undefined;
  if (id === undefined) throw refusal(`the certificate is of no workload: its URIs are [${uris.join(" ")}]`);
  return { kind: "mtls", id: inDomain(id, trustDomains()), serial, expiresAt };
}

function byToken(text: string, { tokens, trustDomains }: CallerOptions): Caller {
  try {
    const { id: token, namespace, serviceAccount, expiresAt } = tokens.verify(text);
    return { kind: "token", id: { trustDomain: trustDomains()[0], namespace, serviceAccount }, token, expiresAt };
  } catch (error) {
    if (error instanceof TokenRefusal) throw refusal(error.message);
    throw error;
  }
}

/** A mesh that changes its name knows its old one as an alias. Throws AdsRefusal for an id of any other mesh. */
export function inDomain(id: SpiffeId, [current, ...aliases]: TrustDomains): SpiffeId {
  if (id.trustDomain === current) return id;
  if (aliases.includes(id.trustDomain)) return { ...id, trustDomain: current };
  throw refusal(`${formatSpiffeId(id)} is of another trust domain than this mesh's, ${current}`);
}

export function securityOf(caller: Caller): PeerSecurity {
  if (caller.kind === "local") return caller;
  return { kind: caller.kind, identity: formatSpiffeId(caller.id), expiresAt: caller.expiresAt };
}

function refusal(message: string): AdsRefusal {
  return new AdsRefusal(Status.UNAUTHENTICATED, message);
}
