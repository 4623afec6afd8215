/** A YAML or JSON stream cut into documents, each composed by itself so that a broken one spoils no other. */
import { Composer, Parser } from "yaml";
import type { CST, Document, ParsedNode } from "yaml";
import type { ParseLimits } from "./limits.ts";

export type ComposedDocument = Document.Parsed<ParsedNode, boolean>;

/** Where in the text something is wrong. */
interface SyntaxProblem {
  readonly offset: number;
  readonly message: string;
}

/** One document of a stream: composed, or what kept it from being so. */
export interface StreamDocument {
  readonly document: ComposedDocument | undefined;
  readonly problems: readonly SyntaxProblem[];
  /** The document's part of the text. */
  readonly start: number;
  readonly end: number;
}

/** Uniqueness of keys is checked when values are read: `yaml`'s own check takes quadratic time. */
const COMPOSE = { uniqueKeys: false, prettyErrors: false, version: "1.2" } as const;

/** @throws nothing: whatever the text is, problems come back as documents that have them. */
export function readDocuments(text: string, limits: ParseLimits): readonly StreamDocument[] {
  const documents: StreamDocument[] = [];
  const composer = new Composer<ParsedNode, boolean>(COMPOSE);
  let start = 0;
  const add = (composed: Iterable<Document.Parsed<ParsedNode, boolean>>, end: number): void => {
    for (const document of composed) {
      const findings = [...document.errors, ...document.warnings];
      const problems = findings.map(({ pos, message }) => ({ offset: pos[0], message }));
      documents.push({ document, problems, start, end });
      start = end;
    }
  };
  let position = 0;
  try {
    for (const token of new Parser().parse(text)) {
      if ("offset" in token) position = token.offset;
      const tooDeep = nestedTooDeeply(token, limits.maxDepth);
      if (tooDeep !== undefined) {
        const message = `is nested more than ${limits.maxDepth} levels deep`;
        documents.push({ document: undefined, problems: [{ offset: tooDeep, message }], start, end: position });
        continue;
      }
      // A finished document comes out when the next one begins; a document token's offset is where that is.
      add(composer.next(token), position);
    }
    add(composer.end(), text.length);
  } catch (error) {
    // The parser recurses once for each level that a line closes: hostile nesting exhausts the stack.
    const reason = error instanceof RangeError ? "is nested too deeply" : `cannot be read: ${messageOf(error)}`;
    documents.push({ document: undefined, problems: [{ offset: position, message: reason }], start, end: text.length });
  }
  return documents;
}

/** A document by itself, composed again to find positions in it. */
export function composeAgain(text: string): ComposedDocument | undefined {
  const composer = new Composer<ParsedNode, boolean>(COMPOSE);
  for (const token of new Parser().parse(text)) for (const document of composer.next(token)) return document;
  for (const document of composer.end()) return document;
  return undefined;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Offset of the first collection below `limit` levels, found without recursion. */
function nestedTooDeeply(root: CST.Token, limit: number): number | undefined {
  if (root.type !== "document" || root.value === undefined) return undefined;
  const stack: { readonly token: CST.Token; readonly depth: number }[] = [{ token: root.value, depth: 1 }];
  for (let entry = stack.pop(); entry !== undefined; entry = stack.pop()) {
    const { token, depth } = entry;
    if (!("items" in token)) continue;
    if (depth > limit) return token.offset;
    for (const item of token.items) {
      if ("key" in item && item.key) stack.push({ token: item.key, depth: depth + 1 });
      if (item.value) stack.push({ token: item.value, depth: depth + 1 });
    }
  }
  return undefined;
}
