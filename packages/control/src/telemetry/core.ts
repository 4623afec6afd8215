/** What the telemetry thread consists of. It knows nothing of threads: tests run it as it is, with a clock that stands still. */
import type { Clock, Log } from "@tulle/xds";
import type { IngestReport } from "./ingest/ingest-report.ts";
import { INGESTERS } from "./ingest/kinds.ts";
import type { Ingester, IngestKind } from "./ingest/kinds.ts";
import { renderTelemetryMetrics } from "./metrics.ts";
import { GraphFeeds } from "./insight/graph-feed.ts";
import { Insight } from "./insight/insight.ts";
import { ANSWERS } from "./questions.ts";
import type { QuestionName, Questions } from "./questions.ts";
import type { Sender } from "./sender.ts";
import { TelemetryDatabase } from "./store/database.ts";
import { Refusals } from "./store/refusals.ts";
import { SeriesStore } from "./store/series-store.ts";
import { RequestStore } from "./store/request-store.ts";
import { TraceStore } from "./store/trace-store.ts";
import { OPENERS } from "./topics.ts";
import type { TopicName, Topics } from "./topics.ts";

/** A crash loses so much, at most. */
const WRITE_MS = 30_000;
const CHECK_MS = 5_000;
const RETAIN_MS = 60_000;

export interface TelemetryCoreOptions {
  /** Of the file that history is kept in; `:memory:` is none. */
  readonly path: string;
  readonly clock: Clock;
  readonly log: Log;
}

export class TelemetryCore {
  readonly clock: Clock;
  readonly log: Log;
  readonly database: TelemetryDatabase;
  /** What was not kept, and why: everything that bounds something counts here. */
  readonly refusals: Refusals;
  readonly series: SeriesStore;
  readonly traces: TraceStore;
  readonly insight: Insight;
  readonly graphFeeds: GraphFeeds;
  readonly requests: RequestStore;
  readonly #timers = new Map<number, () => void>();

  constructor({ path, clock, log }: TelemetryCoreOptions) {
    this.clock = clock;
    this.log = log;
    this.refusals = new Refusals(() => clock.now());
    this.database = new TelemetryDatabase({ path, clock, log });
    this.series = new SeriesStore({ database: this.database, refusals: this.refusals, clock });
    this.requests = new RequestStore(this.database, clock);
    this.traces = new TraceStore({ database: this.database, refusals: this.refusals, clock });
    this.insight = new Insight(this.series, this.traces);
    this.graphFeeds = new GraphFeeds(this.insight, clock, log);
  }

  /** Throws IngestError for bytes that are not what they should be. */
  ingest(kind: IngestKind, from: Sender, bytes: Uint8Array): IngestReport {
    const ingester: Ingester = INGESTERS[kind];
    return ingester(this, from, bytes);
  }

  ask<Q extends QuestionName>(question: Q, parameters: Questions[Q]["parameters"]): Questions[Q]["answer"] {
    const answer = ANSWERS[question] as (core: TelemetryCore, parameters: unknown) => Questions[Q]["answer"];
    return answer(this, parameters);
  }

  /** The function that it returns ends the subscription. */
  subscribe<T extends TopicName>(
    topic: T,
    parameters: Topics[T]["parameters"],
    tell: (event: Topics[T]["event"]) => void,
  ): () => void {
    const open = OPENERS[topic] as (core: TelemetryCore, parameters: unknown, tell: unknown) => () => void;
    return open(this, parameters, tell);
  }

  /** Begins to write, to forget what is old, and to end what is gone. */
  start(): void {
    this.#every(CHECK_MS, () => this.check());
    this.#every(WRITE_MS, () => this.write());
    this.#every(RETAIN_MS, () => this.retain());
  }

  /** What it tells of itself, Prometheus' text format. */
  renderMetrics(): string {
    return renderTelemetryMetrics(this);
  }

  /** What has to be looked at every few seconds. */
  check(): void {
    this.series.check();
    this.traces.check();
  }

  /** To the file. */
  write(isLast = false): void {
    this.series.write(isLast);
    this.requests.write();
    if (isLast) this.traces.close();
  }

  /** Each store forgets what is too old or too much. */
  retain(): void {
    this.series.retain();
    this.traces.retain();
    this.requests.retain();
    this.database.shrink();
  }

  close(): void {
    for (const cancel of this.#timers.values()) cancel();
    this.write(true);
    this.database.close();
  }

  #every(ms: number, run: () => void): void {
    const again = (): void => {
      this.#timers.set(ms, this.clock.after(ms, again));
      try {
        run();
      } catch (error) {
        // The next time may go well; a thread that ended would lose what is not written.
        this.log("error", "the telemetry stores could not be looked after", { error });
      }
    };
    this.#timers.set(ms, this.clock.after(ms, again));
  }
}
