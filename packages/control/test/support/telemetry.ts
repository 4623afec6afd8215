/** The telemetry thread without a thread: the same core, called directly, with a clock that stands still. */
import type { Sender } from "../../src/telemetry/sender.ts";
import { TelemetryCore } from "../../src/telemetry/core.ts";
import { ManualClock } from "./manual-clock.ts";

export const NOW = Date.UTC(2026, 0, 1);

export const APPLICATION: Sender = { id: "127.0.0.1", proxy: undefined };

/** `core.series.append`, `core.traces.add` and `core.ingest` fill it, `core.ask` and `core.subscribe` are what the main thread calls. */
export function telemetryCore(): { readonly core: TelemetryCore; readonly clock: ManualClock } {
  const clock = new ManualClock(NOW);
  return { core: new TelemetryCore({ clock, log: () => undefined }), clock };
}

export const bytesOf = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));
