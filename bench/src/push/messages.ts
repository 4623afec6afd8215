/** What the push benchmark and the process of its simulated proxies tell each other. Times: milliseconds, CLOCK_MONOTONIC. */

/** The content that tells that a proxy has a change. */
export type Change =
  | { kind: "weight"; /** Weights of the two subsets; no other route has this pair. */ weights: [number, number] }
  | { kind: "endpoint"; /** An address that no endpoint had before. */ address: string };

export type ToProxies =
  | { type: "connect"; target: string; proxies: number; services: number }
  | { type: "expect"; change: Change };

export type FromProxies =
  | { type: "expecting" }
  /** All proxies hold all of the configuration. */
  | { type: "complete"; startedAt: number; lastAt: number; bytesPerProxy: number }
  /** All proxies have the change and nothing has come for a while since. */
  | { type: "settled"; firstAt: number; lastAt: number; bytesPerProxy: number }
  | { type: "failed"; reason: string };

export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
