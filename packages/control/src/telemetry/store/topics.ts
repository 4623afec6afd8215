/** What the stores tell by themselves. */
import type { Openers, Topic } from "../topics.ts";

export interface StoreTopics {
  /** Spans came: whoever shows traces may look again. */
  readonly activity: Topic<undefined, { readonly spans: number }>;
}

export const storeOpeners: Openers<StoreTopics> = {
  activity: ({ traces }, _, tell) => traces.onAdded((spans) => tell({ spans: spans.length })),
};
