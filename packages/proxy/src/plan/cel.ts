/**
 * Expressions of the Common Expression Language about a stream, compiled to closures. An error is a value: what is not there, or of another
 * type than an operator wants, makes the whole an error, unless `||` or `&&` can do without it. Envoy `source/extensions/filters/common/expr`.
 */
import { type CelExpr, CelSyntaxError, parseCel, unsupportedCel } from "@tulle/telemetry/cel";
import { celAttribute } from "./cel-attributes.ts";
import { CelDuration, type CelMap, type CelValue } from "./cel-value.ts";
import type { StreamInfo } from "./format/stream-info.ts";
import type { Place } from "./problems.ts";
import { partialMatch } from "./regex.ts";

type Evaluate = (stream: StreamInfo) => CelValue;

/** True only where the expression says so: neither for errors nor for other values. */
export function compileCel(text: string, place: Place): (stream: StreamInfo) => boolean {
  const evaluate = compileAny(text, place, false);
  return (stream) => evaluate(stream) === true;
}

/** Its value as the value of a label; where it has none, `otherwise`. Unlike filters of access logs these may make texts (`string`, `+`), as Istio's may. */
export function compileCelText(text: string, otherwise: string, place: Place): (stream: StreamInfo) => string {
  const evaluate = compileAny(text, place, true);
  return (stream) => textOf(evaluate(stream)) ?? otherwise;
}

function compileAny(text: string, place: Place, makesTexts: boolean): Evaluate {
  try {
    const expr = parseCel(text);
    const missing = unsupportedCel(expr, makesTexts);
    if (missing === null) return compile(expr);
    place.refuse(`${missing} is not supported`);
  } catch (error) {
    if (!(error instanceof CelSyntaxError)) throw error;
    place.refuse(`at ${error.offset + 1}: ${error.message}`);
  }
  return () => undefined;
}

function textOf(value: CelValue): string | undefined {
  return typeof value === "string" ||
    typeof value === "bigint" ||
    typeof value === "number" ||
    typeof value === "boolean"
    ? String(value)
    : undefined;
}

function compile(expr: CelExpr): Evaluate {
  switch (expr.kind) {
    case "constant": {
      const { value } = expr;
      return () => value;
    }
    case "identifier":
      return () => undefined;
    case "select":
      return select(expr);
    case "index": {
      const [operand, index] = [compile(expr.operand), compile(expr.index)];
      return (stream) => at(operand(stream), index(stream));
    }
    case "list": {
      const items = expr.items.map(compile);
      return (stream) => items.map((item) => item(stream));
    }
    default:
      return call(expr.name, expr.target === null ? expr.args : [expr.target, ...expr.args], expr.target !== null);
  }
}

function select({ operand, field, test }: CelExpr & { kind: "select" }): Evaluate {
  if (operand.kind === "identifier") {
    const read = celAttribute(operand.name, field);
    return test ? (stream) => read(stream) !== undefined : read;
  }
  const of = compile(operand);
  return test
    ? (stream) => {
        const value = of(stream);
        return isMap(value) ? value.find(field) !== undefined : undefined;
      }
    : (stream) => at(of(stream), field);
}

function at(value: CelValue, index: CelValue): CelValue {
  if (isMap(value)) return typeof index === "string" ? value.find(index.toLowerCase()) : undefined;
  return Array.isArray(value) && typeof index === "bigint" ? (value as CelValue[])[Number(index)] : undefined;
}

function isMap(value: CelValue): value is CelMap {
  return typeof value === "object" && value !== null && "find" in value && !Array.isArray(value);
}

function call(name: string, exprs: readonly CelExpr[], isMethod: boolean): Evaluate {
  const args = exprs.map(compile);
  const [a, b, c] = args as [Evaluate, Evaluate, Evaluate];
  switch (name) {
    case "||":
      return (stream) => either(a(stream), () => b(stream), true);
    case "&&":
      return (stream) => either(a(stream), () => b(stream), false);
    case "?:":
      return (stream) => {
        const condition = a(stream);
        return typeof condition !== "boolean" ? undefined : condition ? b(stream) : c(stream);
      };
    case "!":
      return (stream) => {
        const value = a(stream);
        return typeof value === "boolean" ? !value : undefined;
      };
    case "matches":
      return matches(a, exprs[1], b);
    default: {
      const operate = OPERATORS[isMethod && name !== "size" ? `.${name}` : name];
      return operate === undefined
        ? () => undefined
        : (stream) => operate(a(stream), b === undefined ? undefined : b(stream));
    }
  }
}

/** What settles it settles it, whatever the other is. */
function either(left: CelValue, right: () => CelValue, settles: boolean): CelValue {
  if (left === settles) return settles;
  const other = right();
  if (other === settles) return settles;
  return left === !settles && other === !settles ? !settles : undefined;
}

