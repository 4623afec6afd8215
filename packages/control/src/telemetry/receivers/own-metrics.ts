/** The control plane's own metrics, among those of the mesh: it scrapes itself. */
import { hostname } from "node:os";
import type { Clock } from "@tulle/xds";
import type { Sender } from "../sender.ts";
import type { Telemetry } from "../telemetry.ts";

/** As proxies flush. (Envoy's `stats_flush_interval`) */
const INTERVAL_MS = 5_000;

export interface OwnMetricsOptions {
  readonly telemetry: Telemetry;
  readonly render: () => string;
  /** Of the HTTP API. */
  readonly address: string;
  readonly namespace: string;
  readonly clock: Clock;
}

/** The function that it returns ends it. Labels are those of an istiod, by which Istio's dashboards find their control plane. */
export function scrapeItself({ telemetry, render, address, namespace, clock }: OwnMetricsOptions): () => void {
  const target = { app: "istiod", instance: address, job: "istiod", namespace, pod: `istiod-${hostname()}` };
  const from: Sender = { id: "control plane", proxy: undefined, target };
  let cancel = (): void => undefined;
  const scrape = (): void => {
    telemetry.ingest("prometheus-text", from, Buffer.from(render()));
    cancel = clock.after(INTERVAL_MS, scrape);
  };
  scrape();
  return () => cancel();
}
