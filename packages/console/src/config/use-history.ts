import type { UseQueryResult } from "@tanstack/react-query";
import { useMemo } from "react";
import { useGet } from "../api/hooks.ts";
import type { Query } from "../api/client.ts";
import type { ObjectReference } from "../url/address.ts";

export interface HistoryItem {
  readonly id: number;
  readonly at: number;
  readonly by: "api" | "console" | "files" | "expiry" | "undo";
  readonly objects: readonly (ObjectReference & {
    readonly key: string;
    /** Absent: it was not there; null: not kept. */
    readonly before?: string | null;
    readonly after?: string | null;
  })[];
}

export interface HistoryAnswer {
  readonly items: readonly HistoryItem[];
  readonly total: number;
}

export function useHistory(query: Query = {}): UseQueryResult<HistoryAnswer> {
  return useGet("api/v1/history", query);
}

export const CHANGED_BY: Readonly<Record<HistoryItem["by"], string>> = {
  api: "tulle apply",
  console: "the console",
  files: "the files",
  expiry: "its time was up",
  undo: "undo",
};

/** A change of the configuration as a moment in a chart. */
export interface ChangeMark {
  readonly id: number;
  /** ms since 1970. */
  readonly at: number;
  readonly title: string;
}

/** Asked for at once; older changes of a long stretch of time have no mark. */
const MARKED = 100;

function titleOf({ objects, by }: HistoryItem): string {
  const [first, ...others] = objects;
  if (first === undefined) return CHANGED_BY[by];
  const did = first.before === undefined ? "made" : first.after === undefined ? "removed" : "changed";
  const more = others.length === 0 ? "" : ` and ${others.length} more`;
  return `${first.kind} ${first.name}${more} ${did} by ${CHANGED_BY[by]}`;
}

export function useChangeMarks(fromMs: number, toMs: number): readonly ChangeMark[] {
  const history = useHistory({ limit: MARKED });
  const items = history.data?.items;
  return useMemo(
    () =>
      (items ?? [])
        .filter(({ at }) => at >= fromMs && at <= toMs)
        .map((item) => ({ id: item.id, at: item.at, title: titleOf(item) })),
    [items, fromMs, toMs],
  );
}
