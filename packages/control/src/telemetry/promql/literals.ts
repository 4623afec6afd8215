/** Numbers, durations and strings as Prometheus writes and reads them. */

const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
  y: 31_536_000_000,
};

const DURATION = /^(?=\d)(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+)s)?(?:(\d+)ms)?$/;
const UNIT_ORDER = ["y", "w", "d", "h", "m", "s", "ms"];

/** `1h30m` in ms (prometheus/common model.ParseDuration); undefined if it is none. */
export function parseDuration(text: string): number | undefined {
  const match = DURATION.exec(text);
  if (match === null) return undefined;
  let total = 0;
  for (const [index, unit] of UNIT_ORDER.entries()) total += Number(match[index + 1] ?? 0) * UNITS[unit]!;
  return total;
}

/** A number as Go reads it (strconv.ParseInt with any base, else ParseFloat); undefined if it is none. */
export function parseNumber(text: string): number | undefined {
  const sign = text.startsWith("-") ? -1 : 1;
  const body = /^[+-]/.test(text) ? text.slice(1) : text;
  if (/^(inf|infinity)$/i.test(body)) return sign * Infinity;
  if (/^nan$/i.test(body)) return NaN;
  if (/^0x[0-9a-f]+$/i.test(body)) return sign * Number(body);
  if (/^0[0-7]+$/.test(body)) return sign * parseInt(body, 8);
  const plain = body.replace(/(?<=\d)_(?=\d)/g, "");
  return /^(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(plain) ? sign * Number(plain) : undefined;
}

/** As `parseNumber`, but of label values such as `le="0.5"`: no octal, no underscores (strconv.ParseFloat). */
export function parseFloatValue(text: string): number | undefined {
  if (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) return Number(text);
  return /^[+-]?(inf|infinity)$|^nan$/i.test(text) ? parseNumber(text) : undefined;
}

const SIMPLE_ESCAPES: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "\\": "\\",
  "'": "'",
  '"': '"',
};

const ESCAPE = /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|([\s\S]?))/g;

/** The text that a quoted string stands for (Prometheus' strutil.Unquote); undefined if its quoting is not valid. */
export function unquote(quoted: string): string | undefined {
  const quote = quoted[0]!;
  if (quoted.length < 2 || !quoted.endsWith(quote)) return undefined;
  const body = quoted.slice(1, -1);
  if (quote === "`") return body.includes("`") ? undefined : body;
  let valid = !body.includes("\n");
  const text = body.replace(ESCAPE, (_, ...groups: (string | undefined)[]) => {
    const [hex, short, long, octal, simple] = groups;
    const code = hex ?? short ?? long;
    const point = code === undefined ? (octal === undefined ? undefined : parseInt(octal, 8)) : parseInt(code, 16);
    if (point !== undefined) {
      if (point > 0x10ffff) valid = false;
      return point > 0x10ffff ? "" : String.fromCodePoint(point);
    }
    const character = SIMPLE_ESCAPES[simple ?? ""];
    if (character === undefined || ((simple === "'" || simple === '"') && simple !== quote)) valid = false;
    return character ?? "";
  });
  return valid ? text : undefined;
}

/** A sample's value as Prometheus writes it in JSON: strconv.FormatFloat(v, 'f', -1, 64). */
export function formatValue(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "-Inf";
  const text = String(value);
  if (Object.is(value, -0)) return "-0";
  const exponent = /^(-?)(\d)(?:\.(\d+))?e([+-]\d+)$/.exec(text);
  if (exponent === null) return text;
  const [, sign, first, rest = "", power] = exponent;
  const digits = first + rest;
  const point = 1 + Number(power);
  if (point <= 0) return `${sign}0.${"0".repeat(-point)}${digits}`;
  return sign + (point >= digits.length ? digits + "0".repeat(point - digits.length) : digits);
}
