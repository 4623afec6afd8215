/** Numbers as people read them. Absent is a dash, never a zero. */

const NONE = "–";

/** Two significant digits below ten, none after the point above: `0.42`, `3.7`, `128`, `12.4 k`. */
export function formatNumber(value: number | undefined | null): string {
  if (value === undefined || value === null || !Number.isFinite(value)) return NONE;
  const size = Math.abs(value);
  if (size >= 1e9) return `${trimmed(value / 1e9, 1)} G`;
  if (size >= 1e6) return `${trimmed(value / 1e6, 1)} M`;
  if (size >= 1e4) return `${trimmed(value / 1e3, 1)} k`;
  if (size >= 100) return value.toFixed(0);
  if (size >= 1) return trimmed(value, 1);
  return size === 0 ? "0" : trimmed(value, 2);
}

function trimmed(value: number, digits: number): string {
  return value.toFixed(digits).replace(/\.?0+$/, "") || "0";
}

/** Requests a second. */
export function formatRate(perSecond: number | undefined | null): string {
  const text = formatNumber(perSecond);
  return text === NONE ? NONE : `${text}/s`;
}

/** Of a ratio from 0 to 1. What is not nothing is not shown as nothing. */
export function formatPercent(ratio: number | undefined | null): string {
  if (ratio === undefined || ratio === null || !Number.isFinite(ratio)) return NONE;
  const percent = ratio * 100;
  if (percent === 0) return "0 %";
  if (percent < 0.1) return "< 0.1 %";
  if (percent > 99.9 && percent < 100) return "> 99.9 %";
  return `${percent < 10 ? trimmed(percent, 1) : percent.toFixed(0)} %`;
}

export function formatMs(milliseconds: number | undefined | null): string {
  if (milliseconds === undefined || milliseconds === null || !Number.isFinite(milliseconds)) return NONE;
  const size = Math.abs(milliseconds);
  if (size === 0) return "0 ms";
  if (size < 0.001) return `${(milliseconds * 1e6).toFixed(0)} ns`;
  if (size < 1) return size < 0.1 ? `${(milliseconds * 1000).toFixed(0)} µs` : `${trimmed(milliseconds, 2)} ms`;
  if (size < 10) return `${trimmed(milliseconds, 1)} ms`;
  if (size < 1000) return `${milliseconds.toFixed(0)} ms`;
  if (size < 60_000) return `${trimmed(milliseconds / 1000, size < 10_000 ? 2 : 1)} s`;
  return formatSpan(milliseconds);
}

export function formatBytes(bytes: number | undefined | null): string {
  if (bytes === undefined || bytes === null || !Number.isFinite(bytes)) return NONE;
  const units = ["B", "KB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  while (Math.abs(value) >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? value.toFixed(0) : trimmed(value, value < 10 ? 1 : 0)} ${units[unit]!}`;
}

/** The two largest units of a stretch of time: `3 d 4 h`, `12 min`, `45 s`. */
export function formatSpan(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  const parts: readonly (readonly [number, string])[] = [
    [Math.floor(seconds / 31_536_000), "y"],
    [Math.floor((seconds % 31_536_000) / 86_400), "d"],
    [Math.floor((seconds % 86_400) / 3600), "h"],
    [Math.floor((seconds % 3600) / 60), "min"],
    [seconds % 60, "s"],
  ];
  const first = parts.findIndex(([count]) => count > 0);
  if (first < 0) return "0 s";
  return parts
    .slice(first, first + 2)
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count} ${unit}`)
    .join(" ");
}

/** `in 3 d 4 h`, `12 min ago`. */
export function formatRelative(atMs: number, nowMs: number): string {
  const distance = atMs - nowMs;
  if (Math.abs(distance) < 1000) return "now";
  return distance > 0 ? `in ${formatSpan(distance)}` : `${formatSpan(-distance)} ago`;
}

/** `1 request`, `2 requests`. */
export function formatCount(count: number, what: string, many = `${what}s`): string {
  return `${formatNumber(count)} ${count === 1 ? what : many}`;
}
