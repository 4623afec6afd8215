/** The grammar of format strings: `text %COMMAND(ARGUMENT):LENGTH% text`. Envoy `source/common/formatter/substitution_formatter.cc`. */

export interface Command {
  readonly name: string;
  /** "" for `COMMAND` and `COMMAND()` alike. */
  readonly argument: string;
  /** How many bytes of the value are kept, null for all. */
  readonly length: number | null;
}

/** `^%((?:[A-Z]|[0-9]|_)+)(?:\((.*?)\))?(?::([0-9]+))?%` in Envoy. */
const COMMAND = /%([A-Z0-9_]+)(?:\(([^\n]*?)\))?(?::([0-9]{1,19}))?%/y;

export class FormatError extends Error {
  override name = "FormatError";
}

/** Literals and commands in order. Throws FormatError with Envoy's words. @param text one character a byte */
export function parseFormat(text: string): (string | Command)[] {
  const parts: (string | Command)[] = [];
  let literal = "";
  for (let i = 0; i < text.length;) {
    if (text[i] !== "%") {
      literal += text[i++];
      continue;
    }
    if (text[i + 1] === "%") {
      literal += "%";
      i += 2;
      continue;
    }
    COMMAND.lastIndex = i;
    const match = COMMAND.exec(text);
    if (match === null) {
      throw new FormatError(`Incorrect configuration: ${text}. Couldn't find valid command at position ${i}`);
    }
    if (literal !== "") parts.push(literal);
    literal = "";
    parts.push({ name: match[1], argument: match[2] ?? "", length: match[3] === undefined ? null : Number(match[3]) });
    i = COMMAND.lastIndex;
  }
  if (literal !== "" || parts.length === 0) parts.push(literal);
  return parts;
}
