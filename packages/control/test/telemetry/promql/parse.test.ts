import assert from "node:assert/strict";
import { test } from "node:test";
import type { Expr } from "../../../src/telemetry/promql/ast.ts";
import { PromqlError } from "../../../src/telemetry/promql/error.ts";
import { formatValue, parseDuration, parseNumber, unquote } from "../../../src/telemetry/promql/literals.ts";
import { parseQuery } from "../../../src/telemetry/promql/parse.ts";

/** Operators with their operands in brackets. */
function shape(expr: Expr): string {
  switch (expr.kind) {
    case "binary":
      return `[${shape(expr.lhs)} ${expr.op} ${shape(expr.rhs)}]`;
    case "unary":
      return `[${expr.op}${shape(expr.expr)}]`;
    case "number":
      return String(expr.value);
    case "vector selector":
      return expr.matchers[0]!.value + (expr.offset === undefined ? "" : `@-${expr.offset}`);
    case "matrix selector":
      return `${shape(expr.selector)}[${expr.range}]`;
    case "subquery":
      return `${shape(expr.expr)}[${expr.range}:]`;
    case "paren":
      return `(${shape(expr.expr)})`;
    default:
      return expr.kind;
  }
}

for (const [text, expected] of [
  ["a + b * c", "[a + [b * c]]"],
  ["a * b + c", "[[a * b] + c]"],
  ["a - b - c", "[[a - b] - c]"],
  ["a ^ b ^ c", "[a ^ [b ^ c]]"],
  ["-a ^ b", "[-[a ^ b]]"],
  ["-1 ^ 2", "[-[1 ^ 2]]"],
  ["-a * b", "[[-a] * b]"],
  ["2 * -3", "[2 * [-3]]"],
  ["a or b and c", "[a or [b and c]]"],
  ["a > b + 1 unless c", "[[a > [b + 1]] unless c]"],
  ["a atan2 b + c", "[[a atan2 b] + c]"],
  // The grammar for editors takes these for modifiers of everything before.
  ["a + b offset 1m", "[a + b@-60000]"],
  ["a + b offset 1m * c", "[a + [b@-60000 * c]]"],
  ["-a offset -30s", "[-a@--30000]"],
  ["a ^ b[5m:]", "[a ^ b[300000:]]"],
] as const) {
  test(`${text} is ${expected}`, () => {
    // Subqueries are no operands, which is told after the parsing.
    if (text.includes(":")) assert.throws(() => parseQuery(text), /must contain only scalar and instant vector types/);
    else assert.equal(shape(parseQuery(text)), expected);
  });
}

for (const [text, message] of [
  ["", "1:1: parse error: no expression found in input"],
  ["sum(", "1:5: parse error: unexpected end of input"],
  ["foo(up)", '1:1: parse error: unknown function with name "foo"'],
  ["1 +\n  histogram_count(up)", '2:3: parse error: function "histogram_count" is not supported'],
  ["limitk(2, up)", '1:1: parse error: aggregation "limitk" is not supported'],
  ["a + fill(3) b", "1:5: parse error: fill(3) is not supported"],
  ["rate(up[5m] smoothed)", "1:6: parse error: up[5m] smoothed is not supported"],
  ["rate(up[5m])[1m]", "1:1: parse error: ranges only allowed for vector selectors"],
  ['up{a=~"("}', "1:4: parse error: error parsing regexp: missing closing ): `(`"],
  ['{a=~".*"}', "1:1: parse error: vector selector must contain at least one non-empty matcher"],
  ["up offset 5m offset 3m", "1:1: parse error: offset may not be set multiple times"],
  ["up[0s]", "1:4: parse error: duration must be greater than 0"],
  [`${"(".repeat(2000)}1${")".repeat(2000)}`, /nested deeper than/],
  [`1${"+1".repeat(600)}`, /nested deeper than/],
  [`up{a="${"x".repeat(100_000)}"}`, /longer than 100000 characters/],
] as const) {
  test(`${text.slice(0, 40)} is refused: ${message}`, () => {
    assert.throws(
      () => parseQuery(text),
      (error) =>
        error instanceof PromqlError &&
        (typeof message === "string" ? error.message === message : message.test(error.message)),
    );
  });
}

test("numbers, durations and strings are read as Go reads them", () => {
  assert.equal(parseNumber("0x1F"), 31);
  assert.equal(parseNumber("017"), 15);
  assert.equal(parseNumber("1_000"), 1000);
  assert.equal(parseNumber("-Inf"), -Infinity);
  assert.equal(parseNumber("1m"), undefined);
  assert.equal(parseDuration("1h30m"), 5_400_000);
  assert.equal(parseDuration("1m1ms"), 60_001);
  assert.equal(parseDuration("30m1h"), undefined);
  assert.equal(parseDuration(""), undefined);
  assert.equal(unquote(String.raw`"a\x41\u00e9\n\"'"`), `aAé\n"'`);
  assert.equal(unquote("`a\\n`"), "a\\n");
  assert.equal(unquote(String.raw`"\'"`), undefined);
  assert.equal(unquote('"a\nb"'), undefined);
});

test("values are written without exponents in labels", () => {
  assert.equal(formatValue(1e21), "1000000000000000000000");
  assert.equal(formatValue(-1.5e-7), "-0.00000015");
  assert.equal(formatValue(-0), "-0");
  assert.equal(formatValue(-Infinity), "-Inf");
});
