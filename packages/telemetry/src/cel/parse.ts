/**
 * Expressions of the Common Expression Language (https://github.com/google/cel-spec, doc/langdef.md), as trees. What Envoy has switched off is
 * not read: macros over lists and maps, messages, lists of types.
 */

/** Whole numbers are bigints, others are doubles. */
export type CelConstant = string | bigint | number | boolean | null;

export type CelExpr =
  | { readonly kind: "constant"; readonly value: CelConstant }
  | { readonly kind: "identifier"; readonly name: string }
  /** `a.b`; `test`: `has(a.b)`. */
  | { readonly kind: "select"; readonly operand: CelExpr; readonly field: string; readonly test: boolean }
  | { readonly kind: "index"; readonly operand: CelExpr; readonly index: CelExpr }
  | { readonly kind: "list"; readonly items: readonly CelExpr[] }
  /** Functions, methods (`target`) and operators, by their signs. */
  | {
      readonly kind: "call";
      readonly name: string;
      readonly target: CelExpr | null;
      readonly args: readonly CelExpr[];
    };

export class CelSyntaxError extends Error {
  /** From 0. */
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.name = "CelSyntaxError";
    this.offset = offset;
  }
}

interface Token {
  readonly kind: "identifier" | "constant" | "sign" | "end";
  readonly text: string;
  readonly value: CelConstant;
  readonly offset: number;
}

const SPACE = /(?:\s|\/\/[^\n]*)+/y;
const IDENTIFIER = /[_a-zA-Z][_a-zA-Z0-9]*/y;
const NUMBER = /0x[0-9a-fA-F]+|(?:\d+\.\d*|\.\d+|\d+)(?:[eE][+-]?\d+)?/y;
const TEXT = /(r?)("""[^]*?"""|'''[^]*?'''|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')/y;
const RAW_TEXT = /r("""[^]*?"""|'''[^]*?'''|"[^"\n]*"|'[^'\n]*')/y;
const SIGN = /&&|\|\||==|!=|<=|>=|[-+*/%<>!?:.,()[\]]/y;
const WORDS: ReadonlyMap<string, CelConstant> = new Map<string, CelConstant>([
  ["true", true],
  ["false", false],
  ["null", null],
]);

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  let offset = 0;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = offset;
    return pattern.exec(text);
  };
  for (;;) {
    offset += take(SPACE)?.[0].length ?? 0;
    if (offset === text.length) return [...tokens, { kind: "end", text: "the end", value: null, offset }];
    const start = offset;
    const add = (kind: Token["kind"], found: string, value: CelConstant): void => {
      tokens.push({ kind, text: found, value, offset: start });
      offset = start + found.length;
    };
    const raw = take(RAW_TEXT);
    const quoted = raw ?? take(TEXT);
    if (quoted !== null) {
      add("constant", quoted[0], raw === null ? unescaped(quoted[2]!, start) : withoutQuotes(raw[1]!));
      continue;
    }
    const word = take(IDENTIFIER)?.[0];
    if (word !== undefined) {
      const value = WORDS.get(word);
      add(value === undefined ? "identifier" : "constant", word, value ?? null);
      continue;
    }
    const digits = take(NUMBER)?.[0];
    if (digits !== undefined) {
      const isWhole = /^(?:0x[0-9a-fA-F]+|\d+)$/.test(digits);
      add("constant", digits, isWhole ? BigInt(digits) : Number(digits));
      continue;
    }
    const sign = take(SIGN)?.[0];
    if (sign === undefined)
      throw new CelSyntaxError(`${JSON.stringify(text[offset])} is no part of an expression`, offset);
    add("sign", sign, null);
  }
}

function withoutQuotes(quoted: string): string {
  const length = quoted.startsWith('"""') || quoted.startsWith("'''") ? 3 : 1;
  return quoted.slice(length, -length);
}

