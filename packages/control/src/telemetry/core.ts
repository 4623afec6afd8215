/** What the telemetry thread consists of. It knows nothing of threads: tests run it as it is, with a clock that stands still. */
import type { Clock, Log } from "@tulle/xds";
import type { IngestReport } from "./ingest/ingest-report.ts";
import { INGESTERS } from "./ingest/kinds.ts";
import type { Ingester, IngestKind } from "./ingest/kinds.ts";
import { ANSWERS } from "./questions.ts";
import type { QuestionName, Questions } from "./questions.ts";
import type { Sender } from "./sender.ts";
import { SeriesStore } from "./store/series-store.ts";
import { TraceStore } from "./store/trace-store.ts";
import { OPENERS } from "./topics.ts";
import type { TopicName, Topics } from "./topics.ts";

export interface TelemetryCoreOptions {
  readonly clock: Clock;
  readonly log: Log;
}

export class TelemetryCore {
  readonly clock: Clock;
  readonly log: Log;
  readonly series: SeriesStore;
  readonly traces: TraceStore;
  // A further store, such as that of requests, is one more field here, made below.

  constructor({ clock, log }: TelemetryCoreOptions) {
    this.clock = clock;
    this.log = log;
    this.series = new SeriesStore(clock);
    this.traces = new TraceStore();
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
}
