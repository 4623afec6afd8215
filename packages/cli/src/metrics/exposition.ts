/** Metrics of several origins as one page for a scraper: Prometheus' text format 0.0.4, or OpenMetrics 1.0.0. (pure) */

import type { ExpositionFormat } from "@tulle/telemetry/exposition";

/** As an answer says it. Undefined: what is no page of metrics. */
export function formatOf(contentType: string): ExpositionFormat | undefined {
  const type = contentType.split(";", 1)[0]!.trim().toLowerCase();
  if (type === "application/openmetrics-text") return "openmetrics";
  return type === "text/plain" || type === "" ? "text" : undefined;
}

const SAMPLE = /^(?:[a-zA-Z_:][a-zA-Z0-9_:]*(?:[ \t]*\{.*\})?|\{.*\})[ \t]+[^ \t]+(?:[ \t].*)?$/;
const END = "# EOF";

/** Why a scraper would refuse it, and all that stands beside it; undefined: it would not, as far as lines go. */
export function problemOf(page: string, format: ExpositionFormat): string | undefined {
  const lines = page.split("\n");
  if (format === "openmetrics" && lines.findIndex((line) => line.startsWith(END)) < lines.length - 2) {
    return `it does not end with ${END}`;
  }
  for (const line of lines) {
    const bare = line.endsWith("\r") ? line.slice(0, -1) : line;
    if (bare === "" || bare.startsWith("#") || SAMPLE.test(bare)) continue;
    return `${JSON.stringify(bare.slice(0, 80))} is no sample`;
  }
  return undefined;
}

/** One after the other; pages of one format. */
export function merge(pages: readonly string[], format: ExpositionFormat): string {
  let merged = "";
  for (const page of pages) {
    const bare = format === "openmetrics" ? page.replace(/^# EOF\r?\n?$/m, "") : page;
    merged += bare === "" || bare.endsWith("\n") ? bare : `${bare}\n`;
  }
  return format === "openmetrics" ? `${merged}${END}\n` : merged;
}
