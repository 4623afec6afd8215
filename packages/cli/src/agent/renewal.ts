/** When a certificate is renewed, and how it is tried again. (istio/istio `security/pkg/nodeagent/cache/secretcache.go`, rotateTime) */

/** Of a certificate's life, after which it is renewed; and how far chance may move that, so that not all come at once. */
const RENEW_AT = 0.5;
const JITTER = 0.01;

/** Milliseconds from `receivedAt` until the certificate is to be renewed. `random` is uniform in [0, 1). */
export function renewalDelay(receivedAt: number, notAfter: number, random: number): number {
  const share = RENEW_AT + (random * 2 - 1) * JITTER;
  return Math.max(0, (notAfter - receivedAt) * share);
}

const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 30_000;
/** So many attempts fit at least into what is left of the certificate. */
const ATTEMPTS_LEFT = 10;

/** Milliseconds until the next attempt, after `failures` in a row. `leftMs` is what is left of the certificate in hand, if there is one. */
export function retryDelay(failures: number, leftMs: number | undefined, random: number): number {
  const longest =
    leftMs === undefined ? LONGEST_RETRY_MS : Math.min(LONGEST_RETRY_MS, Math.max(leftMs, 0) / ATTEMPTS_LEFT);
  const interval = Math.min(FIRST_RETRY_MS * 2 ** Math.min(failures - 1, 16), Math.max(longest, FIRST_RETRY_MS));
  return interval * (0.5 + random / 2);
}

/** After a change of the roots everybody renews: spread over so many milliseconds. */
const SPREAD_MS = 5_000;

export const spreadDelay = (random: number): number => random * SPREAD_MS;

/** A renewal that fails is one to be told of soon, and loudly when less than this of the certificate's life is left. */
const LOUD_BELOW = 0.25;

export function isUrgent(receivedAt: number, notAfter: number, now: number): boolean {
  return notAfter - now < (notAfter - receivedAt) * LOUD_BELOW;
}
