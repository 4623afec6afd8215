/** Changes a YAML text so that it says something else, and leaves alone what stays: comments, order, style. Pure. */
import { isCollection, parseDocument, stringify } from "yaml";
import type { Document } from "yaml";

type Path = readonly (string | number)[];

/** As the examples of Istio's documentation are written. */
const STYLE = { lineWidth: 120, indentSeq: false } as const;

/** `before` is one document with an object; what differs in `next` is written into it. */
export function editYaml(before: string, next: unknown): string {
  const document = parseDocument(before);
  if (document.errors.length > 0) return toYaml(next);
  const now = document.toJS() as unknown;
  if (equal(now, next)) return before;
  change(document, [], now, next);
  return document.toString(styleOf(before));
}

export function toYaml(value: unknown): string {
  return stringify(value, STYLE);
}

/** The writer has a style of his own, and keeps it. */
function styleOf(text: string): {
  readonly lineWidth: number;
  readonly indentSeq: boolean;
  readonly flowCollectionPadding: boolean;
} {
  const hasSequence = /:[ ]*\n *- /.test(text);
  return {
    lineWidth: STYLE.lineWidth,
    indentSeq: hasSequence && !/^( *)(?:- )*[\w.-]+:[ ]*\n\1- /m.test(text),
    flowCollectionPadding: !/[{[][^\s\]}]/.test(text),
  };
}

function change(document: Document, path: Path, before: unknown, next: unknown): void {
  if (equal(before, next)) return;
  if (isRecord(before) && isRecord(next)) {
    for (const key of Object.keys(before)) if (!(key in next)) document.deleteIn([...path, key]);
    for (const [key, value] of Object.entries(next)) {
      if (value !== undefined) change(document, [...path, key], before[key], value);
    }
    return;
  }
  if (Array.isArray(before) && Array.isArray(next) && before.length === next.length) {
    for (const [index, value] of next.entries()) change(document, [...path, index], before[index], value);
    return;
  }
  if (Array.isArray(before) && Array.isArray(next) && isInsertedInFront(before, next)) {
    const node = document.getIn(path);
    if (isCollection(node)) {
      const added = next.slice(0, next.length - before.length).map((item) => document.createNode(item));
      node.items.unshift(...(added as never[]));
      return;
    }
  }
  document.setIn(path, document.createNode(next));
}

function isInsertedInFront(before: readonly unknown[], next: readonly unknown[]): boolean {
  const more = next.length - before.length;
  return more > 0 && before.every((item, index) => equal(item, next[index + more]));
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function equal(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((item, index) => equal(item, b[index]));
  if (!isRecord(a) || !isRecord(b)) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => key in b && equal(a[key], b[key]));
}
