import assert from "node:assert/strict";
import { test } from "node:test";
import { CelSyntaxError, parseCel, unsupportedCel } from "../src/cel/index.ts";

/** In parentheses, as it is bound. */
function shown(text: string): string {
  const show = (expr: ReturnType<typeof parseCel>): string => {
    switch (expr.kind) {
      case "constant":
        return typeof expr.value === "string" ? JSON.stringify(expr.value) : String(expr.value);
      case "identifier":
        return expr.name;
      case "select":
        return `${show(expr.operand)}.${expr.field}${expr.test ? "?" : ""}`;
      case "index":
        return `${show(expr.operand)}[${show(expr.index)}]`;
      case "list":
        return `[${expr.items.map(show).join(" ")}]`;
      default:
        return `(${[expr.name, ...(expr.target === null ? [] : [`.${show(expr.target)}`]), ...expr.args.map(show)].join(" ")})`;
    }
  };
  return show(parseCel(text));
}

test("operators bind as in the language's grammar", () => {
  assert.equal(shown("a || b && c"), "(|| a (&& b c))");
  assert.equal(shown("a && b || c && d"), "(|| (&& a b) (&& c d))");
  assert.equal(shown("1 + 2 * 3 - 4 < 5"), "(< (- (+ 1 (* 2 3)) 4) 5)");
  assert.equal(shown("!a.b == c"), "(== (! a.b) c)");
  assert.equal(shown("-x.y % 2"), "(% (-_ x.y) 2)");
  assert.equal(shown("a ? b : c ? d : e"), "(?: a b (?: c d e))");
  assert.equal(shown("x in [1, 2u.y]".replace("2u.y", "2")), "(in x [1 2])");
  assert.equal(shown("(a || b) && c"), "(&& (|| a b) c)");
});

test("members, methods, has() and constants", () => {
  assert.equal(shown('request.headers["x"].size()'), '(size .request.headers["x"])');
  assert.equal(shown("has(request.headers.x)"), "request.headers.x?");
  assert.equal(shown("a.startsWith('b').c[0]"), '(startsWith .a "b").c[0]');
  assert.equal(shown("-5 + -1.5 // told"), "(+ -5 -1.5)");
  assert.equal(shown("'\\x41\\u0042\\103\\n' == r'\\n'"), '(== "ABC\\n" "\\\\n")');
  assert.equal(shown('"""a "b" c"""'), '"a \\"b\\" c"');
});

test("what is none says where", () => {
  for (const [text, offset] of [
    ["a >=", 4],
    ["(a", 2],
    ["a)", 1],
    ["a b", 2],
    ["'open", 0],
    ["1 + # 2", 4],
    ["has(a)", 0],
    ["a.1", 1],
    ["", 0],
    ["(".repeat(1000), 100],
  ] as const) {
    assert.throws(
      () => parseCel(text),
      (error) => error instanceof CelSyntaxError && error.offset === offset,
      text,
    );
  }
});

test("what our own proxy does not have", () => {
  for (const [text, missing] of [
    ["response.code >= 400 && request.headers['x'].contains('y')", null],
    ["connection.mtls", "the attribute connection.mtls"],
    ["request.time > 1", "the attribute request.time"],
    ["toString(1)", "the function toString with 1 arguments"],
    ["[1].exists(x, x == 1)", "the function exists with 2 arguments"],
    ["request", null],
    ["foo", "the attribute foo"],
    ["toString", "the attribute toString"],
    ["response.constructor", "the attribute response.constructor"],
  ] as const) {
    assert.equal(unsupportedCel(parseCel(text)), missing, text);
  }
});
