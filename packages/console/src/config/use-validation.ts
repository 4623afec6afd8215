/** What the control plane says of a text that is being written. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import type { UseQueryResult } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { postYaml } from "../api/client.ts";
import type { Diagnostic, ObjectStatus } from "../api/types.ts";
import { after } from "../clock.ts";
import type { ObjectReference } from "../url/address.ts";

export interface ValidationAnswer {
  readonly valid: boolean;
  readonly diagnostics: readonly Diagnostic[];
  readonly objects: readonly (ObjectReference & {
    readonly action: "created" | "configured" | "unchanged";
    /** Its text now; absent if it is new. */
    readonly before?: string;
    readonly status: readonly ObjectStatus[];
  })[];
  /** Objects that nobody touches and that would change. */
  readonly others: readonly (ObjectReference & {
    readonly was: readonly ObjectStatus[];
    readonly will: readonly ObjectStatus[];
  })[];
}

/** After so long without a key. */
const PAUSE_MS = 250;

export function useValidation(text: string): UseQueryResult<ValidationAnswer> {
  const [settled, setSettled] = useState(text);
  useEffect(() => after(PAUSE_MS, () => setSettled(text)), [text]);
  return useQuery({
    queryKey: ["validate", settled],
    queryFn: () => postYaml<ValidationAnswer>("api/v1/validate", settled),
    enabled: settled.trim() !== "",
    placeholderData: keepPreviousData,
  });
}
