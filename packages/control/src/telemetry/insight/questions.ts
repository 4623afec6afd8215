/** What may be asked about the meaning of what the stores hold. */
import type {
  CriticalPath,
  EdgesAnswer,
  ServiceDetail,
  ServicesAnswer,
  SlowAnswer,
  WorkloadDetail,
  WorkloadsAnswer,
} from "@tulle/telemetry/insight";
import { QuestionError } from "../question-error.ts";
import type { Answers, Question } from "../questions.ts";
import type { Openers, Topic } from "../topics.ts";
import { criticalPathOf } from "./critical-path.ts";
import type { MeshFacts } from "./facts.ts";
import type { GraphEvent, GraphWatch } from "./graph-feed.ts";
import type { GraphOptions } from "./graph.ts";
import type { OverviewTraffic, Window } from "./insight.ts";

interface InNamespace extends Window {
  /** "": all. */
  readonly namespace: string;
}

interface Named extends InNamespace {
  readonly name: string;
}

export interface InsightQuestions {
  /** Told rather than asked. */
  readonly meshFacts: Question<MeshFacts, undefined>;
  /** Its JSON: it may be large. */
  readonly graph: Question<Window & { readonly options: GraphOptions }, string>;
  readonly edges: Question<InNamespace, EdgesAnswer>;
  readonly slow: Question<Window, SlowAnswer>;
  readonly criticalPath: Question<{ readonly traceId: string }, CriticalPath>;
  readonly overview: Question<Window, OverviewTraffic>;
  readonly services: Question<InNamespace, ServicesAnswer>;
  readonly service: Question<Named, ServiceDetail>;
  readonly workloads: Question<InNamespace, WorkloadsAnswer>;
  readonly workload: Question<Named, WorkloadDetail>;
}

export const insightAnswers: Answers<InsightQuestions> = {
  meshFacts: ({ insight }, facts) => {
    insight.learn(facts);
    return undefined;
  },
  graph: ({ insight }, { options, ...window }) => JSON.stringify({ rev: window.at, ...insight.graph(window, options) }),
  edges: ({ insight }, { namespace, ...window }) => insight.edges(window, namespace),
  slow: ({ insight }, window) => insight.slow(window),
  criticalPath: ({ traces }, { traceId }) => {
    const path = criticalPathOf(traceId, traces.trace(traceId)?.spans ?? []);
    return path ?? missing(`there is no trace ${traceId}`);
  },
  overview: ({ insight }, window) => insight.overview(window),
  services: ({ insight }, { namespace, ...window }) => insight.services(window, namespace),
  service: ({ insight }, { namespace, name, ...window }) =>
    insight.service(window, namespace, name) ?? missing(`nothing is known of a service ${namespace}/${name}`),
  workloads: ({ insight }, { namespace, ...window }) => insight.workloads(window, namespace),
  workload: ({ insight }, { namespace, name, ...window }) =>
    insight.workload(window, namespace, name) ?? missing(`nothing is known of a workload ${namespace}/${name}`),
};

function missing(what: string): never {
  throw new QuestionError("not-found", what);
}

export interface InsightTopics {
  readonly graph: Topic<GraphWatch, GraphEvent>;
}

export const insightOpeners: Openers<InsightTopics> = {
  graph: ({ graphFeeds }, watch, tell) => graphFeeds.watch(watch, tell),
};