const ESCAPES: Readonly<Record<string, string>> = { a: "\x07", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v" };

function unescaped(quoted: string, offset: number): string {
  return withoutQuotes(quoted).replaceAll(
    /\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|[0-3][0-7]{2}|[^])/g,
    (_, code: string) => {
      if (/^[xu]./.test(code)) return String.fromCharCode(Number.parseInt(code.slice(1), 16));
      if (/^\d{3}$/.test(code)) return String.fromCharCode(Number.parseInt(code, 8));
      const known = ESCAPES[code];
      if (known !== undefined) return known;
      if (/[\\'"`?]/.test(code)) return code;
      throw new CelSyntaxError(`\\${code} is no escape sequence`, offset);
    },
  );
}

/** Binary operators by how tightly they bind. */
const LEVELS: readonly (readonly string[])[] = [
  ["||"],
  ["&&"],
  ["<", "<=", ">=", ">", "==", "!=", "in"],
  ["+", "-"],
  ["*", "/", "%"],
];
const MAX_DEPTH = 100;

/** Throws CelSyntaxError. */
export function parseCel(text: string): CelExpr {
  const tokens = tokensOf(text);
  let at = 0;
  let depth = 0;
  const token = (): Token => tokens[at]!;
  const accepts = (sign: string): boolean => {
    const { kind, text: found } = token();
    if (found !== sign || (kind !== "sign" && sign !== "in")) return false;
    at++;
    return true;
  };
  const expect = (sign: string): void => {
    if (!accepts(sign)) throw new CelSyntaxError(`expected ${sign}, not ${token().text}`, token().offset);
  };
  const call = (name: string, ...args: readonly CelExpr[]): CelExpr => ({ kind: "call", name, target: null, args });

  function expression(): CelExpr {
    if (++depth > MAX_DEPTH) throw new CelSyntaxError("too deep", token().offset);
    const condition = binary(0);
    let result = condition;
    if (accepts("?")) {
      const yes = binary(0);
      expect(":");
      result = call("?:", condition, yes, expression());
    }
    depth--;
    return result;
  }

  function binary(level: number): CelExpr {
    const signs = LEVELS[level];
    if (signs === undefined) return unary();
    let left = binary(level + 1);
    for (;;) {
      const sign = signs.find(accepts);
      if (sign === undefined) return left;
      left = call(sign, left, binary(level + 1));
    }
  }

  function unary(): CelExpr {
    if (accepts("!")) return call("!", unary());
    if (accepts("-")) {
      const operand = unary();
      if (operand.kind === "constant" && (typeof operand.value === "bigint" || typeof operand.value === "number")) {
        return { kind: "constant", value: -operand.value };
      }
      return call("-_", operand);
    }
    return member(primary());
  }

  function member(start: CelExpr): CelExpr {
    let operand = start;
    for (;;) {
      if (accepts(".")) {
        const { kind, text: field, offset } = token();
        if (kind !== "identifier") throw new CelSyntaxError(`expected a field, not ${field}`, offset);
        at++;
        operand = accepts("(")
          ? { kind: "call", name: field, target: operand, args: list(")") }
          : { kind: "select", operand, field, test: false };
      } else if (accepts("[")) {
        const index = expression();
        expect("]");
        operand = { kind: "index", operand, index };
      } else return operand;
    }
  }

  function primary(): CelExpr {
    const { kind, text: found, value, offset } = token();
    if (accepts("(")) {
      const inner = expression();
      expect(")");
      return inner;
    }
    if (accepts("[")) return { kind: "list", items: list("]") };
    at++;
    if (kind === "constant") return { kind: "constant", value };
    if (kind !== "identifier") throw new CelSyntaxError(`expected a value, not ${found}`, offset);
    if (!accepts("(")) return { kind: "identifier", name: found };
    const args = list(")");
    if (found !== "has") return { kind: "call", name: found, target: null, args };
    const [only] = args;
    if (args.length === 1 && only?.kind === "select") return { ...only, test: true };
    throw new CelSyntaxError("has() wants a field: has(a.b)", offset);
  }

  function list(closing: string): CelExpr[] {
    const items: CelExpr[] = [];
    if (accepts(closing)) return items;
    for (;;) {
      items.push(expression());
      if (accepts(closing)) return items;
      expect(",");
    }
  }

  const parsed = expression();
  if (token().kind !== "end") throw new CelSyntaxError(`expected the end, not ${token().text}`, token().offset);
  return parsed;
}
