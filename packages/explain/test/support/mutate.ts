/** Makes another of one line of YAML, in a way that means something: another value, or the block that begins there taken away. */

/** The ways to do it; what comes first is tried first, if it may be applied at all. @param line from 1 @param to in place of the value that is there */
export function mutationsOf(yaml: string, line: number, to?: string): readonly string[] {
  const lines = yaml.split("\n");
  const value = withOtherValue(lines, line, to);
  const block = withoutBlock(lines, line);
  const startsBlock = indentOf(lines[line] ?? "") > indentOf(lines[line - 1]!);
  return (startsBlock ? [block, value] : [value, block]).flatMap((each) => each ?? []);
}

function withOtherValue(lines: readonly string[], line: number, to?: string): string | undefined {
  const scalar = /^(\s*(?:- )?(?:[\w.-]+: )?)("?)([^\s"{[][^"]*)("?)$/.exec(lines[line - 1]!);
  if (scalar === null || scalar[3]!.endsWith(":")) return undefined;
  const [, before, open, value, close] = scalar;
  return lines
    .with(line - 1, `${before}${to === undefined ? `${open}${otherValue(value!)}${close}` : JSON.stringify(to)}`)
    .join("\n");
}

/** The line, and what is indented more; at the start of a document all of it. */
function withoutBlock(lines: readonly string[], line: number): string {
  const text = lines[line - 1]!;
  let end = line;
  if (text.startsWith("apiVersion:")) {
    const next = lines.indexOf("---", line);
    end = next < 0 ? lines.length : next + 1;
  } else while (end < lines.length && lines[end] !== "" && indentOf(lines[end]!) > indentOf(text)) end++;
  return lines.toSpliced(line - 1, end - line + 1).join("\n");
}

function indentOf(text: string): number {
  return text.length - text.trimStart().length;
}

function otherValue(value: string): string {
  if (/^\d+$/.test(value)) return String(Number(value) === 100 ? 40 : Number(value) + 1);
  if (/^\d+s$/.test(value)) return `${Number.parseInt(value, 10) + 1}s`;
  const enums: Readonly<Record<string, string>> = {
    DENY: "ALLOW",
    ALLOW: "DENY",
    GET: "PATCH",
    POST: "PATCH",
    DELETE: "PATCH",
    "5xx": "gateway-error",
    true: "other",
  };
  return (
    enums[value] ??
    (value.startsWith("/") || value.startsWith("*") ? `/other${value.replaceAll("*", "")}` : `${value}-other`)
  );
}
