/** The telemetry thread without a thread: the same core, called directly, with a clock that stands still. */
import type { Sender } from "../../src/telemetry/sender.ts";
import type { TelemetryCoreOptions } from "../../src/telemetry/core.ts";
import { TelemetryCore } from "../../src/telemetry/core.ts";
import { ManualClock } from "./manual-clock.ts";

export const NOW = Date.UTC(2026, 0, 1);

export const APPLICATION: Sender = { id: "127.0.0.1", proxy: undefined };

export const PROXY: Sender = {
  id: "sidecar~10.0.0.1~reviews-v2-abc.default~default.svc.cluster.local",
  proxy: {
    node: "sidecar~10.0.0.1~reviews-v2-abc.default~default.svc.cluster.local",
    workload: "reviews-v2",
    namespace: "default",
    labels: { app: "reviews", version: "v2" },
    address: "10.0.0.1",
    clusterId: "Kubernetes",
    service: "reviews",
    userAgent: "tulle",
  },
};

/** `core.series.append`, `core.traces.add` and `core.ingest` fill it, `core.ask` and `core.subscribe` are what the main thread calls. */
export function telemetryCore({
  path = ":memory:",
  clock = new ManualClock(NOW),
  log = (): void => undefined,
}: Partial<TelemetryCoreOptions & { clock: ManualClock }> = {}): {
  readonly core: TelemetryCore;
  readonly clock: ManualClock;
} {
  return { core: new TelemetryCore({ path, clock, log }), clock };
}

export const bytesOf = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));
