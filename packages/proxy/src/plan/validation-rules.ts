/**
 * The constraints that Envoy's protos carry (protoc-gen-validate, `validate/validate.proto`), evaluated from the descriptors:
 * what Envoy refuses when it loads a configuration is refused here with the same words.
 */
import { type DescField, type DescOneof, type Message, getOption, hasOption, isFieldSet } from "@bufbuild/protobuf";
import { timestampDate, type Duration, type Timestamp } from "@bufbuild/protobuf/wkt";
import {
  DurationRulesSchema,
  EnumRulesSchema,
  KnownRegex,
  MapRulesSchema,
  RepeatedRulesSchema,
  StringRulesSchema,
  BytesRulesSchema,
  required,
  rules,
  type FieldRules,
  type StringRules,
} from "@tulle/xds/gen/validate/validate_pb.js";

/** Says what is wrong with a value; null if nothing is. */
export type Rule = (value: unknown) => string | null;

export interface FieldValidation {
  /** The field must be set (messages, Any, Duration). */
  readonly required: boolean;
  /** On the whole field: a scalar, a list's length, a map's size. Null if there is nothing to check. */
  readonly whole: Rule | null;
  /** On each item of a list, or each key of a map. */
  readonly item: Rule | null;
  /** On each value of a map. */
  readonly mapValue: Rule | null;
}

const NOTHING: FieldValidation = { required: false, whole: null, item: null, mapValue: null };

export function oneofRequired(oneof: DescOneof): boolean {
  return hasOption(oneof, required) && getOption(oneof, required);
}

export function fieldValidation(field: DescField): FieldValidation {
  if (!hasOption(field, rules)) return NOTHING;
  const option = getOption(field, rules);
  const mustBeSet =
    (option.message?.required ?? false) ||
    ((option.type.case === "any" || option.type.case === "duration" || option.type.case === "timestamp") &&
      option.type.value.required);
  if (option.type.case === "repeated") {
    const list = option.type.value;
    return {
      required: mustBeSet,
      whole: listRule(
        list.minItems,
        list.maxItems,
        list.unique,
        list.ignoreEmpty,
        isFieldSet(list, RepeatedRulesSchema.field.maxItems),
      ),
      item: list.items === undefined ? null : valueRule(list.items, field),
      mapValue: null,
    };
  }
  if (option.type.case === "map") {
    const map = option.type.value;
    return {
      required: mustBeSet,
      whole: mapRule(map.minPairs, map.maxPairs, isFieldSet(map, MapRulesSchema.field.maxPairs)),
      item: map.keys === undefined ? null : valueRule(map.keys, field),
      mapValue: map.values === undefined ? null : valueRule(map.values, field),
    };
  }
  return { required: mustBeSet, whole: valueRule(option, field), item: null, mapValue: null };
}

