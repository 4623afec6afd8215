/**
 * The text of a query to an expression. Prometheus' own grammar finds the structure; it is of Prometheus 3 and made for editors, so that what it
 * takes beyond what we have, and what it repairs, is refused here with its place.
 */
import type { SyntaxNode } from "@lezer/common";
import { parser } from "@prometheus-io/lezer-promql";
import type { LabelMatcher } from "@tulle/telemetry/records";
import type {
  Aggregation,
  AtModifier,
  Binary,
  Call,
  Cardinality,
  Expr,
  MatrixSelector,
  NumberLiteral,
  Subquery,
  Unary,
  VectorMatching,
  VectorSelector,
  When,
} from "./ast.ts";
import { checkTypes } from "./check-types.ts";
import { parseError } from "./error.ts";
import { AGGREGATIONS, FUNCTIONS } from "./functions.ts";
import { METRIC_NAME } from "./labels.ts";
import { parseDuration, parseNumber, unquote } from "./literals.ts";
import { type CompiledMatcher, compileMatcher } from "./matchers.ts";

/** Queries come over the network: nesting is bounded by what the evaluator's own recursion can take. */
const MAX_QUERY_LENGTH = 100_000;
const MAX_DEPTH = 500;
/** 292 years: Go counts nanoseconds in 64 bits. (prometheus/common model.ParseDuration) */
const MAX_DURATION_MS = 2 ** 63 / 1e6;

/** Throws a PromqlError if it is not valid. */
export function parseQuery(text: string): Expr {
  if (text.length > MAX_QUERY_LENGTH)
    throw parseError(text, 0, `the query is longer than ${MAX_QUERY_LENGTH} characters`);
  const expr = new Reader(text).read();
  checkTypes(text, expr);
  return expr;
}

/** The matchers of one selector, as `match[]` has it. Throws a PromqlError if it is not one. */
export function parseSelector(text: string): readonly CompiledMatcher[] {
  const expr = parseQuery(text);
  if (expr.kind !== "vector selector" || expr.offset !== undefined || expr.at !== undefined)
    throw parseError(text, 0, "expected a series selector alone");
  return expr.matchers;
}

const PRECEDENCE: Readonly<Record<string, number>> = {
  or: 1,
  and: 2,
  unless: 2,
  "==": 3,
  "!=": 3,
  ">": 3,
  "<": 3,
  ">=": 3,
  "<=": 3,
  "+": 4,
  "-": 4,
  "*": 5,
  "/": 5,
  "%": 5,
  atan2: 5,
  "^": 6,
};

type Operator = Pick<Binary, "op" | "opStart" | "bool" | "matching"> & { readonly kind: "operator" };

type Item =
  | Operator
  | { readonly kind: "prefix"; readonly op: Unary["op"]; readonly start: number }
  | { readonly kind: "operand"; readonly expr: Expr }
  | { readonly kind: "postfix"; readonly node: SyntaxNode };

class Reader {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  read(): Expr {
    const root = parser.parse(this.#text).topNode;
    this.#refuseErrors(root);
    const expr = children(root).find(({ name }) => name !== "LineComment");
    if (expr === undefined) this.#fail(this.#text.length, "no expression found in input");
    return this.#expr(expr, 0);
  }

  #fail(offset: number, message: string, cause?: unknown): never {
    throw parseError(this.#text, offset, message, cause);
  }

  #slice({ from, to }: SyntaxNode): string {
    return this.#text.slice(from, to);
  }

