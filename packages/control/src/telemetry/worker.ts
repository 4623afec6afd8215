/** The telemetry thread: takes messages of the main thread to the core, and its answers back. */
import { parentPort, workerData } from "node:worker_threads";
import { systemClock } from "@tulle/xds";
import type { Log } from "@tulle/xds";
import { TelemetryCore } from "./core.ts";
import { IngestError } from "./ingest/ingest-error.ts";
import type { FromWorker, ToWorker, WorkerData } from "./protocol.ts";
import { QuestionError } from "./question-error.ts";

const METRICS_MS = 5_000;
const port = parentPort!;
const post = (message: FromWorker): void => port.postMessage(message);

const log: Log = (level, message, fields = {}) => post({ type: "log", level, message, fields: plain(fields) });

/** Errors keep their words and their stack, but not what they are. */
function plain(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, value instanceof Error ? value.stack : value]),
  );
}

const core = new TelemetryCore({ path: (workerData as WorkerData).path, clock: systemClock, log });
core.start();
const tellMetrics = (): void => {
  post({ type: "metrics", text: core.renderMetrics() });
  systemClock.after(METRICS_MS, tellMetrics);
};
tellMetrics();
const subscriptions = new Map<number, () => void>();

function receive(message: ToWorker): void {
  switch (message.type) {
    case "ingest":
      ingest(message);
      return;
    case "ask":
      answer(message.id, () => core.ask(message.question, message.parameters as never));
      return;
    case "subscribe":
      subscribe(message);
      return;
    case "unsubscribe":
      subscriptions.get(message.id)?.();
      subscriptions.delete(message.id);
      return;
    case "close":
      for (const stop of subscriptions.values()) stop();
      core.close();
      port.close();
  }
}

function ingest({ id, kind, from, bytes }: Extract<ToWorker, { type: "ingest" }>): void {
  try {
    const report = core.ingest(kind, from, bytes);
    if (id !== 0) post({ type: "answer", id, answer: report });
  } catch (error) {
    const isInvalid = error instanceof IngestError;
    // A message that nobody thought of costs itself, not what all others have sent.
    if (!isInvalid) log("error", "telemetry could not be taken in", { from: from.id, kind, error });
    else if (id === 0) log("debug", "telemetry is refused", { from: from.id, kind, error });
    if (id === 0) return;
    const text = isInvalid ? error.message : "the telemetry thread failed to take this in; see the log";
    post({ type: "refused", id, kind: isInvalid ? "invalid" : "unavailable", message: text });
  } finally {
    post({ type: "taken", from: from.id, bytes: bytes.byteLength });
  }
}

/** One that fails is told nothing: it would be opened again by each thread that followed this one. */
function subscribe({ id, topic, parameters }: Extract<ToWorker, { type: "subscribe" }>): void {
  const tell = (event: unknown): void => post({ type: "event", id, event });
  try {
    subscriptions.set(id, core.subscribe(topic, parameters as never, tell));
  } catch (error) {
    log("error", "a subscription to the telemetry thread failed", { topic, error });
  }
}

function answer(id: number, ask: () => unknown): void {
  try {
    post({ type: "answer", id, answer: ask() });
  } catch (error) {
    if (!(error instanceof QuestionError)) {
      log("error", "a question to the telemetry thread failed", {
        error: error instanceof Error ? error.stack : error,
      });
    }
    const kind = error instanceof QuestionError ? error.kind : "unavailable";
    const text = error instanceof QuestionError ? error.message : "the telemetry thread failed to answer; see the log";
    post({ type: "refused", id, kind, message: text });
  }
}

port.on("message", receive);
