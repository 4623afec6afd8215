/** Errors that end a command with a message for a person: what is wrong, then the way out. Anything else is a defect. */

/** Exit codes, documented by `tulle help`. `tulle run` ends with its program's code instead. */
export const EXIT = { ok: 0, failure: 1, usage: 2 } as const;

/** `message` says what is wrong in one line; each of `hints` is one line that says what to do about it. */
export class CliError extends Error {
  override name = "CliError";
  readonly hints: readonly string[];
  readonly exitCode: number;

  constructor(message: string, hints: readonly string[] = [], exitCode: number = EXIT.failure) {
    super(message);
    this.hints = hints;
    this.exitCode = exitCode;
  }
}

/** The command line itself is wrong. */
export class UsageError extends CliError {
  override name = "UsageError";

  constructor(message: string, hints: readonly string[] = []) {
    super(message, hints, EXIT.usage);
  }
}

/** An error's message, without the stack; for errors of the system, which say enough. */
export function reason(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reason(error.errors[0]);
  if (error instanceof Error) return error.cause instanceof Error ? reason(error.cause) : error.message;
  return String(error);
}
