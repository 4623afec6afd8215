/**
 * Objects that end by themselves: a fault for a quarter of an hour, a mirror for a day. The object itself says until when, and what was there
 * before it, so that nothing else has to be remembered.
 */
import type { KubeObject } from "@tulle/api";

/** A UTC time in ISO 8601's basic format, `20261129T151500Z`: labels take no colons. */
export const TEMPORARY_UNTIL = "tulle.dev/temporary-until";
/** Annotation: the YAML that comes back then; without it, the object is removed. */
export const TEMPORARY_BEFORE = "tulle.dev/temporary-before";

/** Milliseconds since the epoch; undefined if the object stays. */
export function temporaryUntil({
  metadata: { labels, annotations },
}: Pick<KubeObject, "metadata">): number | undefined {
  const text = labels[TEMPORARY_UNTIL] ?? annotations[TEMPORARY_UNTIL];
  if (text === undefined) return undefined;
  const [, date, hours, minutes, seconds] = /^(\d{8})T(\d\d)(\d\d)(\d\d)Z$/.exec(text) ?? [];
  if (date === undefined) return undefined;
  const at = Date.parse(
    `${date.slice(0, 4)}-${date.slice(4, 6)}-${date.slice(6, 8)}T${hours!}:${minutes!}:${seconds!}Z`,
  );
  return Number.isNaN(at) ? undefined : at;
}

export function formatUntil(atMs: number): string {
  return new Date(atMs).toISOString().replaceAll(/[-:]|\.\d+/g, "");
}