  #refuseErrors(root: SyntaxNode): void {
    const text = this.#text;
    if (text.trim() === "") this.#fail(text.length, "no expression found in input");
    root.cursor().iterate((node) => {
      if (!node.type.isError) return;
      const call = /([a-zA-Z_]\w*)\s*$/.exec(text.slice(0, node.from));
      if (text[node.from] === "(" && call !== null && !Object.hasOwn(FUNCTIONS, call[1]!))
        this.#fail(call.index, `unknown function with name ${JSON.stringify(call[1])}`);
      const found = /\S+/.exec(text.slice(node.from))?.[0].slice(0, 40);
      this.#fail(node.from, found === undefined ? "unexpected end of input" : `unexpected ${JSON.stringify(found)}`);
    });
  }

  #expr(node: SyntaxNode, depth: number): Expr {
    const items: Item[] = [];
    this.#flatten(node, items, depth);
    return this.#operators(items, 0);
  }

  /**
   * Operators, and what they are between, in the order of the text: the grammar is one for editors, and takes `a + b offset 1m` for
   * `(a + b) offset 1m`.
   */
  #flatten(node: SyntaxNode, items: Item[], depth: number): void {
    if (depth > MAX_DEPTH) this.#fail(node.from, `nested deeper than ${MAX_DEPTH} expressions`);
    switch (node.name) {
      case "BinaryExpr": {
        const parts = children(node);
        this.#flatten(parts[0]!, items, depth + 1);
        items.push(this.#operator(parts[1]!, parts.slice(2, -1)));
        this.#flatten(parts.at(-1)!, items, depth + 1);
        return;
      }
      case "UnaryExpr":
        items.push({ kind: "prefix", op: this.#slice(node.firstChild!) === "-" ? "-" : "+", start: node.from });
        this.#flatten(node.lastChild!, items, depth + 1);
        return;
      case "OffsetExpr":
      case "StepInvariantExpr":
      case "MatrixSelector":
      case "SubqueryExpr":
        this.#flatten(node.firstChild!, items, depth + 1);
        items.push({ kind: "postfix", node });
        return;
      case "NumberDurationLiteral": {
        const sign = this.#text[node.from];
        if (sign === "-" || sign === "+") items.push({ kind: "prefix", op: sign, start: node.from });
        items.push({ kind: "operand", expr: this.#number(node) });
        return;
      }
      default:
        items.push({ kind: "operand", expr: this.#operand(node, depth + 1) });
    }
  }

  /** Takes from the front of `items` what binds at least as strongly as `least` (promql/parser/generated_parser.y). */
  #operators(items: Item[], least: number): Expr {
    let expr = this.#prefixed(items);
    for (;;) {
      const next = items[0];
      if (next?.kind !== "operator") return expr;
      const precedence = PRECEDENCE[next.op]!;
      if (precedence < least) return expr;
      items.shift();
      const rhs = this.#operators(items, next.op === "^" ? precedence : precedence + 1);
      const { op, opStart, bool, matching } = next;
      expr = { kind: "binary", op, opStart, bool, matching, lhs: expr, rhs, start: expr.start, end: rhs.end };
    }
  }

  #prefixed(items: Item[]): Expr {
    const first = items.shift()!;
    if (first.kind === "prefix") {
      // `-a ^ b` is `-(a ^ b)`.
      const expr = this.#operators(items, PRECEDENCE["^"]!);
      return { kind: "unary", op: first.op, expr, start: first.start, end: expr.end };
    }
    if (first.kind !== "operand") throw new TypeError("an operator without operand");
    let expr = first.expr;
    while (items[0]?.kind === "postfix") {
      expr = this.#postfixed(expr, items[0].node);
      items.shift();
    }
    return expr;
  }

  #postfixed(expr: Expr, node: SyntaxNode): Expr {
    switch (node.name) {
      case "MatrixSelector":
        return this.#matrix(expr, node);
      case "SubqueryExpr":
        return this.#subquery(expr, node);
      case "OffsetExpr":
        return this.#offset(expr, node);
      default:
        return this.#at(expr, node);
    }
  }

  #operand(node: SyntaxNode, depth: number): Expr {
    const { from: start, to: end } = node;
    switch (node.name) {
      case "StringLiteral":
        return { kind: "string", value: this.#string(node), start, end };
      case "VectorSelector":
        return this.#selector(node);
      case "ParenExpr":
        return { kind: "paren", expr: this.#expr(children(node)[0]!, depth + 1), start, end };
      case "AggregateExpr":
        return this.#aggregation(node, depth);
      case "FunctionCall":
        return this.#call(node, depth);
      default:
        return this.#unsupported(node);
    }
  }

  #unsupported(node: SyntaxNode): never {
    const text = this.#slice(node);
    return this.#fail(node.from, `${text.length > 60 ? `${text.slice(0, 60)}…` : text} is not supported`);
  }

  /** Its sign is an operator. */
  #number(node: SyntaxNode): NumberLiteral {
    const text = this.#slice(node);
    const start = node.from + /^[+-]?\s*/.exec(text)![0].length;
    const digits = this.#text.slice(start, node.to);
    return { kind: "number", value: this.#numberOf(digits, start), start, end: node.to };
  }

  #numberOf(digits: string, at: number): number {
    const duration = parseDuration(digits);
    const value = parseNumber(digits) ?? (duration === undefined ? undefined : duration / 1000);
    return value ?? this.#fail(at, `bad number or duration syntax: ${JSON.stringify(digits)}`);
  }

  #string(node: SyntaxNode): string {
    return unquote(this.#slice(node)) ?? this.#fail(node.from, "unterminated or invalid quoted string");
  }

  /** In ms. Prometheus 3 also takes seconds. */
  #duration(node: SyntaxNode): number {
    const text = this.#slice(node).trim();
    const sign = text.startsWith("-") ? -1 : 1;
    const body = text.replace(/^[+-]\s*/, "");
    const seconds = parseNumber(body);
    const value = parseDuration(body) ?? (seconds === undefined ? undefined : Math.round(seconds * 1000));
    if (value === undefined || !Number.isFinite(value)) return this.#unsupported(node);
    if (value > MAX_DURATION_MS) this.#fail(node.from, "duration out of range");
    return sign * value;
  }

  #positive(node: SyntaxNode): number {
    const duration = this.#duration(node);
    if (duration <= 0) this.#fail(node.from, "duration must be greater than 0");
    return duration;
  }

  #selector(node: SyntaxNode): VectorSelector {
    const matchers: LabelMatcher[] = [];
    const starts: number[] = [];
    let metric: string | undefined;
    const setName = (name: string, at: number): void => {
      if (metric !== undefined)
        this.#fail(at, `metric name must not be set twice: ${JSON.stringify(metric)} or ${JSON.stringify(name)}`);
      metric = name;
      matchers.push({ name: METRIC_NAME, op: "=", value: name });
      starts.push(at);
    };
    for (const part of children(node)) {
      if (part.name === "Identifier") setName(this.#slice(part), part.from);
      else
        for (const matcher of children(part)) {
          if (matcher.name === "QuotedLabelName") {
            setName(this.#string(matcher.firstChild!), matcher.from);
            continue;
          }
          const [label, op, value] = children(matcher);
          const name = label!.name === "LabelName" ? this.#slice(label!) : this.#string(label!.firstChild!);
          if (name === METRIC_NAME && metric !== undefined && op!.firstChild?.name === "EqlSingle")
            setName(this.#string(value!), matcher.from);
          matchers.push({ name, op: this.#slice(op!) as LabelMatcher["op"], value: this.#string(value!) });
          starts.push(matcher.from);
        }
    }
    const compiled = matchers.map((matcher, index): CompiledMatcher => {
      try {
        return compileMatcher(matcher);
      } catch (error) {
        return this.#fail(starts[index]!, error instanceof Error ? error.message : String(error), error);
      }
    });
    const { from: start, to: end } = node;
    return { kind: "vector selector", matchers: compiled, offset: undefined, at: undefined, start, end };
  }

  #matrix(selector: Expr, node: SyntaxNode): MatrixSelector {
    const { start } = selector;
    if (selector.kind !== "vector selector") this.#fail(start, "ranges only allowed for vector selectors");
    if (selector.offset !== undefined) this.#fail(start, "no offset modifiers allowed before range");
    if (selector.at !== undefined) this.#fail(start, "no @ modifiers allowed before range");
    return { kind: "matrix selector", selector, range: this.#positive(node.lastChild!), start, end: node.to };
  }

  #subquery(expr: Expr, node: SyntaxNode): Subquery {
    const [, range, step] = children(node);
    return {
      kind: "subquery",
      expr,
      range: this.#positive(range!),
      step: step === undefined ? undefined : this.#positive(step),
      offset: undefined,
      at: undefined,
      start: expr.start,
      end: node.to,
    };
  }

  /** What a modifier is of. */
  #modified(expr: Expr, modifier: string): When {
    if (expr.kind === "vector selector" || expr.kind === "subquery") return expr;
    if (expr.kind === "matrix selector") return expr.selector;
    const kinds = "an instant vector selector or range vector selector or a subquery";
    return this.#fail(expr.start, `${modifier} modifier must be preceded by ${kinds}`);
  }

  #offset(expr: Expr, node: SyntaxNode): Expr {
    const when = this.#modified(expr, "offset");
    if (when.offset !== undefined) this.#fail(expr.start, "offset may not be set multiple times");
    when.offset = this.#duration(node.lastChild!);
    return expr;
  }

  #at(expr: Expr, node: SyntaxNode): Expr {
    const when = this.#modified(expr, "@");
    if (when.at !== undefined) this.#fail(expr.start, "@ <timestamp> may not be set multiple times");
    when.at = this.#atTime(node.lastChild!);
    return expr;
  }

  #atTime(node: SyntaxNode): AtModifier {
    if (node.name === "AtModifierPreprocessors") return node.firstChild!.name === "AtStart" ? "start" : "end";
    const sign = this.#text[node.from] === "-" ? -1 : 1;
    const seconds = sign * this.#number(node).value;
    if (!Number.isFinite(seconds) || Math.abs(seconds) > Number.MAX_SAFE_INTEGER / 1000)
      this.#fail(node.from, `timestamp out of bounds for @ modifier: ${this.#slice(node)}`);
    return Math.round(seconds * 1000);
  }

  #operator(operator: SyntaxNode, modifiers: readonly SyntaxNode[]): Operator {
    const op = this.#slice(operator).toLowerCase();
    if (!Object.hasOwn(PRECEDENCE, op)) this.#unsupported(operator);
    let bool = false;
    let matching: VectorMatching = { on: false, labels: [], cardinality: "one-to-one", include: [] };
    for (const part of modifiers) {
      if (part.name === "BoolModifier") bool = true;
      else if (part.name === "MatchingModifierClause") matching = this.#matching(part);
      else this.#unsupported(part);
    }
    return { kind: "operator", op, opStart: operator.from, bool, matching };
  }

  #matching(node: SyntaxNode): VectorMatching {
    const [kind, labels, group, include] = children(node);
    const cardinality: Cardinality =
      group === undefined ? "one-to-one" : group.name === "GroupLeft" ? "many-to-one" : "one-to-many";
    return {
      on: kind!.name === "On",
      labels: this.#grouping(labels!),
      cardinality,
      include: include === undefined ? [] : this.#grouping(include),
    };
  }

  #grouping(node: SyntaxNode): readonly string[] {
    return children(node).map((label) =>
      label.name === "LabelName" ? this.#slice(label) : this.#string(label.firstChild!),
    );
  }

  #aggregation(node: SyntaxNode, depth: number): Aggregation {
    const parts = children(node);
    const op = this.#slice(parts[0]!).toLowerCase();
    if (!Object.hasOwn(AGGREGATIONS, op)) this.#fail(node.from, `aggregation ${JSON.stringify(op)} is not supported`);
    const modifier = parts.find(({ name }) => name === "AggregateModifier");
    const body = parts.find(({ name }) => name === "FunctionCallBody")!;
    const args = children(body).map((arg) => this.#expr(arg, depth + 1));
    if (args.length === 0) this.#fail(node.from, "no arguments for aggregate expression provided");
    const wanted = AGGREGATIONS[op] === undefined ? 1 : 2;
    if (args.length !== wanted)
      this.#fail(
        node.from,
        `wrong number of arguments for aggregate expression provided, expected ${wanted}, got ${args.length}`,
      );
    return {
      kind: "aggregation",
      op,
      expr: args.at(-1)!,
      param: wanted === 2 ? args[0] : undefined,
      without: modifier?.firstChild?.name === "Without",
      labels: modifier === undefined ? [] : this.#grouping(modifier.lastChild!),
      start: node.from,
      end: node.to,
    };
  }

  #call(node: SyntaxNode, depth: number): Call {
    const [identifier, body] = children(node);
    const name = this.#slice(identifier!);
    if (!Object.hasOwn(FUNCTIONS, name)) this.#fail(node.from, `function ${JSON.stringify(name)} is not supported`);
    const args = children(body!).map((arg) => this.#expr(arg, depth + 1));
    return { kind: "call", name, args, start: node.from, end: node.to };
  }
}

function children(node: SyntaxNode): SyntaxNode[] {
  const found: SyntaxNode[] = [];
  for (let child = node.firstChild; child !== null; child = child.nextSibling)
    if (child.name !== "LineComment") found.push(child);
  return found;
}
