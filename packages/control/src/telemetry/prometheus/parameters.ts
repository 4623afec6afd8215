/** Parameters of Prometheus' HTTP API (web/api/v1 of Prometheus 2.42: parseTime, parseDuration), with its words where they are wrong. */
import { PromqlError } from "../promql/error.ts";
import { parseDuration, parseFloatValue } from "../promql/literals.ts";

/** Names may come several times; so does `match[]`. */
export class Parameters {
  readonly #pairs: readonly (readonly [string, string])[];

  constructor(pairs: readonly (readonly [string, string])[]) {
    this.#pairs = pairs;
  }

  all(name: string): readonly string[] {
    return this.#pairs.filter(([known]) => known === name).map(([, value]) => value);
  }

  text(name: string): string {
    return this.all(name)[0] ?? "";
  }

  /** ms since 1970. Throws PromqlError; without a default the parameter has to be there. */
  time(name: string, byDefault?: number): number {
    const text = this.text(name);
    if (text === "" && byDefault !== undefined) return byDefault;
    const context = byDefault === undefined ? "" : `Invalid time value for '${name}': `;
    return timeOf(text) ?? fail(name, `${context}cannot parse ${JSON.stringify(text)} to a valid timestamp`);
  }

  /** ms. Throws PromqlError. */
  duration(name: string): number {
    const text = this.text(name);
    const seconds = parseFloatValue(text);
    const duration = seconds === undefined ? parseDuration(text) : seconds * 1000;
    if (duration === undefined) return fail(name, `cannot parse ${JSON.stringify(text)} to a valid duration`);
    if (!(Math.abs(duration) < 2 ** 53))
      return fail(name, `cannot parse ${JSON.stringify(text)} to a valid duration. It overflows int64`);
    return duration;
  }

  /** A whole number, or the default. Throws PromqlError. */
  count(name: string, byDefault: number): number {
    const text = this.text(name);
    if (text === "") return byDefault;
    if (!/^\d{1,9}$/.test(text)) return fail(name, `${JSON.stringify(text)} is not a whole number`);
    return Number(text);
  }
}

export function fail(parameter: string, message: string, cause?: unknown): never {
  throw new PromqlError("bad_data", `invalid parameter ${JSON.stringify(parameter)}: ${message}`, { cause });
}

const RFC3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/;

function timeOf(text: string): number | undefined {
  const seconds = parseFloatValue(text);
  if (seconds !== undefined && Math.abs(seconds) < 2 ** 43) return Math.round(seconds * 1000);
  const time = RFC3339.test(text) ? Date.parse(text) : NaN;
  return Number.isNaN(time) ? undefined : time;
}
