/** Which expressions make sense (promql/parser/parse.go of Prometheus, checkAST): same order, same texts. */
import type { Binary, Call, Expr, ValueType } from "./ast.ts";
import { parseError } from "./error.ts";
import { AGGREGATIONS, COMPARISONS, FUNCTIONS, SET_OPERATORS } from "./functions.ts";

const DOCUMENTED: Readonly<Record<ValueType, string>> = {
  scalar: "scalar",
  vector: "instant vector",
  matrix: "range vector",
  string: "string",
};

export function typeOf(expr: Expr): ValueType {
  switch (expr.kind) {
    case "number":
      return "scalar";
    case "string":
      return "string";
    case "vector selector":
    case "aggregation":
      return "vector";
    case "matrix selector":
    case "subquery":
      return "matrix";
    case "call":
      return FUNCTIONS[expr.name]!.gives;
    case "unary":
    case "paren":
      return typeOf(expr.expr);
    default:
      return typeOf(expr.lhs) === "scalar" && typeOf(expr.rhs) === "scalar" ? "scalar" : "vector";
  }
}

/** Throws a PromqlError at the first part that does not fit. */
export function checkTypes(text: string, expr: Expr): void {
  const fail = (offset: number, message: string): never => {
    throw parseError(text, offset, message);
  };
  const expect = (part: Expr, wanted: ValueType, context: string): void => {
    check(part);
    const type = typeOf(part);
    if (type !== wanted) fail(part.start, `expected type ${DOCUMENTED[wanted]} in ${context}, got ${DOCUMENTED[type]}`);
  };

  function checkCall(call: Call): void {
    const { args: wanted, optional } = FUNCTIONS[call.name]!;
    const { args, name, start } = call;
    const given = `argument(s) in call to "${name}", got ${args.length}`;
    const least = optional === 0 ? wanted.length : wanted.length - 1;
    if (optional === 0 && args.length !== wanted.length) fail(start, `expected ${wanted.length} ${given}`);
    if (args.length < least) fail(start, `expected at least ${least} ${given}`);
    if (optional > 0 && args.length > least + optional) fail(start, `expected at most ${least + optional} ${given}`);
    for (const [index, arg] of args.entries())
      expect(arg, wanted[Math.min(index, wanted.length - 1)]!, `call to function "${name}"`);
  }

  function checkBinary(binary: Binary): void {
    const { op, lhs, rhs, bool, matching, start, opStart } = binary;
    check(lhs);
    check(rhs);
    const left = typeOf(lhs);
    const right = typeOf(rhs);
    const comparison = COMPARISONS.has(op);
    const set = SET_OPERATORS.has(op);
    if (bool && !comparison) fail(opStart, "bool modifier can only be used on comparison operators");
    if (comparison && !bool && left === "scalar" && right === "scalar")
      fail(opStart, "comparisons between scalars must use BOOL modifier");
    const both = matching.on ? matching.labels.find((name) => matching.include.includes(name)) : undefined;
    if (both !== undefined) fail(opStart, `label "${both}" must not occur in ON and GROUP clause at once`);
    for (const [part, type] of [
      [lhs, left],
      [rhs, right],
    ] as const) {
      if (type !== "scalar" && type !== "vector")
        fail(part.start, "binary expression must contain only scalar and instant vector types");
    }
    if (left !== "vector" || right !== "vector") {
      if (matching.labels.length > 0) fail(start, "vector matching only allowed between instant vectors");
      if (set) fail(start, `set operator "${op}" not allowed in binary scalar expression`);
    } else if (set && matching.cardinality !== "one-to-one") {
      fail(start, `no grouping allowed for "${op}" operation`);
    }
  }

  function check(part: Expr): void {
    switch (part.kind) {
      case "number":
      case "string":
        return;
      case "vector selector":
        if (part.matchers.every(matchesEmpty))
          fail(part.start, "vector selector must contain at least one non-empty matcher");
        return;
      case "matrix selector":
        return check(part.selector);
      case "subquery": {
        check(part.expr);
        const type = typeOf(part.expr);
        if (type !== "vector") fail(part.start, `subquery is only allowed on instant vector, got ${type} instead`);
        return;
      }
      case "paren":
        return check(part.expr);
      case "unary": {
        check(part.expr);
        const type = typeOf(part.expr);
        if (type !== "scalar" && type !== "vector")
          fail(
            part.start,
            `unary expression only allowed on expressions of type scalar or instant vector, got "${DOCUMENTED[type]}"`,
          );
        return;
      }
      case "aggregation": {
        expect(part.expr, "vector", "aggregation expression");
        const wanted = AGGREGATIONS[part.op];
        if (wanted !== undefined && part.param !== undefined) expect(part.param, wanted, "aggregation parameter");
        return;
      }
      case "call":
        return checkCall(part);
      case "binary":
        return checkBinary(part);
    }
  }

  check(expr);
}

function matchesEmpty({ test }: { readonly test: (value: string) => boolean }): boolean {
  return test("");
}
