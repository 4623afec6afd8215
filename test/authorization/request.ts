/** What is decided about, in the words of Istio's reference. */

/** A claim's value as far as policies look at it. */
export type Claim = string | readonly string[] | { readonly [name: string]: Claim };

export interface Request {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly host: string;
  /** Names in lower case; each line's value. */
  readonly headers: Readonly<Record<string, readonly string[]>>;
  /** Of the peer of the connection. */
  readonly sourceIp: string;
  /** Of the client, as x-forwarded-for tells it; "" for none. */
  readonly forwardedFor: string;
  readonly destinationIp: string;
  readonly destinationPort: number;
  /** Undefined: plaintext. */
  readonly tls: { readonly sni: string; readonly identity: string } | undefined;
  /** Claims of the token that has been verified; undefined: there is none. */
  readonly token: Readonly<Record<string, Claim>> | undefined;
}
