/**
 * Header lines with their names in proper case: `Content-Type`. Envoy `source/common/http/http1/header_formatter.cc`, ProperCaseHeaderKeyFormatter, which leaves trailers alone:
 * the first letter and each one behind a character that is no letter or digit.
 */
export function properCased(lines: string): string {
  return lines.replace(NAMES, (name) => name.replace(FIRST_LETTERS, upperCased));
}

/** A line's name; compiled here, once. */
const NAMES = /^[^:\r\n]+(?=:)/gm;
const FIRST_LETTERS = /(?<![a-z0-9])[a-z]/g;

function upperCased(letter: string): string {
  return letter.toUpperCase();
}