function valueRule(option: FieldRules, field: DescField): Rule | null {
  const type = option.type;
  switch (type.case) {
    case "string":
      return stringRule(type.value);
    case "bytes": {
      const set = (name: "minLen" | "maxLen"): boolean => isFieldSet(type.value, BytesRulesSchema.field[name]);
      const { minLen, maxLen, ignoreEmpty } = type.value;
      const low = set("minLen");
      const high = set("maxLen");
      return (value) => {
        const length = (value as Uint8Array).length;
        if (ignoreEmpty && length === 0) return null;
        if (low && length < minLen) return `value length must be at least ${minLen} bytes`;
        return high && length > maxLen ? `value length must be at most ${maxLen} bytes` : null;
      };
    }
    case "enum": {
      const { definedOnly, notIn, in: allowed, const: only } = type.value;
      const isConst = isFieldSet(type.value, EnumRulesSchema.field.const);
      return (value) => {
        const number = value as number;
        if (isConst && number !== only) return `value must equal ${only}`;
        if (definedOnly && field.enum !== undefined && field.enum.value[number] === undefined) {
          return "value must be one of the defined enum values";
        }
        if (notIn.includes(number)) return `value must not be in list [${notIn.join(", ")}]`;
        return allowed.length > 0 && !allowed.includes(number) ? `value must be in list [${allowed.join(", ")}]` : null;
      };
    }
    case "bool": {
      const only = type.value.const;
      return (value) => (value === only ? null : `value must equal ${only}`);
    }
    case "duration": {
      const bounds = type.value;
      const set = (name: "lt" | "lte" | "gt" | "gte"): number | null =>
        isFieldSet(bounds, DurationRulesSchema.field[name]) ? nanos(bounds[name]!) : null;
      return boundsRule(set("lt"), set("lte"), set("gt"), set("gte"), (value) => nanos(value as Duration), formatNanos);
    }
    case "any": {
      const { in: allowed, notIn } = type.value;
      return (value) => {
        const { typeUrl } = value as { typeUrl: string };
        if (notIn.includes(typeUrl)) return `type URL must not be in list [${notIn.join(", ")}]`;
        return allowed.length > 0 && !allowed.includes(typeUrl)
          ? `type URL must be in list [${allowed.join(", ")}]`
          : null;
      };
    }
    case "timestamp":
      return (value) =>
        Number.isNaN(timestampDate(value as Timestamp).getTime()) ? "value is not a valid time" : null;
    case "float":
    case "double":
    case "int32":
    case "int64":
    case "uint32":
    case "uint64":
    case "sint32":
    case "sint64":
    case "fixed32":
    case "fixed64":
    case "sfixed32":
    case "sfixed64":
      return numberRule(type.value);
    default:
      return null;
  }
}

/** The numeric rules all have the same shape; the fields are told apart by name. */
function numberRule(rule: Message & { in: readonly (number | bigint)[]; notIn: readonly (number | bigint)[] }): Rule {
  const bound = (name: "lt" | "lte" | "gt" | "gte" | "const"): number | null => {
    const value: unknown = Object.hasOwn(rule, name) ? Reflect.get(rule, name) : undefined;
    return value === undefined ? null : Number(value);
  };
  const only = bound("const");
  const allowed = rule.in.map(Number);
  const forbidden = rule.notIn.map(Number);
  const ignoreEmpty = Object.hasOwn(rule, "ignoreEmpty") && Reflect.get(rule, "ignoreEmpty") === true;
  const range = boundsRule(bound("lt"), bound("lte"), bound("gt"), bound("gte"), Number, String);
  return (value) => {
    const number = Number(value);
    if (ignoreEmpty && number === 0) return null;
    if (only !== null && number !== only) return `value must equal ${only}`;
    if (allowed.length > 0 && !allowed.includes(number)) return `value must be in list [${allowed.join(", ")}]`;
    if (forbidden.includes(number)) return `value must not be in list [${forbidden.join(", ")}]`;
    return range(value);
  };
}

function boundsRule(
  lt: number | null,
  lte: number | null,
  gt: number | null,
  gte: number | null,
  read: (value: unknown) => number,
  write: (bound: number) => string,
): Rule {
  const high = lt ?? lte;
  const low = gt ?? gte;
  if (high !== null && low !== null) {
    const text = `value must be inside range ${gt === null ? "[" : "("}${write(low)}, ${write(high)}${lt === null ? "]" : ")"}`;
    return (value) => {
      const number = read(value);
      const inside = (lt === null ? number <= high : number < high) && (gt === null ? number >= low : number > low);
      return inside ? null : text;
    };
  }
  if (lt !== null) return (value) => (read(value) < lt ? null : `value must be less than ${write(lt)}`);
  if (lte !== null) return (value) => (read(value) <= lte ? null : `value must be less than or equal to ${write(lte)}`);
  if (gt !== null) return (value) => (read(value) > gt ? null : `value must be greater than ${write(gt)}`);
  if (gte !== null)
    return (value) => (read(value) >= gte ? null : `value must be greater than or equal to ${write(gte)}`);
  return () => null;
}

