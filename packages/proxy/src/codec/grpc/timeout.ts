/** `grpc-timeout` (gRPC over HTTP/2, "Timeout"): up to eight digits and a unit. */

const UNIT_MS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 };

/** Milliseconds, rounded up; 0 if there is none or it is malformed: the client waits as long as it takes. */
export function parseGrpcTimeout(text: string): number {
  const match = /^(\d{1,8})([HMSmun])$/.exec(text);
  return match === null ? 0 : Math.ceil(Number(match[1]) * UNIT_MS[match[2]]);
}

/** The smallest unit that takes no more than eight digits (Envoy `Grpc::Common::toGrpcTimeout`). */
export function formatGrpcTimeout(ms: number): string {
  let value = ms;
  for (const [unit, factor] of UNITS) {
    if (value <= MAX_VALUE) return `${value}${unit}`;
    value = Math.floor(value / factor);
  }
  return `${MAX_VALUE}H`;
}

const MAX_VALUE = 99_999_999;
const UNITS = [
  ["m", 1000],
  ["S", 60],
  ["M", 60],
  ["H", 1],
] as const;
