/** Results in Prometheus' JSON, written as text: they are too many to be objects first. */
import type { Labels } from "@tulle/telemetry/records";
import type { QueryResult, ResultSeries } from "../promql/engine.ts";
import { compareText } from "../promql/labels.ts";

/** ECMAScript's notation, with exponents of two digits as Go has them (prometheus util/jsonutil, MarshalFloat). */
export function jsonValue(value: number): string {
  if (Number.isFinite(value)) {
    const text = Object.is(value, -0) ? "-0" : String(value);
    return text.includes("e") ? text.replace(/e([+-])(\d)$/, "e$10$2") : text;
  }
  return Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
}

/** Seconds, with ms where there are some. */
export function jsonTime(timeMs: number): string {
  const rounded = Math.round(timeMs);
  const ms = Math.abs(rounded % 1000);
  const seconds = Math.trunc(rounded / 1000);
  const sign = rounded < 0 && seconds === 0 ? "-" : "";
  return ms === 0 ? `${seconds}` : `${sign}${seconds}.${String(ms).padStart(3, "0")}`;
}

export function jsonLabels(labels: Labels): string {
  const names = Object.keys(labels).toSorted(compareText);
  return `{${names.map((name) => `${JSON.stringify(name)}:${JSON.stringify(labels[name])}`).join(",")}}`;
}

function point(series: ResultSeries, index: number): string {
  return `[${jsonTime(series.times[index]!)},"${jsonValue(series.values[index]!)}"]`;
}

function points(series: ResultSeries): string {
  const all: string[] = [];
  for (let index = 0; index < series.times.length; index++) all.push(point(series, index));
  return `[${all.join(",")}]`;
}

export function jsonResult(result: QueryResult): string {
  const wrap = (body: string): string => `{"resultType":"${result.type}","result":${body}}`;
  switch (result.type) {
    case "scalar":
      return wrap(`[${jsonTime(result.timeMs)},"${jsonValue(result.value)}"]`);
    case "string":
      return wrap(`[${jsonTime(result.timeMs)},${JSON.stringify(result.value)}]`);
    case "vector":
      return wrap(
        `[${result.series.map((one) => `{"metric":${jsonLabels(one.labels)},"value":${point(one, 0)}}`).join(",")}]`,
      );
    default:
      return wrap(
        `[${result.series.map((one) => `{"metric":${jsonLabels(one.labels)},"values":${points(one)}}`).join(",")}]`,
      );
  }
}
