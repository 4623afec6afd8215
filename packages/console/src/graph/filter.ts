/** Find and hide: `rps > 10`, `error > 1%`, `p95 >= 100`, `name = reviews`, `ns != default`, `!mtls`, `idle`, joined by `and`/`or`. Pure. */
import type { GraphEdge, GraphNode } from "@tulle/telemetry/insight";

type Test = (node: GraphNode) => boolean;
type EdgeTest = (edge: GraphEdge) => boolean;

export interface Expression {
  /** Undefined: it says nothing of nodes. */
  readonly node: Test | undefined;
  readonly edge: EdgeTest | undefined;
  /** What is wrong with it; then it matches nothing. */
  readonly error: string | undefined;
}

const NOTHING: Expression = { node: undefined, edge: undefined, error: undefined };

const NODE_TEXTS: Readonly<Record<string, (node: GraphNode) => string>> = {
  name: ({ name }) => name,
  ns: ({ namespace }) => namespace,
  namespace: ({ namespace }) => namespace,
  service: ({ service }) => service,
  workload: ({ workload }) => workload,
  app: ({ app }) => app,
  version: ({ version }) => version,
  kind: ({ kind }) => kind,
  health: ({ health }) => health.state,
};

const NODE_NUMBERS: Readonly<Record<string, (node: GraphNode) => number | null>> = {
  in: (node) => node.in.rps,
  out: (node) => node.out.rps,
  contribution: (node) => node.contribution?.msPerRequest ?? null,
};

const NODE_FLAGS: Readonly<Record<string, Test>> = {
  healthy: ({ health }) => health.state === "healthy",
  idle: ({ health }) => health.state === "idle",
  root: ({ isRoot }) => isRoot,
  gateway: ({ isGateway }) => isGateway,
  external: ({ kind }) => kind === "external",
  outside: ({ kind }) => kind === "outside",
  fault: ({ badges }) => badges.some(({ kind }) => kind === "fault"),
  mirror: ({ badges }) => badges.some(({ kind }) => kind === "mirror"),
  shifting: ({ badges }) => badges.some(({ kind }) => kind === "shifting" || kind === "tcp-shifting"),
  breaker: ({ badges }) => badges.some(({ kind }) => kind === "circuit-breaker"),
};

const EDGE_NUMBERS: Readonly<Record<string, (edge: GraphEdge) => number | null>> = {
  rps: edgeRate,
  error: ({ http, grpc }) => (http ?? grpc)?.errorShare ?? null,
  p50: ({ latency }) => latency.source.p50Ms,
  p95: ({ latency }) => latency.source.p95Ms,
  p99: ({ latency }) => latency.source.p99Ms,
  rt: ({ latency }) => latency.source.p95Ms,
};

const EDGE_FLAGS: Readonly<Record<string, EdgeTest>> = {
  mtls: ({ mtls }) => mtls.state === "all",
  http: ({ protocols }) => protocols.includes("http"),
  grpc: ({ protocols }) => protocols.includes("grpc"),
  tcp: ({ protocols }) => protocols.includes("tcp"),
};

export function edgeRate({ http, grpc }: GraphEdge): number {
  return (http?.rps ?? 0) + (grpc?.rps ?? 0);
}

const CONDITION = /^([a-z0-9]+)\s*(!=|>=|<=|\*=|\^=|\$=|=|>|<)\s*(.+)$/i;

/** A text without operators is a part of a name. */
export function parseExpression(text: string): Expression {
  const trimmed = text.trim();
  if (trimmed === "") return NOTHING;
  const alternatives = trimmed.split(/\s+or\s+|\s*\|\|\s*/i);
  const parsed = alternatives.map((alternative) => alternative.split(/\s+and\s+|\s*&&\s*/i).map(parseTerm));
  const error = parsed.flat().find((term) => term.error !== undefined)?.error;
  if (error !== undefined) return { node: undefined, edge: undefined, error };
  return { node: combine(parsed, "node"), edge: combine(parsed, "edge"), error: undefined };
}

function combine<K extends "node" | "edge">(parsed: readonly (readonly Expression[])[], what: K): Expression[K] {
  type Subject = K extends "node" ? GraphNode : GraphEdge;
  const alternatives = parsed.filter((terms) => terms.every((term) => term[what] !== undefined));
  if (alternatives.length === 0) return undefined as Expression[K];
  const test = (subject: Subject): boolean =>
    alternatives.some((terms) => terms.every((term) => (term[what] as (subject: Subject) => boolean)(subject)));
  return test as Expression[K];
}

function parseTerm(text: string): Expression {
  const negated = /^(!|not\s+)\s*/i.exec(text);
  if (negated !== null && !CONDITION.test(text)) {
    const inner = parseTerm(text.slice(negated[0].length));
    const { node, edge } = inner;
    return {
      ...inner,
      node: node === undefined ? undefined : (one) => !node(one),
      edge: edge === undefined ? undefined : (one) => !edge(one),
    };
  }
  const condition = CONDITION.exec(text);
  if (condition === null) {
    const flag = text.toLowerCase();
    if (NODE_FLAGS[flag] !== undefined) return { ...NOTHING, node: NODE_FLAGS[flag] };
    if (EDGE_FLAGS[flag] !== undefined) return { ...NOTHING, edge: EDGE_FLAGS[flag] };
    return { ...NOTHING, node: ({ name }) => name.toLowerCase().includes(flag) };
  }
  const [, operand, operator, value] = condition as unknown as [string, string, string, string];
  const name = operand.toLowerCase();
  const textOf = NODE_TEXTS[name];
  if (textOf !== undefined) {
    if (/^[<>]/.test(operator)) return wrong(`${name} is text: =, !=, *= (contains), ^= (starts), $= (ends)`);
    return { ...NOTHING, node: (node) => compareText(textOf(node), operator, value) };
  }
  const number = /^(-?\d+(?:\.\d+)?)\s*(%|ms|s)?$/.exec(value.trim());
  if (NODE_NUMBERS[name] === undefined && EDGE_NUMBERS[name] === undefined) {
    return wrong(
      `nothing is called ${operand}; try ${[...Object.keys(EDGE_NUMBERS), ...Object.keys(NODE_TEXTS)].join(", ")}`,
    );
  }
  if (number === null) return wrong(`${operand} is compared with a number`);
  const limit = Number(number[1]) * (number[2] === "%" ? 0.01 : number[2] === "s" ? 1000 : 1);
  const nodeNumber = NODE_NUMBERS[name];
  const edgeNumber = EDGE_NUMBERS[name];
  return {
    node: nodeNumber === undefined ? undefined : (node) => compareNumber(nodeNumber(node), operator, limit),
    edge: edgeNumber === undefined ? undefined : (edge) => compareNumber(edgeNumber(edge), operator, limit),
    error: undefined,
  };
}

function wrong(error: string): Expression {
  return { ...NOTHING, error };
}

function compareText(actual: string, operator: string, value: string): boolean {
  const a = actual.toLowerCase();
  const b = value.trim().toLowerCase();
  switch (operator) {
    case "=":
      return a === b;
    case "!=":
      return a !== b;
    case "^=":
      return a.startsWith(b);
    case "$=":
      return a.endsWith(b);
    default:
      return a.includes(b);
  }
}

/** What is not known satisfies nothing. */
function compareNumber(actual: number | null, operator: string, limit: number): boolean {
  if (actual === null) return false;
  switch (operator) {
    case ">":
      return actual > limit;
    case ">=":
      return actual >= limit;
    case "<":
      return actual < limit;
    case "<=":
      return actual <= limit;
    case "!=":
      return actual !== limit;
    default:
      return actual === limit;
  }
}
