/** Numbers and names of traffic, as tables show them. */

/** What somebody on the network has called something, without what a terminal would obey. */
export function printable(text: string): string {
  // eslint-disable-next-line no-control-regex -- these are what is meant
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, "\ufffd");
}

export function milliseconds(ms: number | null): string {
  if (ms === null) return "-";
  if (ms >= 10_000) return `${(ms / 1000).toFixed(1)}s`;
  return ms < 10 ? `${ms.toFixed(1)}ms` : `${Math.round(ms)}ms`;
}

export function percent(share: number | null, digits = 1): string {
  return share === null ? "-" : `${(share * 100).toFixed(digits)}%`;
}

export function rate(perSecond: number): string {
  return perSecond >= 100 ? perSecond.toFixed(0) : perSecond.toFixed(perSecond >= 10 ? 1 : 2);
}

export function bytesPerSecond(value: number): string {
  if (value >= 1e6) return `${(value / 1e6).toFixed(1)}MB/s`;
  return value >= 1e3 ? `${(value / 1e3).toFixed(1)}kB/s` : `${value.toFixed(0)}B/s`;
}
