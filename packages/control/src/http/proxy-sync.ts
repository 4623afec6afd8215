/** Whether proxies have what they should have, in one word each. */
import type { ProxySync } from "@tulle/telemetry/insight";
import type { ApiContext } from "./handler.ts";

/** The newest connection of each proxy. */
export function proxySyncs({ pusher, ads }: Pick<ApiContext, "pusher" | "ads">): readonly ProxySync[] {
  const status = new Map(ads.status().map((one) => [one.streamId, one.types]));
  const byId = new Map<string, ProxySync>();
  for (const { node, streamId } of pusher.proxies()) {
    const types = status.get(streamId) ?? [];
    const refused = types.find(({ state }) => state === "NACKED");
    const isLate = pusher.pending || types.some(({ state }) => state === "STALE");
    byId.set(node.id, {
      id: node.id,
      workload: node.workload,
      namespace: node.namespace,
      state: refused !== undefined ? "NACKED" : isLate ? "STALE" : "SYNCED",
      error: refused?.error?.message ?? "",
    });
  }
  return [...byId.values()];
}
