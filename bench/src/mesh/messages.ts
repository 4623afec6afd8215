/** What the benchmark and its TLS client say to each other. */

export type ToClient =
  | { type: "identity"; port: number; certificate: string; key: string; authority: string; path: string }
  /** Full handshakes, one request each, so many at a time, for so long. */
  | { type: "handshakes"; concurrency: number; ms: number }
  /** Connections that stay after one request each. */
  | { type: "hold"; connections: number }
  | { type: "release" };

export interface FromClient {
  /** Connections that were made and answered 200. */
  connections: number;
  failed: number;
  ms: number;
}
