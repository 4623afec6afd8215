/**
 * The telemetry thread as the main thread sees it. Whatever becomes of that thread, nothing here blocks, throws into whoever sends
 * telemetry, or grows: bytes that it cannot take are dropped and counted, a thread that dies is started again.
 */
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import type { Clock, Log } from "@tulle/xds";
import type { IngestReport } from "./ingest/ingest-report.ts";
import type { IngestKind } from "./ingest/kinds.ts";
import type { FromWorker, ToWorker, WorkerData } from "./protocol.ts";
import { QuestionError } from "./question-error.ts";
import type { QuestionName, Questions } from "./questions.ts";
import type { Sender } from "./sender.ts";
import type { TopicName, Topics } from "./topics.ts";

export interface Telemetry {
  /** Takes bytes in, or drops and counts them: false. The bytes stay the caller's. */
  ingest(kind: IngestKind, from: Sender, bytes: Uint8Array): boolean;
  /** The same, for senders that are told what became of it. Rejects with QuestionError: `invalid` if it is not what it should be. */
  deliver(kind: IngestKind, from: Sender, bytes: Uint8Array): Promise<IngestReport>;
  /** Rejects with QuestionError. */
  ask<Q extends QuestionName>(question: Q, parameters: Questions[Q]["parameters"]): Promise<Questions[Q]["answer"]>;
  /** Goes on when the thread is started again. The function that it returns ends it. Throws QuestionError where there is none. */
  subscribe<T extends TopicName>(
    topic: T,
    parameters: Topics[T]["parameters"],
    listener: (event: Topics[T]["event"]) => void,
  ): () => void;
  /** How often the thread was started: each time it knows only what is in its stores. */
  readonly starts: number;
  /** Prometheus text format. */
  renderMetrics(): string;
  close(): Promise<void>;
}

export interface TelemetryOptions {
  /** Where history is kept; made if missing. */
  readonly directory: string;
  /** The thread's program; tests have one that dies. */
  readonly program?: URL;
  readonly clock: Clock;
  readonly log: Log;
}

/** Bytes on their way into the thread. At 1,000 spans/s of 500 bytes that is half a minute. */
const MAX_BYTES_IN_FLIGHT = 16 * 1024 * 1024;
/** Of those, one sender's: one that floods leaves room for others. */
const MAX_BYTES_OF_ONE = 4 * 1024 * 1024;
/** Of messages: whoever sends empty ones takes memory, too. */
const COST_OF_MESSAGE = 512;
const MAX_QUESTIONS = 256;
const QUESTION_MS = 30_000;
/** Twice that without a word, though something waits: the thread is lost in something. Looks are counted, not time: machines sleep. */
const LOOK_MS = 30_000;
const SILENT_LOOKS = 2;
/** Closing waits no longer for it. */
const CLOSE_MS = 10_000;
const PROGRAM = new URL("./worker.ts", import.meta.url);
const FIRST_RESTART_MS = 1_000;
const LAST_RESTART_MS = 60_000;
/** Of the thread's heap, without the buffers of SQLite and of blocks. */
const MAX_HEAP_MB = 768;

interface Pending {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: QuestionError) => void;
  readonly cancelTimeout: () => void;
}

interface Subscription {
  readonly topic: TopicName;
  readonly parameters: unknown;
  readonly listener: (event: never) => void;
}

export class TelemetryThread implements Telemetry {
  readonly #options: TelemetryOptions;
  readonly #pending = new Map<number, Pending>();
  readonly #subscriptions = new Map<number, Subscription>();
  readonly #dropped = new Map<IngestKind, number>();
  #worker: Worker | undefined;
  #closed = false;
  #lastId = 0;
  #inFlight = 0;
  readonly #inFlightOf = new Map<string, number>();
  #restarts = 0;
  #backoffMs = FIRST_RESTART_MS;
  #cancelRestart: (() => void) | undefined;
  #cancelWatch: (() => void) | undefined;
  #startedAt = 0;
  /** Since the last look. */
  #isHeard = false;
  #silentLooks = 0;
  /** The thread's own, as it last told them. */
  #metrics = "";
  #exited: Promise<void> = Promise.resolve();

  constructor(options: TelemetryOptions) {
    this.#options = options;
    this.#start();
  }

  ingest(kind: IngestKind, from: Sender, bytes: Uint8Array): boolean {
    return this.#take(0, kind, from, bytes);
  }

