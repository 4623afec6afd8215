import { useQuery } from "@tanstack/react-query";
import type { UseQueryResult } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import type { ExplainAnswer, ExplainQuestion } from "@tulle/explain/answer";
import type { KeptRequest } from "@tulle/telemetry/records";
import { apiUrl, postJson } from "./client.ts";
import type { Query } from "./client.ts";
import { useGet } from "./hooks.ts";
import { openStream } from "./stream.ts";
import type { StreamState } from "./stream.ts";

export function useRequests(
  query: Query,
  enabled: boolean,
): UseQueryResult<{ readonly items: readonly KeptRequest[] }> {
  return useGet("api/v1/requests", query, { enabled });
}

export function useRequest(id: string): UseQueryResult<KeptRequest> {
  return useGet(`api/v1/requests/${encodeURIComponent(id)}`, {}, { refreshMs: false, keep: false });
}

/** More than these nobody reads; the oldest go. */
const TAPPED = 500;

export interface Tap {
  readonly requests: readonly KeptRequest[];
  /** That came faster than they could be shown. */
  readonly missed: number;
  readonly state: StreamState;
}

/** What passes now, newest first. While it is paused, what is shown stays. */
export function useTap(query: Query, enabled: boolean): Tap {
  const [tap, setTap] = useState<Omit<Tap, "state">>({ requests: [], missed: 0 });
  const [state, setState] = useState<StreamState>("connecting");
  const url = apiUrl("api/v1/tap", query);
  useEffect(() => setTap({ requests: [], missed: 0 }), [url]);
  useEffect(() => {
    if (!enabled) return undefined;
    return openStream(url, {
      onState: setState,
      on: {
        message: (data) => {
          const { requests, missed } = data as { readonly requests: readonly KeptRequest[]; readonly missed: number };
          setTap((before) => ({
            requests: [...requests.toReversed(), ...before.requests].slice(0, TAPPED),
            missed: before.missed + missed,
          }));
        },
      },
    });
  }, [url, enabled]);
  return { ...tap, state };
}

export function useExplanation(question: ExplainQuestion | undefined): UseQueryResult<ExplainAnswer> {
  return useQuery({
    queryKey: ["explain", question],
    queryFn: () => postJson<ExplainAnswer>("api/v1/explain", question),
    enabled: question !== undefined,
    retry: false,
    staleTime: 10_000,
  });
}
