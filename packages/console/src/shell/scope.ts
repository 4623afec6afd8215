/** Where and when one looks: one namespace or all, and a stretch of time. Both are in the address. */
import { useEffect, useState } from "react";
import { every, now } from "../clock.ts";
import { parseRange } from "../url/time-range.ts";
import type { TimeRange } from "../url/time-range.ts";
import { useAddress } from "../url/use-address.ts";

/** "" is all. */
export function useNamespace(): string {
  return useAddress().query.get("ns") ?? "";
}

export function inScope(namespace: string, scope: string): boolean {
  return scope === "" || namespace === scope;
}

/** A live range moves on with the clock, in whole steps, so that pages that share it ask the same. */
export function useRange(stepMs = 5000): TimeRange {
  const text = useAddress().query.get("range");
  const floor = (): number => Math.floor(now() / stepMs) * stepMs;
  const [current, setCurrent] = useState(floor);
  useEffect(() => every(1000, () => setCurrent(floor())), [stepMs]);
  return parseRange(text, current);
}
