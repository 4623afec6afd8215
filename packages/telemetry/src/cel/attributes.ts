/** What our own proxy knows of a request for expressions. (Envoy docs, "Attributes") */
import type { CelExpr } from "./parse.ts";

/** Fields by the object that they are of. */
const CEL_ATTRIBUTES: Readonly<Record<string, readonly string[]>> = {
  request: ["path", "url_path", "host", "scheme", "method", "referer", "headers", "id", "useragent", "query", "protocol", "size", "duration"], // prettier-ignore
  response: ["code", "code_details", "flags", "grpc_status", "headers", "trailers", "size"],
  source: ["address", "port"],
  destination: ["address", "port"],
  upstream: ["address", "port", "transport_failure_reason", "request_attempt_count"],
  xds: ["cluster_name", "route_name"],
};

/** Functions, methods (with a dot) and operators, and how many arguments they take beside their target. */
const CALLS: Readonly<Record<string, number>> = {
  "||": 2,
  "&&": 2,
  "!": 1,
  "?:": 3,
  "==": 2,
  "!=": 2,
  "<": 2,
  "<=": 2,
  ">": 2,
  ">=": 2,
  in: 2,
  "+": 2,
  "-": 2,
  "-_": 1,
  "*": 2,
  "/": 2,
  "%": 2, // prettier-ignore
  size: 1,
  matches: 2,
  duration: 1,
  ".size": 0,
  ".startsWith": 1,
  ".endsWith": 1,
  ".contains": 1,
  ".matches": 1, // prettier-ignore
};

/** Conversions, which Envoy leaves out of filters of access logs, and Istio has for labels of metrics. */
const CONVERSIONS: Readonly<Record<string, number>> = { string: 1 };

/** What of an expression our own proxy does not have; null: nothing. @param converts whether it may convert values */
export function unsupportedCel(expr: CelExpr, converts = false): string | null {
  switch (expr.kind) {
    case "constant":
      return null;
    case "identifier":
      return Object.hasOwn(CEL_ATTRIBUTES, expr.name) ? null : `the attribute ${expr.name}`;
    case "select": {
      const { operand, field } = expr;
      if (operand.kind !== "identifier") return unsupportedCel(operand, converts);
      const known = Object.hasOwn(CEL_ATTRIBUTES, operand.name) && CEL_ATTRIBUTES[operand.name]!.includes(field);
      return known ? null : `the attribute ${operand.name}.${field}`;
    }
    case "index":
      return unsupportedCel(expr.operand, converts) ?? unsupportedCel(expr.index, converts);
    case "list":
      return first(expr.items, converts);
    default: {
      const { name, target, args } = expr;
      const sign = target === null ? name : `.${name}`;
      const calls = converts && Object.hasOwn(CONVERSIONS, sign) ? CONVERSIONS : CALLS;
      if (!Object.hasOwn(calls, sign) || calls[sign] !== args.length)
        return `the function ${name} with ${args.length} arguments`;
      return (target === null ? null : unsupportedCel(target, converts)) ?? first(args, converts);
    }
  }
}

function first(items: readonly CelExpr[], converts: boolean): string | null {
  for (const item of items) {
    const missing = unsupportedCel(item, converts);
    if (missing !== null) return missing;
  }
  return null;
}
