/** What a command takes: its table of options is the one source of parsing, typing and help. */
import { parseDuration } from "@tulle/api/duration"; // not the whole: this is in every sidecar
import { parseArgs } from "node:util";
import { UsageError } from "./errors.ts";
import { nearest } from "./suggest.ts";

/** A host and a port, 0 where the system is to choose. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

interface OptionBase {
  /** One letter, used as `-n`. */
  readonly short?: string;
  /** One line for the help text. */
  readonly help: string;
}

interface FlagOption extends OptionBase {
  readonly type: "flag";
}

interface ValueOption<K extends string, V> extends OptionBase {
  readonly type: K;
  /** The placeholder in help texts, such as `DIR`. */
  readonly value: string;
  readonly default?: V;
  /** May be given more than once; the value is then a list. */
  readonly multiple?: boolean;
}

interface IntegerOption extends ValueOption<"integer", number> {
  readonly min?: number;
  readonly max?: number;
}

interface ChoiceOption extends ValueOption<"choice", string> {
  readonly choices: readonly string[];
}

/** A Go duration, as Istio and Kubernetes write them; its value is in milliseconds. */
type DurationOption = ValueOption<"duration", number>;
type StringOption = ValueOption<"string", string>;
type AddressOption = ValueOption<"address", Address>;

export type Option = FlagOption | StringOption | IntegerOption | DurationOption | AddressOption | ChoiceOption;
export type OptionTable = Readonly<Record<string, Option>>;

type ScalarOf<O extends Option> = O extends IntegerOption | DurationOption
  ? number
  : O extends AddressOption
    ? Address
    : O extends ChoiceOption
      ? O["choices"][number]
      : string;

type ValueOf<O extends Option> = O extends FlagOption
  ? boolean
  : O extends { readonly multiple: true }
    ? readonly ScalarOf<O>[]
    : O extends { readonly default: string | number | Address }
      ? ScalarOf<O>
      : ScalarOf<O> | undefined;

/** What a table of options parses to: one property an option, under its own name (`"log-level"` stays `"log-level"`). */
export type OptionValues<T extends OptionTable> = { readonly [K in keyof T]: ValueOf<T[K]> };

export interface ParsedArguments<T extends OptionTable> {
  readonly options: OptionValues<T>;
  readonly positionals: readonly string[];
  /** What followed `--`; undefined if there was no `--`. */
  readonly rest: readonly string[] | undefined;
}

/** Parses a command's arguments (without the command's name). Throws a UsageError that names the argument. */
export function parseOptions<const T extends OptionTable>(table: T, argv: readonly string[]): ParsedArguments<T> {
  const end = argv.indexOf("--");
  const { tokens } = parseArgs({
    args: end === -1 ? [...argv] : argv.slice(0, end),
    options: Object.fromEntries(Object.entries(table).map(([name, option]) => [name, nativeOption(option)])),
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const values: Record<string, unknown> = {};
  for (const [name, option] of Object.entries(table)) {
    if (option.type === "flag") values[name] = false;
    else if (option.multiple === true) values[name] = [];
    else values[name] = option.default;
  }
  const given = new Set<string>();
  const positionals: string[] = [];
  for (const token of tokens) {
    if (token.kind === "positional") positionals.push(token.value);
    if (token.kind !== "option") continue;
    const option = Object.hasOwn(table, token.name) ? table[token.name] : undefined;
    if (option === undefined) throw unknownOption(token.rawName, table);
    if (option.type === "flag") {
      if (token.value !== undefined) throw new UsageError(`${token.rawName} takes no value`);
      values[token.name] = true;
      continue;
    }
    if (token.value === undefined || (token.value === "" && option.type !== "string")) {
      throw new UsageError(`${token.rawName} needs a value: ${token.rawName} ${option.value}`);
    }
    const value = parseValue(token.rawName, option, token.value);
    if (option.multiple === true) {
      values[token.name] = [...(given.has(token.name) ? (values[token.name] as unknown[]) : []), value];
    } else if (given.has(token.name)) {
      throw new UsageError(`${token.rawName} is given twice`);
    } else {
      values[token.name] = value;
    }
    given.add(token.name);
  }
  return {
    options: values as OptionValues<T>,
    positionals,
    rest: end === -1 ? undefined : argv.slice(end + 1),
  };
}

function nativeOption(option: Option): { type: "boolean" | "string"; short?: string; multiple: boolean } {
  return {
    type: option.type === "flag" ? "boolean" : "string",
    ...(option.short === undefined ? {} : { short: option.short }),
    multiple: true,
  };
}

function unknownOption(rawName: string, table: OptionTable): UsageError {
  const near = rawName.startsWith("--") ? nearest(rawName.slice(2), Object.keys(table)) : undefined;
  return new UsageError(`unknown option ${rawName}`, near === undefined ? [] : [`Did you mean --${near}?`]);
}

function parseValue(name: string, option: Exclude<Option, FlagOption>, text: string): string | number | Address {
  if (option.type === "integer")
    return parseInteger(name, text, option.min ?? 0, option.max ?? Number.MAX_SAFE_INTEGER);
  if (option.type === "address") return parseAddress(name, text);
  if (option.type === "duration") return parsePositiveDuration(name, text);
  if (option.type === "choice" && !option.choices.includes(text)) {
    const near = nearest(text, option.choices);
    const hints = near === undefined ? [] : [`Did you mean ${near}?`];
    throw new UsageError(`${name} ${text}: not one of ${option.choices.join(", ")}`, hints);
  }
  return text;
}

function parseInteger(name: string, text: string, min: number, max: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  const range = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
  throw new UsageError(`${name} ${text}: not a whole number ${range}`);
}

function parsePositiveDuration(name: string, text: string): number {
  const ms = parseDuration(text);
  if (ms !== undefined && ms > 0) return ms;
  throw new UsageError(`${name} ${text}: not a duration`, ["Write a number with its unit, such as 90s, 30m, 24h."]);
}

/** `HOST:PORT`, `[IPv6]:PORT`; the host may be left out (`:8080` is 127.0.0.1). Throws a UsageError naming `name`. */
export function parseAddress(name: string, text: string): Address {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535) {
    throw new UsageError(`${name} ${text}: not an address`, [
      `Write HOST:PORT, such as 127.0.0.1:15010; port 0 takes a free one.`,
    ]);
  }
  return { host: match[1] ?? (match[2] === "" ? "127.0.0.1" : match[2]!), port };
}

export function formatAddress({ host, port }: Address): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** `NAME=VALUE` options, such as labels, as a record. */
export function parsePairs(name: string, pairs: readonly string[]): Record<string, string> {
  const record: Record<string, string> = {};
  for (const pair of pairs) {
    const at = pair.indexOf("=");
    if (at <= 0) throw new UsageError(`${name} ${pair}: not of the form NAME=VALUE`);
    record[pair.slice(0, at)] = pair.slice(at + 1);
  }
  return record;
}
