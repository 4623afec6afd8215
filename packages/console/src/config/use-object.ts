import type { UseQueryResult } from "@tanstack/react-query";
import { useGet } from "../api/hooks.ts";
import type { Diagnostic, ObjectItem } from "../api/types.ts";
import { objectApiPath } from "../url/address.ts";
import type { ObjectReference } from "../url/address.ts";

export interface ObjectAnswer extends ObjectItem {
  readonly text: string;
  /** Of the file that it is in. */
  readonly firstLine: number;
  readonly diagnostics: readonly Diagnostic[];
}

export function useObject(reference: ObjectReference): UseQueryResult<ObjectAnswer> {
  return useGet(objectApiPath(reference), {}, { keep: false });
}
