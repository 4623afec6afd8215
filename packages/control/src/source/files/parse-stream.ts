/** A YAML stream parsed document by document, so that a change in one leaves the others as they were. */
import { parseYaml } from "@tulle/api";
import type { Diagnostic, LoadedObject, Position } from "@tulle/api";

/** One document of a stream: its text, and what is in it. Line numbers in `diagnostics` and objects are the file's. */
export interface StreamDocument {
  /** From its `---` line, if it has one, up to the next one's. */
  readonly text: string;
  /** Line of the file at which `text` starts, from 1. */
  readonly startLine: number;
  readonly objects: readonly LoadedObject[];
  readonly diagnostics: readonly Diagnostic[];
}

/** A line that begins with three dashes ends a document wherever it stands. (YAML 1.2.2 section 9.1.2) */
const MARKER = /^---(?=\s|$)/gm;

function splitDocuments(text: string): readonly { readonly text: string; readonly startLine: number }[] {
  // A directive belongs to the document behind the next marker: such a stream is taken as a whole.
  if (/^%/m.test(text)) return [{ text, startLine: 1 }];
  const starts = [0, ...[...text.matchAll(MARKER)].map(({ index }) => index)];
  let startLine = 1;
  return starts.map((start, index) => {
    const part = { text: text.slice(start, starts[index + 1]), startLine };
    startLine += countLines(part.text);
    return part;
  });
}

function countLines(text: string): number {
  let count = 0;
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) count++;
  return count;
}

/** `previous` are the documents of the file's last version: what is still in its place keeps its identity. */
export function parseStream(
  text: string,
  file: string,
  previous: readonly StreamDocument[],
): readonly StreamDocument[] {
  const known = new Map(previous.map((document) => [`${document.startLine}\n${document.text}`, document]));
  return splitDocuments(text).map((part) => known.get(`${part.startLine}\n${part.text}`) ?? parseDocument(part, file));
}

function parseDocument({ text, startLine }: { text: string; startLine: number }, file: string): StreamDocument {
  const { objects, diagnostics } = parseYaml(text, file);
  const shift = <P extends Position>(position: P): P => ({ ...position, line: position.line + startLine - 1 });
  if (startLine === 1) return { text, startLine, objects, diagnostics };
  return {
    text,
    startLine,
    objects: objects.map((loaded) => ({
      ...loaded,
      source: shift(loaded.source),
      positionOf: (path) => shift(loaded.positionOf(path)),
    })),
    diagnostics: diagnostics.map(shift),
  };
}
