/** What may be asked of single requests, and who is told of them as they come. */
import type { KeptRequest } from "@tulle/telemetry/records";
import type { Answers, Question } from "../questions.ts";
import type { Openers, Topic } from "../topics.ts";
import { type RequestFilter, matches } from "./request-filter.ts";
import type { RequestSearch } from "./request-store.ts";

export interface RequestQuestions {
  readonly request: Question<{ readonly id: number }, KeptRequest | undefined>;
  readonly searchRequests: Question<RequestSearch, readonly KeptRequest[]>;
}

export const requestAnswers: Answers<RequestQuestions> = {
  request: ({ requests }, { id }) => requests.request(id),
  searchRequests: ({ requests }, search) => requests.search(search),
};

export interface RequestTopics {
  readonly requests: Topic<RequestFilter, readonly KeptRequest[]>;
}

export const requestOpeners: Openers<RequestTopics> = {
  requests: ({ requests }, filter, tell) =>
    requests.onAdded((added) => {
      const wanted = added.filter((request) => matches(request, filter));
      if (wanted.length > 0) tell(wanted);
    }),
};
