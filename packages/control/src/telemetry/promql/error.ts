/** Why a query has no answer, in Prometheus' words wherever it has some. */

/** Prometheus' `errorType`. */
export type ErrorType = "bad_data" | "execution" | "timeout";

export class PromqlError extends Error {
  readonly type: ErrorType;

  constructor(type: ErrorType, message: string, options?: ErrorOptions) {
    super(message, options);
    this.type = type;
  }
}

/** The text of a query is not one. */
export class ParseError extends PromqlError {}

/** An error in the text of a query, at an offset in it: Prometheus' `1:5: parse error: …`. */
export function parseError(text: string, offset: number, message: string, cause?: unknown): ParseError {
  const before = text.slice(0, offset);
  const line = before.split("\n").length;
  const column = offset - before.lastIndexOf("\n");
  return new ParseError("bad_data", `${line}:${column}: parse error: ${message}`, { cause });
}

export function executionError(message: string, cause?: unknown): PromqlError {
  return new PromqlError("execution", message, { cause });
}
