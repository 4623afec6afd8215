import { useEffect, useState } from "react";
import type { ReactNode } from "react";
import { every, now } from "../clock.ts";
import { formatRelative } from "../format/numbers.ts";

const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const DATE = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });

export function formatClock(ms: number): string {
  return CLOCK.format(ms);
}

export function formatDate(ms: number): string {
  return DATE.format(ms);
}

/** How long ago or how soon, kept true; the exact moment where one points at it. */
export function Moment({ at }: { readonly at: string | number }): ReactNode {
  const ms = typeof at === "number" ? at : Date.parse(at);
  const current = useNow(1000);
  if (Number.isNaN(ms)) return <>{at}</>;
  return (
    <time dateTime={new Date(ms).toISOString()} title={formatDate(ms)} className="nowrap">
      {formatRelative(ms, current)}
    </time>
  );
}

function useNow(milliseconds: number): number {
  const [current, setCurrent] = useState(now);
  useEffect(() => every(milliseconds, () => setCurrent(now())), [milliseconds]);
  return current;
}
