/** What pages ask, each question under one key, so that pages share answers. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import type { UseQueryResult } from "@tanstack/react-query";
import { get } from "./client.ts";
import type { Query } from "./client.ts";
import type {
  AuthorityAnswer,
  ConfigDump,
  DiagnosticsAnswer,
  ObjectItem,
  ProxyStatus,
  RotationAnswer,
  Workload,
} from "./types.ts";

/** How often what can change by itself is asked again. */
const REFRESH_MS = 5000;

/** One GET, asked again while it is shown. */
export function useGet<T>(
  path: string,
  query: Query = {},
  options: { readonly refreshMs?: number | false; readonly enabled?: boolean; readonly keep?: boolean } = {},
): UseQueryResult<T> {
  const { refreshMs = REFRESH_MS, enabled = true, keep = true } = options;
  return useQuery<T>({
    queryKey: [path, query],
    queryFn: ({ signal }) => get<T>(path, query, signal),
    refetchInterval: refreshMs,
    enabled,
    ...(keep ? { placeholderData: keepPreviousData } : {}),
  });
}

export function useObjects(): UseQueryResult<{ readonly items: readonly ObjectItem[] }> {
  return useGet("api/v1/objects");
}

export function useDiagnostics(): UseQueryResult<DiagnosticsAnswer> {
  return useGet("api/v1/diagnostics");
}

export function useProxies(): UseQueryResult<readonly ProxyStatus[]> {
  return useGet("api/v1/proxies");
}

export function useWorkloads(): UseQueryResult<{ readonly items: readonly Workload[] }> {
  return useGet("api/v1/workloads");
}

export function useConfigDump(proxy: string): UseQueryResult<ConfigDump> {
  return useGet(`api/v1/proxies/${encodeURIComponent(proxy)}/config_dump`, {}, { keep: false });
}

export function useAuthority(): UseQueryResult<AuthorityAnswer> {
  return useGet("api/v1/ca", {}, { refreshMs: 30_000 });
}

export function useRotation(): UseQueryResult<RotationAnswer> {
  return useGet("api/v1/ca/rotation", {}, { refreshMs: 30_000 });
}
