/** YAML and JSON text to checked objects and diagnostics with positions. */
import type { Diagnostic, DiagnosticCode, Path } from "../diagnostic.ts";
import { formatPath } from "../diagnostic.ts";
import type { Finding } from "../schema/check.ts";
import { composeAgain, readDocuments } from "./documents.ts";
import type { ComposedDocument, StreamDocument } from "./documents.ts";
import { DEFAULT_LIMITS } from "./limits.ts";
import type { ParseLimits } from "./limits.ts";
import { checkObject } from "./load-object.ts";
import type { Identity } from "./load-object.ts";
import { LineIndex } from "./lines.ts";
import type { LoadedObject, Position } from "./loaded-object.ts";
import { offsetOf } from "./locate.ts";
import { toPlain } from "./plain.ts";

export interface ParseResult {
  /** Objects without an error, in the order of the text; `kind: List` is unpacked. */
  readonly objects: readonly LoadedObject[];
  /** Everything that is wrong, in the order of the text. An object with an error is not in `objects`. */
  readonly diagnostics: readonly Diagnostic[];
}

const NOBODY: Identity = { kind: "", namespace: "", name: "" };

/**
 * Parses a stream of YAML documents, or JSON. `file` is only used in what is reported.
 *
 * Never throws: text of any kind gives diagnostics. A document that is broken does not keep the others from loading.
 */
export function parseYaml(text: string, file: string, limits: ParseLimits = DEFAULT_LIMITS): ParseResult {
  const reader = new Reader(text, file, limits);
  if (text.length > limits.maxLength) {
    const message = `has ${text.length} characters`;
    reader.report(NOBODY, "too-large", 0, message, `at most ${limits.maxLength}`);
  } else {
    reader.read();
  }
  return reader.result();
}

class Reader {
  readonly #text: string;
  readonly #file: string;
  readonly #limits: ParseLimits;
  readonly #lines: LineIndex;
  readonly #objects: LoadedObject[] = [];
  readonly #diagnostics: Diagnostic[] = [];
  #left: number;

  constructor(text: string, file: string, limits: ParseLimits) {
    this.#text = text;
    this.#lines = new LineIndex(text);
    this.#file = file;
    this.#limits = limits;
    this.#left = limits.maxDiagnostics;
  }

  result(): ParseResult {
    const diagnostics = this.#diagnostics.toSorted((a, b) => a.line - b.line || a.column - b.column);
    if (this.#left < 0) {
      const { line, column } = diagnostics.at(-1)!;
      const message = `${-this.#left} more problems are not shown`;
      const base = { severity: "error", code: "too-large", file: this.#file, line, column } as const;
      diagnostics.push({ ...base, ...NOBODY, field: "", message });
    }
    return { objects: this.#objects, diagnostics };
  }

  read(): void {
    for (const part of readDocuments(this.#text, this.#limits)) {
      for (const { offset, message } of part.problems) this.report(NOBODY, "yaml-syntax", offset, message);
      if (part.problems.length === 0 && part.document !== undefined) this.#readDocument(part, part.document);
    }
  }

  #readDocument(part: StreamDocument, document: ComposedDocument): void {
    const { value, problems } = toPlain(document.contents, this.#limits);
    for (const { code, offset, message, expected } of problems) this.report(NOBODY, code, offset, message, expected);
    // Empty documents are how generators end a stream.
    if (problems.length > 0 || value === null) return;
    const items = listItems(value);
    if (items === undefined) this.#readObject(value, [], part, document);
    else for (const [index, item] of items.entries()) this.#readObject(item, ["items", index], part, document);
  }

  #readObject(value: unknown, prefix: Path, part: StreamDocument, document: ComposedDocument): void {
    const { identity, findings, omitted, object, kindInfo } = checkObject(value);
    for (const finding of findings) {
      // Positions cost a search each.
      if (this.#left <= 0) {
        this.#left--;
        continue;
      }
      const path = [...prefix, ...finding.path];
      this.#add(identity, finding, this.#lines.position(offsetOf(document.contents, path, finding.atKey === true)));
    }
    this.#left -= omitted;
    if (object === undefined || kindInfo === undefined) return;
    const start = this.#lines.position(offsetOf(document.contents, prefix, false));
    const positionOf = this.#locator(part, prefix);
    this.#objects.push({ object, kindInfo, source: { file: this.#file, ...start }, positionOf });
  }

  /**
   * Positions are asked for rarely and syntax trees are large, so the tree is dropped and composed again on demand; it
   * stays as long as the garbage collector lets it.
   */
  #locator({ start, end }: StreamDocument, prefix: Path): LoadedObject["positionOf"] {
    let kept: WeakRef<ComposedDocument> | undefined;
    return (path) => {
      const document = kept?.deref() ?? composeAgain(this.#text.slice(start, end));
      if (document === undefined) return this.#lines.position(start);
      kept = new WeakRef(document);
      return this.#lines.position(start + offsetOf(document.contents, [...prefix, ...path], false));
    };
  }

  report(identity: Identity, code: DiagnosticCode, offset: number, message: string, expected?: string): void {
    const finding: Finding = { severity: "error", code, path: [], message };
    this.#add(identity, expected === undefined ? finding : { ...finding, expected }, this.#lines.position(offset));
  }

  #add(identity: Identity, { severity, code, path, message, expected }: Finding, position: Position): void {
    if (--this.#left < 0) return;
    const diagnostic = { severity, code, file: this.#file, ...position, ...identity, field: formatPath(path), message };
    this.#diagnostics.push(expected === undefined ? diagnostic : { ...diagnostic, expected });
  }
}

/** The items of `kind: List` (or `…List`, as an API server answers). */
function listItems(value: unknown): readonly unknown[] | undefined {
  if (typeof value !== "object" || value === null || !("kind" in value) || !("items" in value)) return undefined;
  const { kind, items } = value;
  return typeof kind === "string" && kind.endsWith("List") && Array.isArray(items) ? items : undefined;
}