function stringRule(rule: StringRules): Rule {
  const set = (name: keyof typeof StringRulesSchema.field): boolean => isFieldSet(rule, StringRulesSchema.field[name]);
  const checks: Rule[] = [];
  const check = (ok: (text: string) => boolean, message: string): void => {
    checks.push((value) => (ok(value as string) ? null : message));
  };
  if (set("minLen"))
    check((s) => codePoints(s) >= rule.minLen, `value length must be at least ${rule.minLen} characters`);
  if (set("maxLen"))
    check((s) => codePoints(s) <= rule.maxLen, `value length must be at most ${rule.maxLen} characters`);
  if (set("minBytes"))
    check((s) => Buffer.byteLength(s) >= rule.minBytes, `value length must be at least ${rule.minBytes} bytes`);
  if (set("maxBytes"))
    check((s) => Buffer.byteLength(s) <= rule.maxBytes, `value length must be at most ${rule.maxBytes} bytes`);
  if (set("const")) check((s) => s === rule.const, `value must equal ${rule.const}`);
  if (set("prefix")) check((s) => s.startsWith(rule.prefix), `value does not have prefix "${rule.prefix}"`);
  if (set("suffix")) check((s) => s.endsWith(rule.suffix), `value does not have suffix "${rule.suffix}"`);
  if (set("contains")) check((s) => s.includes(rule.contains), `value does not contain substring "${rule.contains}"`);
  if (set("pattern")) {
    const pattern = new RegExp(rule.pattern);
    check((s) => pattern.test(s), `value does not match regex pattern "${rule.pattern}"`);
  }
  if (rule.in.length > 0) check((s) => rule.in.includes(s), `value must be in list [${rule.in.join(", ")}]`);
  if (rule.notIn.length > 0)
    check((s) => !rule.notIn.includes(s), `value must not be in list [${rule.notIn.join(", ")}]`);
  if (rule.wellKnown.case === "wellKnownRegex") {
    const pattern = wellKnownPattern(rule.wellKnown.value, rule.strict);
    if (pattern !== null)
      check((s) => s === "" || pattern.test(s), `value does not match regex pattern ${JSON.stringify(pattern.source)}`);
  }
  return (value) => {
    if (rule.ignoreEmpty && value === "") return null;
    for (const rule of checks) {
      const problem = rule(value);
      if (problem !== null) return problem;
    }
    return null;
  };
}

/** Source of the patterns: protoc-gen-validate `templates/shared/well_known.go`. */
function wellKnownPattern(known: KnownRegex, strict: boolean): RegExp | null {
  // oxlint-disable-next-line no-control-regex
  if (!strict) return known === KnownRegex.UNKNOWN ? null : /^[^\u0000\r\n]*$/;
  if (known === KnownRegex.HTTP_HEADER_NAME) return /^:?[0-9a-zA-Z!#$%&'*+\-.^_|~`]+$/;
  // oxlint-disable-next-line no-control-regex
  if (known === KnownRegex.HTTP_HEADER_VALUE) return /^[^\u0000-\u0008\u000A-\u001F\u007F]*$/;
  return null;
}

function listRule(min: bigint, max: bigint, unique: boolean, ignoreEmpty: boolean, hasMax: boolean): Rule | null {
  if (min === 0n && !hasMax && !unique) return null;
  return (value) => {
    const list = value as readonly unknown[];
    if (ignoreEmpty && list.length === 0) return null;
    if (list.length < min) return `value must contain at least ${min} item(s)`;
    if (hasMax && list.length > max) return `value must contain no more than ${max} item(s)`;
    return unique && new Set(list).size !== list.length ? "repeated value must contain unique items" : null;
  };
}

function mapRule(min: bigint, max: bigint, hasMax: boolean): Rule | null {
  if (min === 0n && !hasMax) return null;
  return (value) => {
    const size = Object.keys(value as object).length;
    if (size < min) return `value must contain at least ${min} pair(s)`;
    return hasMax && size > max ? `value must contain no more than ${max} pair(s)` : null;
  };
}

function nanos(duration: Duration): number {
  return Number(duration.seconds) * 1e9 + duration.nanos;
}

/** As Envoy prints a bound: `0s`, `1ms`, `0.001s` is not used. */
function formatNanos(value: number): string {
  if (value % 1e9 === 0) return `${value / 1e9}s`;
  return value % 1e6 === 0 ? `${value / 1e6}ms` : `${value}ns`;
}

function codePoints(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}
