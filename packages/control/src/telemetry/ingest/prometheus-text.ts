/** Prometheus' text format, as the control plane exposes its own metrics. (prometheus/docs exposition_formats.md, version 0.0.4) */
import type { Labels } from "@tulle/telemetry/records";
import type { TelemetryCore } from "../core.ts";
import type { Sender } from "../sender.ts";
import { IngestError } from "./ingest-error.ts";
import type { IngestReport } from "./ingest-report.ts";

const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? +([^ ]+)(?: +-?\d+)?$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"(?:,|$)/gy;
const ESCAPE = /\\(.)/g;

/** A scrape of `from`, whose labels of a target it gets. Throws IngestError. */
export function ingestPrometheusText({ series, clock }: TelemetryCore, from: Sender, bytes: Uint8Array): IngestReport {
  const flush = series.flush(from.id, clock.now());
  const report = { accepted: 0, refused: 0, reason: "" };
  for (const line of new TextDecoder().decode(bytes).split("\n")) {
    if (line === "" || line.startsWith("#")) continue;
    const match = SAMPLE.exec(line);
    if (match === null) throw new IngestError(`${JSON.stringify(line.slice(0, 80))} is no sample`);
    const [, name = "", labels = "", value = ""] = match;
    // What stands before the value tells samples apart.
    const key = `${name}{${labels}}`;
    const [kept] = flush.find(key) ?? flush.add(key, [{ __name__: name, ...labelsIn(labels), ...from.target }]);
    if (kept === undefined) {
      report.refused++;
      continue;
    }
    report.accepted++;
    flush.set(kept, numberIn(value));
  }
  return report;
}

function labelsIn(text: string): Labels {
  return Object.fromEntries(
    [...text.matchAll(LABEL)].map(([, name = "", value = ""]) => [
      name,
      value.replaceAll(ESCAPE, (_, escaped: string) => (escaped === "n" ? "\n" : escaped)),
    ]),
  );
}

function numberIn(text: string): number {
  if (text === "+Inf" || text === "-Inf") return text === "+Inf" ? Infinity : -Infinity;
  return Number(text);
}
