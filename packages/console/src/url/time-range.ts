/** The stretch of time that a page looks at, as its address says it: `15m`, or from one moment to another. */

export interface TimeRange {
  /** ms since 1970. */
  readonly from: number;
  readonly to: number;
  /** It ends now and moves on. */
  readonly live: boolean;
  /** As it stands in the address: `15m`, or `1795921856-1795922456` in seconds. */
  readonly text: string;
}

/** What the time bar offers. */
export const RANGES: readonly { readonly text: string; readonly label: string }[] = [
  { text: "1m", label: "Last minute" },
  { text: "5m", label: "Last 5 minutes" },
  { text: "15m", label: "Last 15 minutes" },
  { text: "30m", label: "Last 30 minutes" },
  { text: "1h", label: "Last hour" },
  { text: "3h", label: "Last 3 hours" },
  { text: "12h", label: "Last 12 hours" },
  { text: "24h", label: "Last 24 hours" },
];

const DEFAULT_RANGE = "5m";

const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Of what the address says; the default if it says nothing that can be read. */
export function parseRange(text: string | null | undefined, now: number): TimeRange {
  const relative = /^(\d{1,5})([smhd])$/.exec(text ?? "");
  if (relative !== null && Number(relative[1]) > 0) {
    return { from: now - Number(relative[1]) * UNIT_MS[relative[2]!]!, to: now, live: true, text: relative[0] };
  }
  const absolute = /^(\d{9,11})-(\d{9,11})$/.exec(text ?? "");
  if (absolute !== null && Number(absolute[1]) < Number(absolute[2])) {
    return { from: Number(absolute[1]) * 1000, to: Number(absolute[2]) * 1000, live: false, text: absolute[0] };
  }
  return parseRange(DEFAULT_RANGE, now);
}

export function absoluteRange(fromMs: number, toMs: number): string {
  const from = Math.floor(fromMs / 1000);
  return `${from}-${Math.max(from + 1, Math.ceil(toMs / 1000))}`;
}

export function rangeSeconds({ from, to }: TimeRange): number {
  return Math.max(1, Math.round((to - from) / 1000));
}

/** Seconds between a chart's points: about 120 of them, on round numbers, no finer than what is measured. */
export function stepSeconds(range: TimeRange): number {
  const exact = rangeSeconds(range) / 120;
  return [5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600].find((step) => step >= exact) ?? 7200;
}
