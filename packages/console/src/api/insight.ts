/** What is said of traffic: edges, health and delays (`@tulle/telemetry/insight`). */
import type { UseQueryResult } from "@tanstack/react-query";
import type {
  Graph,
  GraphType,
  Overview,
  ServiceDetail,
  ServicesAnswer,
  WorkloadDetail,
  WorkloadsAnswer,
} from "@tulle/telemetry/insight";
import { useNamespace, useRange } from "../shell/scope.ts";
import { pathOf } from "../url/address.ts";
import { rangeSeconds } from "../url/time-range.ts";
import type { TimeRange } from "../url/time-range.ts";
import type { Query } from "./client.ts";
import { useGet } from "./hooks.ts";

/** A live range is asked for as "now", so that the control plane's clock decides. */
export function windowOf(range: TimeRange): Query {
  return { window: `${rangeSeconds(range)}s`, at: range.live ? undefined : range.to };
}

function useWindow(): Query {
  return windowOf(useRange());
}

function useScoped(): Query {
  const ns = useNamespace();
  return { ...useWindow(), ns: ns === "" ? undefined : ns };
}

export function useOverview(): UseQueryResult<Overview> {
  return useGet("api/v1/overview", useScoped());
}

export interface GraphQuestion {
  readonly type: GraphType;
  /** Namespaces are one node each, but for those that are unfolded. */
  readonly folded: boolean;
  readonly unfolded: string;
  /** A moment in the past, ms. */
  readonly at: number | undefined;
}

export function graphQuery({ type, folded, unfolded, at }: GraphQuestion, ns: string, range: TimeRange): Query {
  return {
    type,
    ns: ns === "" ? undefined : ns,
    collapse: folded ? "ns" : undefined,
    expand: folded && unfolded !== "" ? unfolded : undefined,
    ...windowOf(range),
    ...(at === undefined ? {} : { at }),
  };
}

export function useGraphAt(question: GraphQuestion, enabled: boolean): UseQueryResult<Graph> {
  const query = graphQuery(question, useNamespace(), useRange());
  return useGet("api/v1/graph", query, { enabled, refreshMs: false });
}

export function useServices(): UseQueryResult<ServicesAnswer> {
  return useGet("api/v1/services", useScoped());
}

export function useService(namespace: string, name: string): UseQueryResult<ServiceDetail> {
  return useGet(`api/v1/services${pathOf(namespace, name)}`, useWindow());
}

export function useWorkloadStats(): UseQueryResult<WorkloadsAnswer> {
  return useGet("api/v1/workloads/stats", useScoped());
}

export function useWorkload(namespace: string, name: string): UseQueryResult<WorkloadDetail> {
  return useGet(`api/v1/workloads/stats${pathOf(namespace, name)}`, useWindow());
}
