import type { UseQueryResult } from "@tanstack/react-query";
import type { CriticalPath } from "@tulle/telemetry/insight";
import type { JaegerAnswer } from "../traces/model.ts";
import type { Query } from "./client.ts";
import { useGet } from "./hooks.ts";

export function useTraceServices(): UseQueryResult<{ readonly data: readonly string[] | null }> {
  return useGet("api/services");
}

export function useOperations(service: string): UseQueryResult<{
  readonly data: readonly (string | { readonly name: string })[] | null;
}> {
  return useGet("api/operations", { service }, { enabled: service !== "" });
}

export function useTraces(query: Query, enabled: boolean): UseQueryResult<JaegerAnswer> {
  return useGet("api/traces", query, { enabled });
}

export function useTrace(id: string): UseQueryResult<JaegerAnswer> {
  return useGet(`api/traces/${encodeURIComponent(id)}`, {}, { keep: false, refreshMs: false });
}

export function useCriticalPath(id: string): UseQueryResult<CriticalPath> {
  return useGet(`api/v1/slow/${encodeURIComponent(id)}`, {}, { keep: false, refreshMs: false });
}
