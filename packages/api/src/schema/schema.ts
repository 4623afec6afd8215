/**
 * The schema language every kind is written in. A schema is a plain object; its TypeScript type is inferred from it
 * (`Infer<typeof virtualServiceSpec>`), so the type a reader sees and the check a manifest gets cannot drift apart.
 */
import type { Format } from "./format.ts";

/** Carries the inferred type; never present at run time. */
declare const inferred: unique symbol;
export interface Typed<T> {
  readonly [inferred]?: T;
}

interface FieldRules {
  /** Absence is an error. */
  readonly required?: boolean;
  /** Filled in when the field is absent. */
  readonly defaultValue?: unknown;
  /** What to write instead; using the field gives a warning. */
  readonly deprecated?: string;
}

export interface ObjectSchema extends FieldRules {
  readonly type: "object";
  readonly fields: Readonly<Record<string, AnySchema>>;
  /** Groups of fields of which at most one may be set (protobuf oneof). */
  readonly oneOf: readonly (readonly string[])[];
  /** Groups of fields of which exactly one must be set. */
  readonly exactlyOne: readonly (readonly string[])[];
  /** Fields that are not listed are kept as they are: parts of Kubernetes kinds that a mesh does not read. */
  readonly open: boolean;
}
export interface ListSchema extends FieldRules {
  readonly type: "list";
  readonly item: AnySchema;
  readonly min: number;
  readonly max: number;
}
export interface MapSchema extends FieldRules {
  readonly type: "map";
  readonly value: AnySchema;
  readonly key: Format | undefined;
}
export interface StringSchema extends FieldRules {
  readonly type: "string";
  readonly format: Format | undefined;
}
export interface NumberSchema extends FieldRules {
  readonly type: "number";
  readonly integer: boolean;
  readonly min: number;
  readonly max: number;
}
export interface BooleanSchema extends FieldRules {
  readonly type: "boolean";
}
export interface EnumSchema extends FieldRules {
  readonly type: "enum";
  readonly values: readonly string[];
  /** Old values that still work, with the one to use instead. */
  readonly deprecatedValues: Readonly<Record<string, string>>;
}
export interface DurationSchema extends FieldRules {
  readonly type: "duration";
  /** Smallest accepted duration in milliseconds. */
  readonly minMs: number;
}
export interface RegexSchema extends FieldRules {
  readonly type: "regex";
  /** Text that is accepted though it is no regular expression. */
  readonly except: string | undefined;
}
export interface IntOrStringSchema extends FieldRules {
  readonly type: "intOrString";
}
export interface OpaqueSchema extends FieldRules {
  readonly type: "opaque";
}

export type AnySchema =
  | ObjectSchema
  | ListSchema
  | MapSchema
  | StringSchema
  | NumberSchema
  | BooleanSchema
  | EnumSchema
  | DurationSchema
  | RegexSchema
  | IntOrStringSchema
  | OpaqueSchema;

/** The TypeScript type of the values a schema accepts. */
export type Infer<S> = S extends Typed<infer T> ? T : never;

type Fields = Readonly<Record<string, AnySchema>>;
type RequiredKeys<F> = { [K in keyof F]: F[K] extends { readonly required: true } ? K : never }[keyof F];
/** The object type for a set of fields: required and defaulted fields are always there, the others may be absent. */
export type ObjectOf<F> = {
  readonly [K in keyof F as K extends RequiredKeys<F> ? K : never]: Infer<F[K]>;
} & {
  readonly [K in keyof F as K extends RequiredKeys<F> ? never : K]?: Infer<F[K]>;
};
type Flat<T> = { [K in keyof T]: T[K] };

interface ObjectRules<F> {
  readonly oneOf?: readonly (readonly (keyof F & string)[])[];
  readonly exactlyOne?: readonly (readonly (keyof F & string)[])[];
  readonly open?: boolean;
}

export function object<const F extends Fields>(
  fields: F,
  rules: ObjectRules<F> = {},
): ObjectSchema & { readonly fields: F } & Typed<Flat<ObjectOf<F>>> {
  const { oneOf = [], exactlyOne = [], open = false } = rules;
  return { type: "object", fields, oneOf, exactlyOne, open };
}

/** An object of which only the listed fields are read; the others are kept untouched. */
export function openObject<const F extends Fields>(
  fields: F,
): ObjectSchema & { readonly fields: F } & Typed<Flat<ObjectOf<F>>> {
  return object(fields, { open: true });
}

export function list<S extends AnySchema>(
  item: S,
  bounds: { readonly min?: number; readonly max?: number } = {},
): ListSchema & Typed<readonly Infer<S>[]> {
  return { type: "list", item, min: bounds.min ?? 0, max: bounds.max ?? Number.POSITIVE_INFINITY };
}

/** A map with string keys (YAML integers as keys become strings). */
export function map<S extends AnySchema>(
  value: S,
  key?: Format,
): MapSchema & Typed<Readonly<Record<string, Infer<S>>>> {
  return { type: "map", value, key };
}

export function string(format?: Format): StringSchema & Typed<string> {
  return { type: "string", format };
}

export function integer(bounds: { readonly min?: number; readonly max?: number } = {}): NumberSchema & Typed<number> {
  return { type: "number", integer: true, min: bounds.min ?? -2147483648, max: bounds.max ?? 2147483647 };
}

export function number(bounds: { readonly min?: number; readonly max?: number } = {}): NumberSchema & Typed<number> {
  const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY } = bounds;
  return { type: "number", integer: false, min, max };
}

export function boolean(): BooleanSchema & Typed<boolean> {
  return { type: "boolean" };
}

export function enumOf<const V extends string, const D extends string = never>(
  values: readonly V[],
  deprecatedValues?: Readonly<Record<D, string>>,
): EnumSchema & Typed<V | D> {
  return { type: "enum", values, deprecatedValues: deprecatedValues ?? {} };
}

/** A Go duration (`1.5s`, `1h2m`, `100ms`), kept as text: read it with `parseDuration`. */
export function duration(bounds: { readonly minMs?: number } = {}): DurationSchema & Typed<string> {
  return { type: "duration", minMs: bounds.minMs ?? 0 };
}

/** A regular expression in RE2 syntax, as Envoy takes it. */
export function regex(options: { readonly except?: string } = {}): RegexSchema & Typed<string> {
  return { type: "regex", except: options.except };
}

/** Kubernetes' IntOrString. */
export function intOrString(): IntOrStringSchema & Typed<number | string> {
  return { type: "intOrString" };
}

/** Anything; not looked at. */
export function opaque(): OpaqueSchema & Typed<unknown> {
  return { type: "opaque" };
}

export function required<S extends AnySchema>(schema: S): S & { readonly required: true } {
  return { ...schema, required: true };
}

export function withDefault<S extends AnySchema>(schema: S, defaultValue: Infer<S>): S & { readonly required: true } {
  return Object.assign({}, schema, { required: true, defaultValue } as const);
}

/** A field that still works, with a warning. `instead` completes "deprecated, …". */
export function deprecated<S extends AnySchema>(schema: S, instead: string): S {
  return { ...schema, deprecated: instead };
}
