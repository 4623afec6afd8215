import type { Labels } from "@tulle/api";
import { gatewayOf, gatewaysOf } from "../model/gateway.ts";
import type { Snapshot } from "../model/snapshot.ts";
import type { Found } from "./analyze.ts";

/**
 * Gateways that no proxy serves (istio/istio `pkg/config/analysis/analyzers/gateway/gateway.go`, which asks Pods). As long as no gateway is
 * connected nothing is known of their labels: they are yet to be started.
 */
export function unservedGateways({ objects }: Snapshot, proxies: readonly Labels[]): readonly Found[] {
  if (proxies.length === 0) return [];
  return objects.flatMap((stored): Found[] => {
    const gateway = gatewayOf(stored);
    if (gateway === undefined || proxies.some((labels) => gatewaysOf([gateway], labels).length > 0)) return [];
    const labels = Object.entries(gateway.spec.selector ?? {}).map(([key, value]) => `${key}=${value}`);
    const message = `no gateway that is connected has the labels ${labels.join(", ")}`;
    return [{ code: "IST0101", loaded: stored.loaded, path: ["spec", "selector"], message }];
  });
}
