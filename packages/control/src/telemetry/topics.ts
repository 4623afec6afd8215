/**
 * What the telemetry thread tells by itself, to whoever subscribed: the live tap, the live graph. An area adds its topic in a file
 * beside its own code, an interface of `Topic`s and the functions that open them, and names both in the two lines below.
 */
import type { TelemetryCore } from "./core.ts";
import type { InsightTopics } from "./insight/questions.ts";
import { insightOpeners } from "./insight/questions.ts";
import type { RequestTopics } from "./store/request-questions.ts";
import { requestOpeners } from "./store/request-questions.ts";
import type { StoreTopics } from "./store/topics.ts";
import { storeOpeners } from "./store/topics.ts";

export interface Topic<Parameters, Event> {
  readonly parameters: Parameters;
  readonly event: Event;
}

/** Begins to tell; the function that it returns ends that. Events should be batches: each costs a message between threads. */
export type Openers<T> = {
  readonly [Name in keyof T]: T[Name] extends Topic<infer Parameters, infer Event>
    ? (core: TelemetryCore, parameters: Parameters, tell: (event: Event) => void) => () => void
    : never;
};

// Here areas plug in, types …
export interface Topics extends StoreTopics, RequestTopics, InsightTopics {}
// … and what opens them; loaded in the telemetry thread only.
export const OPENERS: Openers<Topics> = { ...storeOpeners, ...requestOpeners, ...insightOpeners };

export type TopicName = keyof Topics;
