/** Functions of each value by itself (promql/functions.go of Prometheus 2.42). */

type ValueFunction = (value: number) => number;

const DEGREES = 180 / Math.PI;

/** Go's math.Max and math.Min, which prefer an infinity to NaN. */
function max(a: number, b: number): number {
  return a === Infinity || b === Infinity ? Infinity : Math.max(a, b);
}

function min(a: number, b: number): number {
  return a === -Infinity || b === -Infinity ? -Infinity : Math.min(a, b);
}

export const VALUE_FUNCTIONS: Readonly<Record<string, ValueFunction>> = {
  abs: Math.abs,
  acos: Math.acos,
  acosh: Math.acosh,
  asin: Math.asin,
  asinh: Math.asinh,
  atan: Math.atan,
  atanh: Math.atanh,
  ceil: Math.ceil,
  cos: Math.cos,
  cosh: Math.cosh,
  deg: (value) => value * DEGREES,
  exp: Math.exp,
  floor: Math.floor,
  ln: Math.log,
  log10: Math.log10,
  log2: Math.log2,
  rad: (value) => value / DEGREES,
  sgn: (value) => (value < 0 ? -1 : value > 0 ? 1 : value),
  sin: Math.sin,
  sinh: Math.sinh,
  sqrt: Math.sqrt,
  tan: Math.tan,
  tanh: Math.tanh,
};

/** With scalars, one for each step; undefined: no value here. */
type ParameterFunction = (value: number, a: number, b: number) => number | undefined;

export const PARAMETER_FUNCTIONS: Readonly<Record<string, ParameterFunction>> = {
  clamp: (value, least, most) => (most < least ? undefined : max(least, min(most, value))),
  clamp_max: (value, most) => min(most, value),
  clamp_min: (value, least) => max(least, value),
  round: (value, nearest) => {
    // Ties are rounded up; Prometheus multiplies by the inverse to get nice numbers.
    const inverse = 1 / nearest;
    return Math.floor(value * inverse + 0.5) / inverse;
  },
};

const DAY = 86_400_000;

function date(seconds: number): Date {
  return new Date(Math.trunc(seconds) * 1000);
}

/** In UTC, of seconds since 1970. */
export const DATE_FUNCTIONS: Readonly<Record<string, ValueFunction>> = {
  day_of_month: (value) => date(value).getUTCDate(),
  day_of_week: (value) => date(value).getUTCDay(),
  day_of_year: (value) => {
    const at = date(value);
    return Math.floor((at.getTime() - Date.UTC(at.getUTCFullYear(), 0, 1)) / DAY) + 1;
  },
  days_in_month: (value) => {
    const at = date(value);
    return new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + 1, 0)).getUTCDate();
  },
  hour: (value) => date(value).getUTCHours(),
  minute: (value) => date(value).getUTCMinutes(),
  month: (value) => date(value).getUTCMonth() + 1,
  year: (value) => date(value).getUTCFullYear(),
};
