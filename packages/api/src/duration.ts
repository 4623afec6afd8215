/** Go durations, the form every Istio and Gateway API duration is written in (`1.5s`, `1h2m`, `100ms`). */

const MILLISECONDS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};
const PART = /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)/y;
const MAX_LENGTH = 64;
/** 2^63 - 1 nanoseconds, in milliseconds: all that Go's `time.Duration` holds, and what Envoy takes of a protobuf Duration. */
const MAX_MS = (2 ** 63 - 1024) / 1e6;

/**
 * Milliseconds of a Go duration, or undefined if the text is none. Accepts what Go's `time.ParseDuration` accepts: a
 * sign, then decimal numbers each with a unit; and a bare `0`.
 */
export function parseDuration(text: string): number | undefined {
  if (text.length > MAX_LENGTH) return undefined;
  const negative = text.startsWith("-");
  let position = negative || text.startsWith("+") ? 1 : 0;
  if (text.slice(position) === "0") return 0;
  if (position === text.length) return undefined;
  let total = 0;
  while (position < text.length) {
    PART.lastIndex = position;
    const match = PART.exec(text);
    if (match === null) return undefined;
    total += Number(match[1]) * MILLISECONDS[match[2]!]!;
    position = PART.lastIndex;
  }
  if (total > MAX_MS) return undefined;
  return negative ? -total : total;
}

/** The shortest Go form of a number of milliseconds: `90000` → `1m30s`, `1500` → `1.5s`, `0` → `0s`. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds === 0) return "0s";
  const sign = milliseconds < 0 ? "-" : "";
  let rest = Math.abs(milliseconds);
  if (rest < 1000) {
    if (rest >= 1) return `${sign}${trim(rest)}ms`;
    return rest >= 1e-3 ? `${sign}${trim(rest * 1e3)}us` : `${sign}${trim(rest * 1e6)}ns`;
  }
  let text = sign;
  const hours = Math.floor(rest / 3_600_000);
  rest -= hours * 3_600_000;
  const minutes = Math.floor(rest / 60_000);
  rest -= minutes * 60_000;
  if (hours > 0) text += `${hours}h`;
  if (minutes > 0) text += `${minutes}m`;
  if (rest > 0) text += `${trim(rest / 1000)}s`;
  return text;
}

function trim(value: number): string {
  return String(Number(value.toFixed(9)));
}
