import { textOf } from "./byte-text.ts";
import { FormatError } from "./command.ts";
import { jsonString } from "./json-text.ts";
import type { Operator } from "./operator.ts";
import type { StreamInfo } from "./stream-info.ts";

/** Compiles `%COMMAND(PARAM):MAX_LENGTH%`; null if there is no such command. */
export type CommandCompiler = (command: string, param: string, maxLength: number | null) => Operator | null;

/** `{"operators": ["COMMAND", {"command": …, "param": …, "max_length": …}]}`: the first that has a value. Envoy `coalesce_formatter.cc`. */
export function coalesce(argument: string, length: number | null, compile: CommandCompiler): Operator {
  let config: unknown;
  try {
    config = JSON.parse(textOf(argument));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new FormatError(`COALESCE: failed to parse JSON configuration: ${reason}`);
  }
  if (!isObject(config) || config["operators"] === undefined) {
    throw new FormatError("COALESCE: JSON configuration must contain 'operators' array");
  }
  const { operators } = config;
  if (!Array.isArray(operators)) throw new FormatError("COALESCE: 'operators' must be an array");
  if (operators.length === 0) throw new FormatError("COALESCE: 'operators' array must not be empty");
  const compiled = operators.map((entry: unknown, i) => {
    try {
      return compileEntry(entry, compile);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      throw new FormatError(`COALESCE: failed to parse operator at index ${i}: ${error.message}`);
    }
  });
  return new Coalesce(compiled, length);
}

function compileEntry(entry: unknown, compile: CommandCompiler): Operator {
  if (typeof entry === "string") return known(entry, compile(entry, "", null));
  if (!isObject(entry)) {
    throw new FormatError("operator entry must be either a string (command name) or an object with 'command' field");
  }
  const { command, param = "", max_length: maxLength } = entry;
  if (typeof command !== "string") throw new FormatError("operator object must have 'command' field");
  if (typeof param !== "string") throw new FormatError("'param' field must be a string");
  if (maxLength !== undefined && !Number.isInteger(maxLength)) {
    throw new FormatError("'max_length' field must be an integer");
  }
  if (typeof maxLength === "number" && maxLength <= 0) throw new FormatError("'max_length' must be a positive integer");
  return known(command, compile(command, param, typeof maxLength === "number" ? maxLength : null));
}

function known(command: string, operator: Operator | null): Operator {
  if (operator === null) throw new FormatError(`unknown command: '${command}'`);
  return operator;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

class Coalesce implements Operator {
  private readonly operators: readonly Operator[];
  private readonly length: number | null;

  constructor(operators: readonly Operator[], length: number | null) {
    this.operators = operators;
    this.length = length;
  }

  text(stream: StreamInfo): string | undefined {
    for (const operator of this.operators) {
      const text = operator.text(stream);
      if (text !== undefined) return this.length === null ? text : text.slice(0, this.length);
    }
    return undefined;
  }

  json(stream: StreamInfo): string | undefined {
    for (const operator of this.operators) {
      const json = operator.json(stream);
      if (json === undefined) continue;
      // Only texts are cut.
      return this.length === null || json[0] !== '"'
        ? json
        : jsonString((operator.text(stream) ?? "").slice(0, this.length));
    }
    return undefined;
  }
}
