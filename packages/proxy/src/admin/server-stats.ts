import { TYPE } from "@tulle/xds";
import { STATE_NUMBERS } from "../server-state.ts";
import { VERSION } from "../version.ts";
import type { AdminContext } from "./endpoint.ts";

export type ServerStatsSource = Pick<
  AdminContext,
  "stats" | "clock" | "state" | "startedMs" | "runtime" | "ads" | "subscriptionStats"
>;

/** Subscriptions that Envoy counts, and the names under which it does. (Envoy docs, "xDS subscription statistics") */
const SUBSCRIPTIONS: Readonly<Record<string, string>> = {
  "cluster_manager.cds": TYPE.cluster,
  "listener_manager.lds": TYPE.listener,
};

/** Brings the stats up to date that nobody counts as they happen: called before they are shown. */
export function refreshServerStats(context: ServerStatsSource): void {
  const { stats, clock } = context;
  const memory = process.memoryUsage();
  const state = context.state();
  const gauge = (name: string, value: number): void => {
    stats.gauge(name).value = value;
  };
  gauge("server.live", state === "LIVE" ? 1 : 0);
  gauge("server.state", STATE_NUMBERS[state]);
  gauge("server.uptime", Math.floor((clock.wallMs() - context.startedMs) / 1000));
  gauge("server.concurrency", 1);
  gauge("server.memory_allocated", memory.heapUsed + memory.external);
  gauge("server.memory_heap_size", memory.heapTotal);
  gauge("server.memory_physical_size", memory.rss);
  gauge("server.version", Number.parseInt(VERSION.replaceAll(".", ""), 10) || 0);
  const { runtime } = context;
  gauge("runtime.num_layers", runtime.layers.length);
  gauge("runtime.num_keys", runtime.keys().size);
  gauge("runtime.admin_overrides_active", runtime.adminOverrides > 0 ? 1 : 0);
  stats.counter("runtime.load_success").value = runtime.loads;
  stats.counter("runtime.load_error");
  const ads = context.ads();
  if (ads !== null) gauge("control_plane.connected_state", ads.controlPlane.connectedState);
  for (const [prefix, typeUrl] of Object.entries(SUBSCRIPTIONS)) {
    const subscription = context.subscriptionStats(typeUrl);
    if (subscription === undefined) continue;
    stats.counter(`${prefix}.update_attempt`).value = subscription.updateAttempt;
    stats.counter(`${prefix}.update_success`).value = subscription.updateSuccess;
    stats.counter(`${prefix}.update_failure`).value = subscription.updateFailure;
    stats.counter(`${prefix}.update_rejected`).value = subscription.updateRejected;
    stats.counter(`${prefix}.init_fetch_timeout`).value = subscription.initFetchTimeout;
    gauge(`${prefix}.update_time`, subscription.updateTime);
  }
}
