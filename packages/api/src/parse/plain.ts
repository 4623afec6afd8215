/**
 * YAML nodes to plain values: duplicate keys, merge keys and aliases are handled here, in linear time and with bounds
 * on what aliases may add.
 */
import { isAlias, isMap, isScalar, isSeq } from "yaml";
import type { Node, Pair, YAMLMap } from "yaml";
import type { DiagnosticCode } from "../diagnostic.ts";
import type { ParseLimits } from "./limits.ts";

interface PlainProblem {
  readonly code: DiagnosticCode;
  readonly offset: number;
  readonly message: string;
  readonly expected?: string;
}

export interface PlainValue {
  readonly value: unknown;
  readonly problems: readonly PlainProblem[];
}

interface State {
  readonly limits: ParseLimits;
  /** Latest node of each anchor, in document order: an alias means the one before it. */
  readonly anchors: Map<string, Node>;
  /** Nodes being converted: an alias to one of them would never end. */
  readonly open: Set<Node>;
  readonly problems: PlainProblem[];
  aliasDepth: number;
  aliasedNodes: number;
  depth: number;
}

export function toPlain(root: Node | null, limits: ParseLimits): PlainValue {
  const state: State = {
    limits,
    anchors: new Map(),
    open: new Set(),
    problems: [],
    aliasDepth: 0,
    aliasedNodes: 0,
    depth: 0,
  };
  const value = convert(root, state);
  return { value, problems: state.problems };
}

function offsetOf(node: Node): number {
  return node.range?.[0] ?? 0;
}

function exhausted(state: State): boolean {
  return state.aliasedNodes > state.limits.maxAliasedNodes;
}

function convert(node: unknown, state: State): unknown {
  if (isAlias(node)) return convertAlias(node.source, node, state);
  if (isScalar(node)) {
    remember(node, state);
    return node.value;
  }
  if (!isMap(node) && !isSeq(node)) return null;
  remember(node, state);
  if (state.aliasDepth > 0 && !spend(node.items.length, node, state)) return null;
  if (state.depth >= state.limits.maxDepth) {
    const message = `is nested more than ${state.limits.maxDepth} levels deep`;
    state.problems.push({ code: "too-large", offset: offsetOf(node), message });
    return null;
  }
  state.open.add(node);
  state.depth++;
  const value = isMap(node) ? convertMap(node, state) : node.items.map((item) => convert(item, state));
  state.depth--;
  state.open.delete(node);
  return value;
}

function remember(node: Node & { anchor?: string }, state: State): void {
  // Inside an alias the anchors were already seen; seeing them again would only move them back.
  if (node.anchor !== undefined && state.aliasDepth === 0) state.anchors.set(node.anchor, node);
}

/** Counts what an alias adds; false, with one problem, once that is too much. */
function spend(count: number, node: Node, state: State): boolean {
  if (exhausted(state)) return false;
  state.aliasedNodes += count + 1;
  if (!exhausted(state)) return true;
  const message = "aliases expand to too many values";
  const expected = `at most ${state.limits.maxAliasedNodes}`;
  state.problems.push({ code: "too-large", offset: offsetOf(node), message, expected });
  return false;
}

function convertAlias(name: string, alias: Node, state: State): unknown {
  const target = state.anchors.get(name);
  if (target === undefined || state.open.has(target)) {
    const message = target === undefined ? `alias *${name} has no anchor before it` : `alias *${name} contains itself`;
    state.problems.push({ code: "yaml-syntax", offset: offsetOf(alias), message });
    return null;
  }
  if (!spend(0, alias, state)) return null;
  state.aliasDepth++;
  const value = convert(target, state);
  state.aliasDepth--;
  return value;
}

function convertMap(map: YAMLMap, state: State): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  const own = new Set<string>();
  const merges: Pair[] = [];
  for (const pair of map.items) {
    if (isMergeKey(pair.key)) {
      merges.push(pair);
      continue;
    }
    const key = keyText(pair.key, map, state);
    if (key === undefined) continue;
    if (own.has(key)) {
      const offset = isScalar(pair.key) ? offsetOf(pair.key) : offsetOf(map);
      const message = `key ${JSON.stringify(key)} is written twice`;
      state.problems.push({ code: "duplicate-key", offset, message, expected: "each key once" });
    }
    own.add(key);
    define(result, key, convert(pair.value, state));
  }
  for (const merge of merges) mergeInto(result, convert(merge.value, state), merge, map, state);
  return result;
}

/** `<<` written as a plain scalar (YAML 1.1's merge key, which go-yaml understands). */
function isMergeKey(key: unknown): boolean {
  return isScalar(key) && key.value === "<<" && key.type === "PLAIN";
}

/** Keys that are already there win, and earlier maps of a list win over later ones. */
function mergeInto(result: Record<string, unknown>, source: unknown, pair: Pair, map: YAMLMap, state: State): void {
  const sources: readonly unknown[] = Array.isArray(source) ? source : [source];
  for (const one of sources) {
    if (typeof one !== "object" || one === null || Array.isArray(one)) {
      const offset = isScalar(pair.key) ? offsetOf(pair.key) : offsetOf(map);
      const expected = "an object or a list of objects";
      state.problems.push({ code: "yaml-syntax", offset, message: "<< merges something that is no object", expected });
      continue;
    }
    for (const [key, value] of Object.entries(one)) if (!Object.hasOwn(result, key)) define(result, key, value);
  }
}

/** Keys of JSON are strings; YAML's numbers and booleans become their text. */
function keyText(key: unknown, map: YAMLMap, state: State): string | undefined {
  if (isAlias(key)) {
    const value = convertAlias(key.source, key, state);
    if (typeof value === "string" || typeof value === "number") return String(value);
  } else if (isScalar(key)) {
    remember(key, state);
    if (key.value === null) return key.source ?? "";
    if (typeof key.value === "string") return key.value;
    if (key.source !== undefined) return key.source;
  }
  const offset = isMap(key) || isSeq(key) ? offsetOf(key) : offsetOf(map);
  state.problems.push({ code: "yaml-syntax", offset, message: "a key is no scalar", expected: "a string" });
  return undefined;
}

/** Assignment that treats `__proto__` as any other name. */
function define(target: Record<string, unknown>, key: string, value: unknown): void {
  if (key === "__proto__") {
    Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });
  } else {
    target[key] = value;
  }
}
