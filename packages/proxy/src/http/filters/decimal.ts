/** Whole numbers in header values, as Envoy's filters read them (`absl::SimpleAtoi`): white space around and a plus sign are allowed. */

const DECIMAL = /^[\t\n\v\f\r ]*\+?(\d+)[\t\n\v\f\r ]*$/;

/** Undefined for what is no such number. */
export function parseUint32(text: string | undefined): number | undefined {
  return parse(text, 0xffffffff);
}

/** Exact below 2^53. */
export function parseUint64(text: string | undefined): number | undefined {
  return parse(text, 2 ** 64 - 1);
}

function parse(text: string | undefined, max: number): number | undefined {
  const digits = text === undefined ? null : DECIMAL.exec(text);
  if (digits === null) return undefined;
  const value = Number(digits[1]);
  return value <= max ? value : undefined;
}