/** Patterns are RE2, and may match anywhere. */
function matches(text: Evaluate, pattern: CelExpr | undefined, read: Evaluate): Evaluate {
  if (pattern?.kind === "constant" && typeof pattern.value === "string") {
    const test = partialMatch(pattern.value);
    return (stream) => {
      const value = text(stream);
      return typeof value === "string" ? test(value) : undefined;
    };
  }
  return (stream) => {
    const [value, source] = [text(stream), read(stream)];
    return typeof value === "string" && typeof source === "string" ? matchesFound(value, source) : undefined;
  };
}

/** The pattern comes with the stream, which may say anything: one that is none is an error. */
function matchesFound(value: string, pattern: string): boolean | undefined {
  try {
    return partialMatch(pattern)(value);
  } catch {
    return undefined;
  }
}

type Operator = (a: CelValue, b: CelValue) => CelValue;

const OPERATORS: Readonly<Record<string, Operator>> = {
  "==": equal,
  "!=": (a, b) => {
    const same = equal(a, b);
    return same === undefined ? undefined : !same;
  },
  "<": (a, b) => compared(a, b, (order) => order < 0),
  "<=": (a, b) => compared(a, b, (order) => order <= 0),
  ">": (a, b) => compared(a, b, (order) => order > 0),
  ">=": (a, b) => compared(a, b, (order) => order >= 0),
  in: (a, b) => {
    if (isMap(b)) return typeof a === "string" ? b.find(a.toLowerCase()) !== undefined : undefined;
    return Array.isArray(b) ? (b as CelValue[]).some((item) => equal(a, item) === true) : undefined;
  },
  "+": (a, b) => {
    if (typeof a === "bigint" && typeof b === "bigint") return a + b;
    if (typeof a === "string" && typeof b === "string") return a + b;
    return typeof a === "number" && typeof b === "number" ? a + b : undefined;
  },
  "-": (a, b) => {
    if (typeof a === "bigint" && typeof b === "bigint") return a - b;
    return typeof a === "number" && typeof b === "number" ? a - b : undefined;
  },
  "*": (a, b) => {
    if (typeof a === "bigint" && typeof b === "bigint") return a * b;
    return typeof a === "number" && typeof b === "number" ? a * b : undefined;
  },
  "/": (a, b) => {
    if (typeof a === "bigint" && typeof b === "bigint") return b === 0n ? undefined : a / b;
    return typeof a === "number" && typeof b === "number" ? a / b : undefined;
  },
  "%": (a, b) => (typeof a === "bigint" && typeof b === "bigint" && b !== 0n ? a % b : undefined),
  "-_": (a) => (typeof a === "bigint" || typeof a === "number" ? -a : undefined),
  size: (a) => (typeof a === "string" || Array.isArray(a) ? BigInt((a as string).length) : undefined),
  string: textOf,
  duration: (a) => (typeof a === "string" ? durationOf(a) : undefined),
  ".startsWith": (a, b) => (typeof a === "string" && typeof b === "string" ? a.startsWith(b) : undefined),
  ".endsWith": (a, b) => (typeof a === "string" && typeof b === "string" ? a.endsWith(b) : undefined),
  ".contains": (a, b) => (typeof a === "string" && typeof b === "string" ? a.includes(b) : undefined),
};

/** Of different types: no answer, but for numbers. */
function equal(a: CelValue, b: CelValue): boolean | undefined {
  if (a === undefined || b === undefined) return undefined;
  if (isNumber(a) && isNumber(b)) return Number(a) === Number(b);
  if (a instanceof CelDuration && b instanceof CelDuration) return a.ms === b.ms;
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, i) => equal(item as CelValue, (b as CelValue[])[i]) === true);
  }
  return typeof a === typeof b && typeof a !== "object" ? a === b : a === null || b === null ? a === b : undefined;
}

function isNumber(value: CelValue): value is bigint | number {
  return typeof value === "bigint" || typeof value === "number";
}

function compared(a: CelValue, b: CelValue, test: (order: number) => boolean): CelValue {
  const [left, right] = a instanceof CelDuration && b instanceof CelDuration ? [a.ms, b.ms] : [a, b];
  if (left === undefined || right === undefined || left === null || right === null) return undefined;
  if (typeof left !== typeof right && !(isNumber(left) && isNumber(right))) return undefined;
  if (typeof left === "object" || typeof right === "object" || typeof left === "boolean") return undefined;
  return test(left < right ? -1 : left > right ? 1 : 0);
}

const UNITS: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1, us: 1e-3, ns: 1e-6 };

/** `1h30m`, `1.5s`. */
function durationOf(text: string): CelDuration | undefined {
  if (!/^-?(?:\d+(?:\.\d+)?(?:ms|us|ns|h|m|s))+$/.test(text)) return undefined;
  let ms = 0;
  for (const [, number, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|us|ns|h|m|s)/g)) ms += Number(number) * UNITS[unit];
  return new CelDuration(text.startsWith("-") ? -ms : ms);
}
