/**
 * Envoy's runtime: values by key, in layers of which the last one that has a key wins, by which parts of a configuration may be overridden. The
 * plan holds refs, so that a request pays nothing for a value that can change. Envoy `source/common/runtime/runtime_impl.cc`.
 */
import type { JsonValue } from "@bufbuild/protobuf";

/** A share of requests as it is now. */
export interface RuntimeFraction {
  readonly numerator: number;
  readonly denominator: number;
  /** In [0, 1]. */
  readonly share: number;
  /** Not the configuration says so, but the runtime. */
  readonly overridden: boolean;
}

/** A number or a switch as it is now. */
export interface RuntimeRef<T> {
  readonly value: T;
}

/** What a configuration may refer to. */
export interface RuntimeValues {
  /** `key` "": nothing overrides it. */
  fraction(key: string, numerator: number, denominator: number): RuntimeFraction;
  /** A whole number, 0 or more. */
  integer(key: string, byDefault: number): RuntimeRef<number>;
  number(key: string, byDefault: number): RuntimeRef<number>;
  flag(key: string, byDefault: boolean): RuntimeRef<boolean>;
}

/** A value of a layer, as far as it is of each kind. */
interface Entry {
  readonly text: string;
  readonly number: number | undefined;
  readonly flag: boolean | undefined;
  readonly fraction: { readonly numerator: number; readonly denominator: number } | undefined;
}

export interface RuntimeLayer {
  readonly name: string;
  readonly entries: Map<string, Entry>;
}

interface MutableFraction {
  numerator: number;
  denominator: number;
  share: number;
  overridden: boolean;
}

export class Runtime implements RuntimeValues {
  readonly layers: readonly RuntimeLayer[];
  /** The one that `/runtime_modify` writes to. */
  private readonly admin: RuntimeLayer | null;
  /** By kind, key and default: the same value is the same ref, whatever configuration it is in. */
  private readonly refs = new Map<string, { readonly ref: object; update(): void }>();
  /** How often the values have been read: at start-up, and at each change. */
  loads = 1;

  constructor(layers: readonly RuntimeLayer[], admin: RuntimeLayer | null) {
    this.layers = layers;
    this.admin = admin;
  }

  get adminOverrides(): number {
    return this.admin === null ? 0 : this.admin.entries.size;
  }

  /** False if there is no layer for it. "" takes a value back. */
  modify(values: Iterable<readonly [key: string, value: string]>): boolean {
    const { admin } = this;
    if (admin === null) return false;
    for (const [key, text] of values) {
      if (text === "") admin.entries.delete(key);
      else admin.entries.set(key, entryOf(plainValue(text), text));
    }
    this.loads++;
    for (const each of this.refs.values()) each.update();
    return true;
  }

  keys(): ReadonlySet<string> {
    return new Set(this.layers.flatMap(({ entries }) => [...entries.keys()]));
  }

  fraction(key: string, numerator: number, denominator: number): RuntimeFraction {
    return this.ref(`fraction ${key} ${numerator}/${denominator}`, () => {
      const ref: MutableFraction = { numerator, denominator, share: 0, overridden: false };
      const update = (): void => {
        const found = fractionIn(this.find(key));
        ref.numerator = found?.numerator ?? numerator;
        ref.denominator = found?.denominator ?? denominator;
        ref.share = Math.min(1, ref.numerator / ref.denominator);
        ref.overridden = found !== undefined;
      };
      return { ref, update };
    });
  }

  integer(key: string, byDefault: number): RuntimeRef<number> {
    return this.valueRef("integer", key, byDefault, unsigned);
  }

  number(key: string, byDefault: number): RuntimeRef<number> {
    return this.valueRef("number", key, byDefault, ({ number }) => number);
  }

  flag(key: string, byDefault: boolean): RuntimeRef<boolean> {
    return this.valueRef("flag", key, byDefault, ({ flag }) => flag);
  }

  private valueRef<T extends number | boolean>(
    kind: string,
    key: string,
    byDefault: T,
    read: (entry: Entry) => T | undefined,
  ): RuntimeRef<T> {
    return this.ref(`${kind} ${key} ${byDefault}`, () => {
      const ref = { value: byDefault };
      const update = (): void => {
        const entry = this.find(key);
        ref.value = (entry === undefined ? undefined : read(entry)) ?? byDefault;
      };
      return { ref, update };
    });
  }

  private ref<T extends object>(name: string, make: () => { readonly ref: T; update(): void }): T {
    let known = this.refs.get(name);
    if (known === undefined) {
      known = make();
      known.update();
      this.refs.set(name, known);
    }
    return known.ref as T;
  }

  private find(key: string): Entry | undefined {
    return key === "" ? undefined : this.layers.findLast(({ entries }) => entries.has(key))?.entries.get(key);
  }
}

/** What comes after the point is cut off. */
function unsigned({ number }: Entry): number | undefined {
  return number !== undefined && number >= 0 ? Math.trunc(number) : undefined;
}

/** A whole number is a percentage, and more than 100 is everything. */
function fractionIn(entry: Entry | undefined): Entry["fraction"] {
  if (entry === undefined || entry.fraction !== undefined) return entry?.fraction;
  const percent = unsigned(entry);
  return percent === undefined ? undefined : { numerator: Math.min(percent, 100), denominator: 100 };
}

const DENOMINATORS: Readonly<Record<string, number>> = { HUNDRED: 100, TEN_THOUSAND: 10_000, MILLION: 1_000_000 };

/** @param text as it was written, where that is to be shown */
export function entryOf(value: JsonValue, text = typeof value === "string" ? value : JSON.stringify(value)): Entry {
  return {
    text,
    number: typeof value === "number" ? value : typeof value === "string" ? numberIn(value) : undefined,
    flag: typeof value === "boolean" ? value : typeof value === "string" ? flagIn(value) : undefined,
    fraction: isFraction(value) ? percentOf(value) : undefined,
  };
}

/** A structure of that form, or an empty one, is one value, not a value for each of its fields. */
export function isFraction(value: JsonValue): value is { [key: string]: JsonValue } {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return "numerator" in value || "denominator" in value || Object.keys(value).length === 0;
}

function numberIn(text: string): number | undefined {
  return /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text) ? Number(text) : undefined;
}

function flagIn(text: string): boolean | undefined {
  if (/^true$/i.test(text)) return true;
  return /^false$/i.test(text) ? false : undefined;
}

function percentOf(value: { [key: string]: JsonValue }): Entry["fraction"] {
  const { numerator = 0, denominator = "HUNDRED", ...others } = value;
  const per = typeof denominator === "string" ? DENOMINATORS[denominator] : undefined;
  return typeof numerator === "number" && per !== undefined && Object.keys(others).length === 0
    ? { numerator, denominator: per }
    : undefined;
}

/** What `/runtime_modify` is given, read as YAML. */
function plainValue(text: string): JsonValue {
  const fraction = /^\{\s*numerator:\s*(\d+)\s*(?:,\s*denominator:\s*([A-Z_]+)\s*)?\}$/.exec(text);
  return fraction === null ? text : { numerator: Number(fraction[1]), denominator: fraction[2] ?? "HUNDRED" };
}

/** Nothing overrides anything. */
export const NO_RUNTIME: RuntimeValues = {
  fraction: (_, numerator, denominator) => ({
    numerator,
    denominator,
    share: Math.min(1, numerator / denominator),
    overridden: false,
  }),
  integer: (_, value) => ({ value }),
  number: (_, value) => ({ value }),
  flag: (_, value) => ({ value }),
};
