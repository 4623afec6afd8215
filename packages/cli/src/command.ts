/** The shape of a command: one file under commands/ exports one, and help texts are made from it. */
import type { OptionTable, OptionValues } from "./options.ts";

interface Example {
  readonly command: string;
  /** What it does, in a few words. */
  readonly does: string;
}

interface Invocation<T extends OptionTable> {
  readonly options: OptionValues<T>;
  readonly positionals: readonly string[];
  /** What followed `--`; undefined if there was no `--`. */
  readonly rest: readonly string[] | undefined;
}

export interface Command<T extends OptionTable = OptionTable> {
  readonly name: string;
  /** One line, for the list of commands. */
  readonly summary: string;
  /** The forms of the command line, without `tulle`, such as `get KIND [NAME] [options]`. */
  readonly usage: readonly string[];
  /** A paragraph or two for `tulle help <command>`. */
  readonly description: string;
  readonly examples: readonly Example[];
  readonly options: T;
  /** How many positional arguments it takes, at least and at most; default none. */
  readonly positionals?: { readonly min: number; readonly max: number };
  /** It takes a command after `--`. */
  readonly takesProgram?: boolean;
  /** Resolves with the exit code. Throws a CliError for what a person can mend. */
  readonly run: (invocation: Invocation<T>) => Promise<number>;
}

/** Checks a command against its own option table, so that `run` gets typed options. */
export function defineCommand<const T extends OptionTable>(command: Command<T>): Command<T> {
  return command;
}

/** A command whose options are known only to itself, as the dispatcher sees it. */
export type AnyCommand = Omit<Command, "run"> & { readonly run: (invocation: Invocation<never>) => Promise<number> };
