/**
 * ALPN by which two proxies of ours find each other: HTTP/1.1 messages, carried over HTTP/2, so that many share a connection
 * (docs/decisions/0050). Nobody else chooses it; who offers it offers beside it what the other end would get anyway.
 */
export const PEER_PROTOCOL = "tulle-h2";
