/** The two forms in which Prometheus' metrics are shown: its text format 0.0.4, and OpenMetrics 1.0.0, which has exemplars. */
export type ExpositionFormat = "text" | "openmetrics";

export const CONTENT_TYPE: Readonly<Record<ExpositionFormat, string>> = {
  text: "text/plain; version=0.0.4; charset=utf-8",
  openmetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8",
};

const QUALITY = /;\s*q=([\d.]+)/i;

/** What an `Accept` header likes best; text if it likes both the same, as whoever sends no header can read that. */
export function preferredFormat(accept: string): ExpositionFormat {
  let [open, text] = [0, 0];
  for (const range of accept.split(",")) {
    const type = range.split(";", 1)[0]!.trim().toLowerCase();
    const quality = Number(QUALITY.exec(range)?.[1] ?? 1);
    if (type === "application/openmetrics-text") open = Math.max(open, quality);
    else if (type === "text/plain") text = Math.max(text, quality);
  }
  return open > text ? "openmetrics" : "text";
}
