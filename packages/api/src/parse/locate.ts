/** From a path in a value to the place where it is written. */
import { isAlias, isMap, isScalar, isSeq } from "yaml";
import type { Node, Pair } from "yaml";
import type { Path, PathStep } from "../diagnostic.ts";
import { camelCase } from "../schema/check.ts";

/**
 * Offset of the field at `path`, or of its nearest existing ancestor. A scalar is at its value, an object or list at
 * the name that introduces it; `atKey` asks for the name in any case. Below an alias everything is where the alias is.
 */
export function offsetOf(root: Node | null, path: Path, atKey: boolean): number {
  let node: unknown = root;
  let offset = startOf(root) ?? 0;
  for (const [index, step] of path.entries()) {
    if (isAlias(node)) return startOf(node) ?? offset;
    const found = child(node, step);
    if (found === undefined) return offset;
    const last = index === path.length - 1;
    node = found.value;
    if (found.key === undefined) offset = startOf(node) ?? offset;
    else offset = (last && !atKey && isWrittenScalar(node) ? startOf(node) : startOf(found.key)) ?? offset;
  }
  return offset;
}

interface Child {
  readonly key: unknown;
  readonly value: unknown;
}

function child(node: unknown, step: PathStep): Child | undefined {
  if (isSeq(node) && typeof step === "number") {
    return step < node.items.length ? { key: undefined, value: node.items[step] } : undefined;
  }
  if (!isMap(node)) return undefined;
  const name = String(step);
  const pairs: readonly Pair[] = node.items;
  const pair =
    pairs.find((candidate) => textOf(candidate.key) === name) ??
    // Checks speak of JSON names; the file may have the protobuf name.
    pairs.find((candidate) => camelCase(textOf(candidate.key) ?? "") === name);
  return pair === undefined ? undefined : { key: pair.key, value: pair.value };
}

function textOf(key: unknown): string | undefined {
  if (!isScalar(key)) return undefined;
  return typeof key.value === "string" ? key.value : (key.source ?? String(key.value));
}

function isWrittenScalar(node: unknown): boolean {
  if (isAlias(node)) return true;
  return isScalar(node) && node.range != null && node.source !== "" && node.value !== null;
}

function startOf(node: unknown): number | undefined {
  return isAlias(node) || isScalar(node) || isMap(node) || isSeq(node) ? node.range?.[0] : undefined;
}
