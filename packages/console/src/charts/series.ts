/** From answers of Prometheus' API to the columns that a chart draws. Pure. */

export interface RangeAnswer {
  readonly status: string;
  readonly data: {
    readonly resultType: string;
    readonly result: readonly {
      readonly metric: Readonly<Record<string, string>>;
      readonly values: readonly (readonly [number, string])[];
    }[];
  };
}

export interface NamedSeries {
  readonly name: string;
  readonly points: ReadonlyMap<number, number>;
}

export interface Columns {
  /** Seconds since 1970, rising. */
  readonly times: readonly number[];
  readonly lines: readonly { readonly name: string; readonly values: readonly (number | null)[] }[];
}

export function seriesOf(
  answer: RangeAnswer,
  nameOf: (labels: Readonly<Record<string, string>>) => string,
): readonly NamedSeries[] {
  return answer.data.result.map(({ metric, values }) => ({
    name: nameOf(metric),
    points: new Map(values.map(([at, value]) => [at, Number(value)])),
  }));
}

/** Every step between the ends, so that what is missing is a gap and not a line. */
export function toColumns(
  series: readonly NamedSeries[],
  fromSeconds: number,
  toSeconds: number,
  step: number,
): Columns {
  const times: number[] = [];
  for (let at = Math.ceil(fromSeconds / step) * step; at <= toSeconds; at += step) times.push(at);
  return {
    times,
    lines: series.map(({ name, points }) => ({
      name,
      values: times.map((at) => {
        const value = points.get(at);
        return value === undefined || !Number.isFinite(value) ? null : value;
      }),
    })),
  };
}

/** A label value inside a PromQL string. */
export function quote(value: string): string {
  return `"${value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`;
}
