/** Kinds as people type them: `vs`, `virtualservice`, `virtualservices.networking.istio.io`. */
import { findKindsByName, KINDS } from "@tulle/api";
import type { KindInfo } from "@tulle/api";
import { UsageError } from "../errors.ts";
import { nearest } from "../suggest.ts";

/** All kinds that `name` may mean. Throws a UsageError if there is none. */
export function kindsNamed(name: string): readonly KindInfo[] {
  const found = findKindsByName(name);
  if (found.length > 0) return found;
  const known = KINDS.flatMap(({ kind, plural, shortNames }) => [kind.toLowerCase(), plural, ...shortNames]);
  const near = nearest(name, known);
  throw new UsageError(`unknown kind ${name}`, near === undefined ? [] : [`Did you mean ${near}?`]);
}

/** `virtualservice.networking.istio.io`, as kubectl names what it did something to; the core group has no suffix. */
export function qualifiedKind(kind: string, group: string): string {
  return group === "" ? kind.toLowerCase() : `${kind.toLowerCase()}.${group}`;
}
