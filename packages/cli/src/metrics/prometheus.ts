/** Reads the Prometheus text format, as far as proxies' /stats/prometheus uses it: samples with labels, no timestamps. */

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g;

/** The samples whose metric name is in `names`; others are skipped unread. */
export function parseSamples(text: string, names: ReadonlySet<string>): Sample[] {
  const samples: Sample[] = [];
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith("#")) continue;
    const match = SAMPLE.exec(line);
    if (match === null || !names.has(match[1]!)) continue;
    samples.push({ name: match[1]!, labels: parseLabels(match[2] ?? ""), value: parseNumber(match[3]!) });
  }
  return samples;
}

function parseLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const [, name, value] of text.matchAll(LABEL)) labels[name!] = value!.replace(/\\([\\"n])/g, unescape);
  return labels;
}

function unescape(_: string, character: string): string {
  return character === "n" ? "\n" : character;
}

/** Prometheus writes `+Inf`, which Number does not read. */
export function parseNumber(text: string): number {
  return text === "+Inf" ? Infinity : text === "-Inf" ? -Infinity : Number(text);
}
