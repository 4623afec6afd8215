/** Compiled formats: what access logs, header values and local replies are written with. Envoy `source/common/formatter/substitution_formatter.cc`. */
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { bytesOf } from "./byte-text.ts";
import type { Place } from "../problems.ts";
import { type Command, FormatError, parseFormat } from "./command.ts";
import { compileCommand } from "./commands.ts";
import { escapeJson, jsonOf, jsonString, sortedEntries } from "./json-text.ts";
import { type Operator, jsonFrom, textFrom } from "./operator.ts";
import type { StreamInfo } from "./stream-info.ts";

export interface Format {
  /** One character a byte. */
  format(stream: StreamInfo): string;
}

export interface FormatOptions {
  /** What has no value is left out, instead of `-` in text and null in JSON. */
  readonly omitEmpty: boolean;
  /** Message types of `formatters`. */
  readonly extensions: ReadonlySet<string>;
}

/** Runs a compiler; what it does not like about a format is refused at `place`, and `otherwise` given. */
export function refuseFormatErrors<T>(place: Place, otherwise: T, compile: () => T): T {
  try {
    return compile();
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    place.refuse(error.message);
    return otherwise;
  }
}

/** Literals and operators by turns: operator i stands between literals i and i + 1. */
class TextFormat implements Format {
  private readonly literals: readonly string[];
  private readonly operators: readonly Operator[];
  private readonly absent: string;

  constructor(parts: readonly (string | Command)[], options: FormatOptions) {
    const literals = [""];
    const operators: Operator[] = [];
    for (const part of parts) {
      if (typeof part === "string") literals[literals.length - 1] += part;
      else {
        operators.push(compileCommand(part, options.extensions));
        literals.push("");
      }
    }
    this.literals = literals;
    this.operators = operators;
    this.absent = options.omitEmpty ? "" : "-";
  }

  format(stream: StreamInfo): string {
    const { literals, operators, absent } = this;
    let text = literals[0];
    for (let i = 0; i < operators.length; i++) text += (textFrom(operators[i], stream) ?? absent) + literals[i + 1];
    return text;
  }
}

/** Throws FormatError. @param text one character a byte */
export function compileTextFormat(text: string, options: FormatOptions): Format {
  return new TextFormat(parseFormat(text), options);
}

/** The operator of a text that is one command and nothing else. Throws FormatError. */
export function soleCommand(text: string): Operator {
  const [part, ...more] = parseFormat(text);
  if (typeof part !== "object" || more.length > 0) {
    throw new FormatError("hits_addend format should contain exactly one substitution command");
  }
  return compileCommand(part, new Set());
}

/** The literal that a text is when it has no commands, null if it has some. Throws FormatError. */
export function literalOf(text: string): string | null {
  const [part, ...more] = parseFormat(text);
  return typeof part === "string" && more.length === 0 ? part : null;
}

/** Throws FormatError. Lines end with a line feed. */
export function compileJsonFormat(template: JsonObject, options: FormatOptions): Format {
  return new JsonFormat(compileValue(template, options));
}

/** A part of a JSON document: its text, or undefined where there is nothing and nothing is to be written. */
type JsonPart = (stream: StreamInfo) => string | undefined;

class JsonFormat implements Format {
  private readonly part: JsonPart;

  constructor(part: JsonPart) {
    this.part = part;
  }

  format(stream: StreamInfo): string {
    return `${this.part(stream) ?? "{}"}\n`;
  }
}

function compileValue(template: JsonValue, options: FormatOptions): JsonPart {
  if (typeof template === "string") return compileString(template, options);
  if (Array.isArray(template)) return compileList(template, options);
  if (typeof template === "object" && template !== null) return compileObject(template, options);
  return constant(template === null && options.omitEmpty ? undefined : jsonOf(template));
}

function constant(text: string | undefined): JsonPart {
  return () => text;
}

/** One command alone keeps its type; with others or with text around it is a string. */
function compileString(template: string, { omitEmpty, extensions }: FormatOptions): JsonPart {
  const parts = parseFormat(bytesOf(template));
  const [first] = parts;
  if (parts.length === 1) {
    if (typeof first === "string") return constant(jsonString(first));
    const operator = compileCommand(first, extensions);
    return omitEmpty ? (stream) => jsonFrom(operator, stream) : (stream) => jsonFrom(operator, stream) ?? "null";
  }
  const pieces = parts.map((part) => (typeof part === "string" ? escapeJson(part) : compileCommand(part, extensions)));
  const absent = omitEmpty ? "" : "-";
  return (stream) => {
    let text = '"';
    for (const piece of pieces) {
      if (typeof piece === "string") text += piece;
      else {
        const value = textFrom(piece, stream);
        text += value === undefined ? absent : escapeJson(value);
      }
    }
    return `${text}"`;
  };
}

function compileList(template: readonly JsonValue[], options: FormatOptions): JsonPart {
  const parts = template.map((item) => compileValue(item, options));
  return (stream) => {
    let text = "";
    for (const part of parts) {
      const value = part(stream);
      if (value !== undefined) text += text === "" ? value : `,${value}`;
    }
    return `[${text}]`;
  };
}

/** Keys are sorted. Where empty values are left out, so is an object of which nothing is left. */
function compileObject(template: JsonObject, options: FormatOptions): JsonPart {
  const { omitEmpty } = options;
  const entries = sortedEntries(template).map(([key, value]) => {
    const first = `{${jsonString(bytesOf(key))}:`;
    return { first, next: `,${first.slice(1)}`, part: compileValue(value, options) };
  });
  const empty = omitEmpty ? undefined : "{}";
  return (stream) => {
    let text = "";
    for (const { first, next, part } of entries) {
      const value = part(stream);
      if (value !== undefined) text += (text === "" ? first : next) + value;
    }
    return text === "" ? empty : text + "}";
  };
}