  deliver(kind: IngestKind, from: Sender, bytes: Uint8Array): Promise<IngestReport> {
    return this.#await((id) => {
      if (!this.#take(id, kind, from, bytes)) throw unavailable("the telemetry thread is behind; send again later");
    });
  }

  ask<Q extends QuestionName>(question: Q, parameters: Questions[Q]["parameters"]): Promise<Questions[Q]["answer"]> {
    return this.#await((id) => {
      if (this.#worker === undefined) throw unavailable("the telemetry thread starts again; ask later");
      this.#post({ type: "ask", id, question, parameters });
    });
  }

  subscribe<T extends TopicName>(
    topic: T,
    parameters: Topics[T]["parameters"],
    listener: (event: Topics[T]["event"]) => void,
  ): () => void {
    const id = ++this.#lastId;
    this.#subscriptions.set(id, { topic, parameters, listener: listener as (event: never) => void });
    this.#post({ type: "subscribe", id, topic, parameters });
    return () => {
      if (this.#subscriptions.delete(id)) this.#post({ type: "unsubscribe", id });
    };
  }

  get starts(): number {
    return this.#restarts + 1;
  }

  renderMetrics(): string {
    const lines = ["# TYPE tulle_telemetry_dropped_messages_total counter"];
    for (const [kind, count] of this.#dropped)
      lines.push(`tulle_telemetry_dropped_messages_total{kind="${kind}"} ${count}`);
    lines.push(
      "# TYPE tulle_telemetry_bytes_in_flight gauge",
      `tulle_telemetry_bytes_in_flight ${this.#inFlight}`,
      "# TYPE tulle_telemetry_thread_restarts_total counter",
      `tulle_telemetry_thread_restarts_total ${this.#restarts}`,
    );
    return `${lines.join("\n")}\n${this.#metrics}`;
  }

  /** What was taken in before is kept. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelRestart?.();
    this.#post({ type: "close" });
    const cancel = this.#options.clock.after(CLOSE_MS, () => {
      this.#options.log("error", "the telemetry thread does not end, and is ended; what it had not written is lost");
      void this.#worker?.terminate();
    });
    await this.#exited;
    cancel();
  }

  #take(id: number, kind: IngestKind, from: Sender, bytes: Uint8Array): boolean {
    const cost = bytes.byteLength + COST_OF_MESSAGE;
    const ofOne = (this.#inFlightOf.get(from.id) ?? 0) + cost;
    const isTooMuch = this.#inFlight + cost > MAX_BYTES_IN_FLIGHT || ofOne > MAX_BYTES_OF_ONE;
    if (this.#worker === undefined || isTooMuch) {
      this.#dropped.set(kind, (this.#dropped.get(kind) ?? 0) + 1);
      return false;
    }
    this.#inFlight += cost;
    this.#inFlightOf.set(from.id, ofOne);
    const copy = new Uint8Array(bytes);
    this.#post({ type: "ingest", id, kind, from, bytes: copy }, [copy.buffer]);
    return true;
  }

  /** `send` throws QuestionError if it cannot. */
  #await<Answer>(send: (id: number) => void): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (this.#pending.size >= MAX_QUESTIONS) {
        throw unavailable(`${MAX_QUESTIONS} questions wait for the telemetry thread; ask later`);
      }
      const id = ++this.#lastId;
      send(id);
      const cancelTimeout = this.#options.clock.after(QUESTION_MS, () => {
        this.#pending.delete(id);
        reject(unavailable(`the telemetry thread has not answered within ${QUESTION_MS / 1000} s`));
      });
      this.#pending.set(id, { resolve: resolve as (answer: unknown) => void, reject, cancelTimeout });
    });
  }

  #start(): void {
    // Not the parent's: coverage and loaders of tests are no business of this thread.
    const worker = new Worker(this.#options.program ?? PROGRAM, {
      execArgv: [],
      workerData: { path: join(this.#options.directory, "telemetry.db") } satisfies WorkerData,
      resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB },
    });
    worker.unref();
    this.#worker = worker;
    this.#inFlight = 0;
    this.#inFlightOf.clear();
    this.#startedAt = this.#options.clock.now();
    this.#silentLooks = 0;
    worker.on("message", (message: FromWorker) => this.#receive(message));
    worker.on("error", (error) => this.#options.log("error", "the telemetry thread died", { error }));
    this.#exited = new Promise((resolve) => {
      worker.once("exit", () => {
        this.#ended();
        resolve();
      });
    });
    for (const [id, { topic, parameters }] of this.#subscriptions) {
      this.#post({ type: "subscribe", id, topic, parameters });
    }
    this.#watch();
  }

  #ended(): void {
    this.#worker = undefined;
    this.#cancelWatch?.();
    for (const [id, { reject }] of this.#pending) {
      this.#settle(id);
      reject(unavailable("the telemetry thread died, and starts again; ask later"));
    }
    if (this.#closed) return;
    this.#restarts++;
    if (this.#options.clock.now() - this.#startedAt > LAST_RESTART_MS) this.#backoffMs = FIRST_RESTART_MS;
    this.#cancelRestart = this.#options.clock.after(this.#backoffMs, () => this.#start());
    this.#backoffMs = Math.min(this.#backoffMs * 2, LAST_RESTART_MS);
  }

  /** A thread that says nothing for a minute though it has something to do is ended, and so started again. */
  #watch(): void {
    this.#cancelWatch = this.#options.clock.after(LOOK_MS, () => {
      const isBusy = this.#inFlight > 0 || this.#pending.size > 0;
      this.#silentLooks = isBusy && !this.#isHeard ? this.#silentLooks + 1 : 0;
      this.#isHeard = false;
      if (this.#silentLooks < SILENT_LOOKS) {
        this.#watch();
        return;
      }
      this.#options.log("error", "the telemetry thread is lost in something, and is ended");
      void this.#worker?.terminate();
    });
  }

  #receive(message: FromWorker): void {
    this.#isHeard = true;
    switch (message.type) {
      case "taken":
        this.#taken(message.from, message.bytes + COST_OF_MESSAGE);
        return;
      case "metrics":
        this.#metrics = message.text;
        return;
      case "answer":
        this.#settle(message.id)?.resolve(message.answer);
        return;
      case "refused":
        this.#settle(message.id)?.reject(new QuestionError(message.kind, message.message));
        return;
      case "event":
        this.#subscriptions.get(message.id)?.listener(message.event as never);
        return;
      case "log":
        this.#options.log(message.level, message.message, message.fields);
    }
  }

  #taken(from: string, cost: number): void {
    this.#inFlight -= cost;
    const left = (this.#inFlightOf.get(from) ?? cost) - cost;
    if (left > 0) this.#inFlightOf.set(from, left);
    else this.#inFlightOf.delete(from);
  }

  #settle(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    pending?.cancelTimeout();
    return pending;
  }

  #post(message: ToWorker, transfer: ArrayBuffer[] = []): void {
    this.#worker?.postMessage(message, transfer);
  }
}

function unavailable(message: string): QuestionError {
  return new QuestionError("unavailable", message);
}
