/** The entry point: finds the command, parses its options, turns errors into messages and exit codes. */
import type { AnyCommand } from "./command.ts";
import { COMMANDS, PARTS } from "./commands/index.ts";
import { CliError, EXIT, UsageError } from "./errors.ts";
import { parseOptions } from "./options.ts";
import { nearest } from "./suggest.ts";
import { style } from "./terminal/style.ts";

/** Runs one command line (without `node` and the script) and ends the process with its exit code. */
export async function main(argv: readonly string[]): Promise<void> {
  process.stdout.on("error", endOnClosedPipe);
  process.stderr.on("error", endOnClosedPipe);
  let code: number;
  try {
    code = await dispatch(argv);
  } catch (error) {
    code = report(error);
  }
  await flushed(process.stdout);
  await flushed(process.stderr);
  process.exit(code);
}

async function dispatch(argv: readonly string[]): Promise<number> {
  const [name, ...rest] = argv;
  if (name === undefined) {
    process.stderr.write(await (await import("./help.ts")).overview());
    return EXIT.usage;
  }
  if (name === "help" || name === "--help" || name === "-h") return help(rest[0]);
  const command = await load(name === "--version" ? "version" : name);
  if (wantsHelp(rest)) return help(command.name);
  return run(command, rest);
}

async function run(command: AnyCommand, argv: readonly string[]): Promise<number> {
  try {
    const parsed = parseOptions(command.options, argv);
    checkPositionals(command, parsed.positionals, parsed.rest);
    return await command.run(parsed as never);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new UsageError(`${command.name}: ${error.message}`, [...error.hints, `See: tulle help ${command.name}`]);
  }
}

function checkPositionals(
  command: AnyCommand,
  positionals: readonly string[],
  rest: readonly string[] | undefined,
): void {
  const { min, max } = command.positionals ?? { min: 0, max: 0 };
  const usage = `Usage: tulle ${command.usage[0]}`;
  if (positionals.length > max) {
    if (command.takesProgram === true) {
      throw new UsageError(`${positionals[0]}: put -- before the program and its arguments`, [usage]);
    }
    throw new UsageError(`unexpected argument ${positionals[max]}`, [usage]);
  }
  if (positionals.length < min) throw new UsageError("an argument is missing", [usage]);
  if (rest !== undefined && command.takesProgram !== true) throw new UsageError("takes no -- and program", [usage]);
  if (command.takesProgram === true && (rest === undefined || rest.length === 0)) {
    throw new UsageError("no program given: put it after --", [usage]);
  }
}

async function load(name: string): Promise<AnyCommand> {
  const loader = [COMMANDS, PARTS].find((commands) => Object.hasOwn(commands, name))?.[name];
  if (loader !== undefined) return loader();
  const near = nearest(name, Object.keys(COMMANDS));
  const hints = near === undefined ? [] : [`Did you mean tulle ${near}?`];
  throw new UsageError(`unknown command ${name}`, [...hints, "All commands: tulle help"]);
}

async function help(name: string | undefined): Promise<number> {
  const { commandHelp, overview } = await import("./help.ts");
  process.stdout.write(name === undefined ? await overview() : commandHelp(await load(name)));
  return EXIT.ok;
}

function wantsHelp(argv: readonly string[]): boolean {
  const end = argv.indexOf("--");
  return (end === -1 ? argv : argv.slice(0, end)).some((argument) => argument === "--help" || argument === "-h");
}

function report(error: unknown): number {
  if (!(error instanceof CliError)) {
    console.error(error);
    return EXIT.failure;
  }
  process.stderr.write(`${style.bad("tulle:", process.stderr)} ${error.message}\n`);
  for (const hint of error.hints) process.stderr.write(`  ${hint}\n`);
  return error.exitCode;
}

/** `tulle get vs | head -1`: whoever reads has had enough. */
function endOnClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error;
  process.exit(EXIT.ok);
}

/** Output to a pipe is asynchronous, and process.exit would cut it off. */
function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => stream.write("", () => resolve()));
}
