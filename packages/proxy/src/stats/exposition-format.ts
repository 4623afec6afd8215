/** In which form of Prometheus' metrics a scraper wants them: its text format, or OpenMetrics, which has exemplars. */

/** (OpenMetrics 1.0.0, "Content type") */
export const OPEN_METRICS_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8";

const QUALITY = /;\s*q=([\d.]+)/i;

/** What an `Accept` header likes best; text if it likes both the same, as whoever sends no header can read that. */
export function prefersOpenMetrics(accept: string): boolean {
  let [open, text] = [0, 0];
  for (const range of accept.split(",")) {
    const type = range.split(";", 1)[0].trim().toLowerCase();
    const quality = Number(QUALITY.exec(range)?.[1] ?? 1);
    if (type === "application/openmetrics-text") open = Math.max(open, quality);
    else if (type === "text/plain") text = Math.max(text, quality);
  }
  return open > text;
}
