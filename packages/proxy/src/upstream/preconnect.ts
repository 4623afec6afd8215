import type { PreconnectPlan } from "../plan/cluster-plan.ts";
import type { Cluster } from "./cluster.ts";
import type { Host } from "./host.ts";
import type { Pool } from "./pool.ts";

/** So many connections at most are opened at a time, whatever for. Source: Envoy `conn_pool_base.cc`, tryCreateNewConnections. */
export const CONNECTS_AT_A_TIME = 3;

/** Knows which connections to a host a request takes. */
export interface PoolSource {
  poolOf(cluster: Cluster, host: Host): Pool;
}

/** Of requests that no client waits for. */
export const DEFAULT_POOLS: PoolSource = { poolOf: (_cluster, host) => host.pool(0) };

/**
 * Whether there is less than the ratio says.
 * @param room what open connections and those being opened can still take @param expected requests about to come
 * Source: Envoy `conn_pool_base.cc`, shouldConnect.
 */
export function needsConnection(
  pending: number,
  active: number,
  room: number,
  ratio: PreconnectPlan["perHost"],
  expected: number,
): boolean {
  return (pending + active + expected) * ratio > room + active;
}
