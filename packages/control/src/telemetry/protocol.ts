/** What the main thread and the telemetry thread say to each other. */
import type { IngestKind } from "./ingest/kinds.ts";
import type { QuestionErrorKind } from "./question-error.ts";
import type { QuestionName } from "./questions.ts";
import type { Sender } from "./sender.ts";
import type { TopicName } from "./topics.ts";

export interface WorkerData {
  readonly path: string;
}

export type ToWorker =
  | {
      readonly type: "ingest";
      /** 0: nobody waits for a report. */
      readonly id: number;
      readonly kind: IngestKind;
      readonly from: Sender;
      readonly bytes: Uint8Array;
    }
  | { readonly type: "ask"; readonly id: number; readonly question: QuestionName; readonly parameters: unknown }
  | { readonly type: "subscribe"; readonly id: number; readonly topic: TopicName; readonly parameters: unknown }
  | { readonly type: "unsubscribe"; readonly id: number }
  | { readonly type: "close" };

export type FromWorker =
  /** A message of a sender, by the sender's id, so long. */
  | { readonly type: "taken"; readonly from: string; readonly bytes: number }
  | { readonly type: "answer"; readonly id: number; readonly answer: unknown }
  | { readonly type: "refused"; readonly id: number; readonly kind: QuestionErrorKind; readonly message: string }
  /** What it tells of itself, every few seconds. */
  | { readonly type: "metrics"; readonly text: string }
  | { readonly type: "event"; readonly id: number; readonly event: unknown }
  | {
      readonly type: "log";
      readonly level: "debug" | "info" | "warn" | "error";
      readonly message: string;
      readonly fields: Readonly<Record<string, unknown>>;
    };
