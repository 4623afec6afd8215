/** What the compiled matchers, formats and header values may read of a request, a response and a connection. */

import type { Workload } from "@tulle/telemetry";
import type { Certificate } from "../codec/x509/certificate.ts";
import type { Metadata } from "./format/stream-info.ts";

/** What matchers, rewrites and header values may read of a request. Pseudo-headers are properties; names are lower-case. */
export interface RequestView {
  readonly method: string;
  /** Path and query as they will be forwarded (after normalisation). */
  readonly path: string;
  readonly authority: string;
  readonly scheme: string;
  /** The client's address as trusted proxies before us tell it; "" where it is the connection's peer. */
  readonly forwardedFor: string;
  /** What filters had found out about it when it was routed; null: nothing. */
  readonly dynamicMetadata: Metadata | null;
  /** Value of a header (lower-case name), repeated lines joined with ","; undefined if absent. */
  header(name: string): string | undefined;
  /** Whether one of a header's lines passes, each by itself; undefined if there is none. */
  someHeader(name: string, test: (value: string) => boolean): boolean | undefined;
}

/** A condition that a request meets or not. */
export interface RequestTest {
  matches(request: RequestView): boolean;
}

/** What matchers may read of a response. */
export interface ResponseView {
  readonly status: number;
  header(name: string): string | undefined;
  someHeader(name: string, test: (value: string) => boolean): boolean | undefined;
}

export interface ResponseTest {
  matches(response: ResponseView): boolean;
}

/** What is known of a TLS connection after its handshake. */
export interface TlsInfo {
  /** `TLSv1.3` */
  readonly version: string;
  /** OpenSSL's name. */
  readonly cipher: string;
  /** Of the key exchange; "" where the runtime does not tell. */
  readonly group: string;
  /** Hexadecimal; "" for none, as in TLS 1.3. */
  readonly sessionId: string;
  readonly reused: boolean;
  /** Milliseconds from the beginning of the connection, or of the handshake where it is ours, to its end. */
  readonly handshakeMs: number;
  /** The client asked for this host (SNI); "" for none. */
  readonly serverName: string;
  /** "" for none. */
  readonly alpn: string;
  /** It is ours, and made as proxies of a mesh make theirs to each other. */
  readonly toMesh: boolean;
  /** Null: the peer has shown no certificate. */
  readonly peer: Certificate | null;
  /** Who has issued that; null: unknown. */
  readonly peerIssuer: Certificate | null;
  /** All that it has shown, `peer` first. */
  readonly peerChain: readonly Certificate[];
  /** The certificate has been verified; without a trusted authority none is. */
  readonly peerVerified: boolean;
  /** Ours; null: there is none. */
  readonly local: Certificate | null;
  /** What requests tell of the peer (x-forwarded-client-cert), once it has been put together; "" before. */
  forwarded: string;
  /** What the peer is, by its own word; null: it has not said. */
  peerWorkload: Workload | null;
}

/** Connection facts that header values may name (`%DOWNSTREAM_REMOTE_ADDRESS%` …). */
export interface ConnectionView {
  /** `%CONNECTION_ID%` */
  readonly id: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  /** `10.0.0.1:80`, `[::1]:80`. */
  readonly remoteName: string;
  /** Of the socket's peer, which may have spoken for somebody else (the PROXY protocol). */
  readonly directRemoteAddress: string;
  readonly directRemotePort: number;
  readonly directRemoteName: string;
  readonly localAddress: string;
  readonly localPort: number;
  readonly localName: string;
  /** Where the socket was accepted. */
  readonly directLocalAddress: string;
  readonly directLocalPort: number;
  readonly directLocalName: string;
  /** Where it was to go before it was redirected to this proxy; null: it has not been, or nobody knows. */
  readonly originalDestination: { readonly address: string; readonly port: number } | null;
  /** Which the client has asked for (SNI), lower-case; "" if it has not. */
  readonly serverName: string;
  /** Null: it is not encrypted. */
  readonly tls: TlsInfo | null;
  /** Why there is no TLS where there should be; "" for nothing. */
  readonly transportFailure: string;
  /** What its hello is like; "" where that was not asked for. */
  readonly ja3: string;
  readonly ja4: string;
}
