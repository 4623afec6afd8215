/** In place of the telemetry thread: dies of any telemetry, is silent when asked, lost when asked for the trace `loop`, and tells subscribers that it was started. */
import { parentPort } from "node:worker_threads";
import type { FromWorker, ToWorker } from "../../src/telemetry/protocol.ts";

const port = parentPort!;
const post = (message: FromWorker): void => port.postMessage(message);

port.on("message", (message: ToWorker) => {
  if (message.type === "ingest") throw new Error("it dies of this");
  if (message.type === "subscribe") post({ type: "event", id: message.id, event: { spans: 1 } });
  if (message.type === "ask") while ((message.parameters as { traceId: string }).traceId === "loop");
  if (message.type === "close") port.close();
});
