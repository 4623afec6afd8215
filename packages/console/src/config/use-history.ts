import type { UseQueryResult } from "@tanstack/react-query";
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
