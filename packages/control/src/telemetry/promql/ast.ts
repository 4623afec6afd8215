/** Expressions of PromQL, as the parser gives them. Times and durations in ms; positions are offsets in the text. */
import type { CompiledMatcher } from "./matchers.ts";

export type ValueType = "scalar" | "vector" | "matrix" | "string";

interface Node {
  readonly start: number;
  readonly end: number;
}

/** What `@` names: a time, or the query's own start or end. */
export type AtModifier = number | "start" | "end";

/** When a selector or a subquery looks. */
export interface When {
  offset: number | undefined;
  at: AtModifier | undefined;
}

export interface NumberLiteral extends Node {
  readonly kind: "number";
  readonly value: number;
}

interface StringLiteral extends Node {
  readonly kind: "string";
  readonly value: string;
}

export interface VectorSelector extends Node, When {
  readonly kind: "vector selector";
  readonly matchers: readonly CompiledMatcher[];
}

export interface MatrixSelector extends Node {
  readonly kind: "matrix selector";
  readonly selector: VectorSelector;
  readonly range: number;
}

export interface Subquery extends Node, When {
  readonly kind: "subquery";
  readonly expr: Expr;
  readonly range: number;
  /** undefined: the default, a minute. */
  readonly step: number | undefined;
}

export interface Call extends Node {
  readonly kind: "call";
  readonly name: string;
  readonly args: readonly Expr[];
}

export interface Aggregation extends Node {
  readonly kind: "aggregation";
  readonly op: string;
  readonly expr: Expr;
  readonly param: Expr | undefined;
  readonly without: boolean;
  readonly labels: readonly string[];
}

export type Cardinality = "one-to-one" | "many-to-one" | "one-to-many";

export interface VectorMatching {
  readonly on: boolean;
  readonly labels: readonly string[];
  readonly cardinality: Cardinality;
  /** Labels that `group_left` and `group_right` take from the "one" side. */
  readonly include: readonly string[];
}

export interface Binary extends Node {
  readonly kind: "binary";
  readonly op: string;
  readonly opStart: number;
  readonly bool: boolean;
  readonly lhs: Expr;
  readonly rhs: Expr;
  readonly matching: VectorMatching;
}

export interface Unary extends Node {
  readonly kind: "unary";
  readonly op: "+" | "-";
  readonly expr: Expr;
}

interface Paren extends Node {
  readonly kind: "paren";
  readonly expr: Expr;
}

export type Expr =
  | NumberLiteral
  | StringLiteral
  | VectorSelector
  | MatrixSelector
  | Subquery
  | Call
  | Aggregation
  | Binary
  | Unary
  | Paren;

/** Inside all parentheses. */
export function unwrap(expr: Expr): Expr {
  let inner = expr;
  while (inner.kind === "paren") inner = inner.expr;
  return inner;
}
