/** Why a request goes where it goes, and what a change would change: the mesh as it is, handed to who explains it. */
import { DEFAULT_NAMESPACE } from "@tulle/api";
import type { Snapshot } from "../model/snapshot.ts";
import { SnapshotBuilder } from "../model/snapshot.ts";
import type { StoredObject } from "../model/stored-object.ts";
import { imaginedSidecar, viewerOf } from "../push/imagined.ts";
import type { ConnectedProxy } from "../push/pusher.ts";
import { plannedObjects } from "../source/files/planned.ts";
import { clusterStatsOf } from "./cluster-stats.ts";
import { Statuses } from "../status/statuses.ts";
import { ExplainProblem } from "./explainer.ts";
import type { Explainer, ExplainWorld, HeldProxy, Records } from "./explainer.ts";
import { NoTelemetry } from "../telemetry/no-telemetry.ts";
import { QuestionError } from "../telemetry/question-error.ts";
import type { ApiAnswer, ApiContext, ApiRequest } from "./handler.ts";
import { HttpError } from "./messages.ts";

async function explain(context: ApiContext, request: ApiRequest): Promise<ApiAnswer> {
  const explainer = explainerOf(context);
  const question = parsed(await request.body());
  const world = worldOf(context.pusher.current(), heldNow(context), textsOf(context));
  return answered(() => explainer.explain(question, world, recordsOf(context)));
}

/** The body is a YAML stream, as for `apply`. */
async function change(context: ApiContext, request: ApiRequest): Promise<ApiAnswer> {
  const explainer = explainerOf(context);
  const namespace = request.query.get("namespace") ?? DEFAULT_NAMESPACE;
  const { directory, pusher, clock } = context;
  const plan = plannedObjects(directory, await request.body(), namespace, clock.now());
  if (plan.diagnostics.some(({ severity }) => severity === "error")) {
    return { status: 422, json: { objects: [], diagnostics: plan.diagnostics } };
  }
  const now = pusher.current();
  const builder = new SnapshotBuilder(now.options);
  const snapshot = builder.next({ objects: plan.objects, workloads: now.workloads, issuers: now.issuers });
  const view = viewerOf(snapshot);
  const held = pusher.proxies().map((proxy): HeldProxy => ({
    ...heldBy(context, proxy),
    view: view({ node: proxy.node, delta: proxy.delta, proven: proxy.security.kind !== "plaintext" }),
  }));
  const before = worldOf(now, heldNow(context), textsOf(context));
  const after = worldOf(snapshot, held, new Map([...textsOf(context), ...plan.texts]));
  const { results, diagnostics } = plan;
  return answered(() => explainer.change({ results, diagnostics, before, after }, recordsOf(context)));
}

/**
 * While the telemetry thread cannot be asked, nothing is recorded: the configuration is explained all the same. Undefined: there is none, and
 * whoever asks for a request by its id is told so.
 */
function recordsOf({ telemetry }: ApiContext): Records {
  if (telemetry instanceof NoTelemetry) return undefined;
  return async (query) => {
    try {
      return await telemetry.ask("searchRequests", { ...query, fromMs: 0, toMs: Infinity });
    } catch (error) {
      if (error instanceof QuestionError && error.kind === "unavailable") return [];
      throw error;
    }
  };
}

function explainerOf(context: ApiContext): Explainer {
  const { explainer } = context;
  if (explainer === undefined)
    throw new HttpError(501, "this control plane was started without what explains requests");
  const stats = clusterStatsOf(context);
  return { ...explainer, explain: (question, world, records) => explainer.explain(question, world, records, stats) };
}

async function answered(answer: () => Promise<unknown>): Promise<ApiAnswer> {
  try {
    return { json: await answer() };
  } catch (error) {
    if (error instanceof ExplainProblem) throw new HttpError(error.status, error.message, { cause: error });
    throw error;
  }
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body) as unknown;
  } catch (error) {
    throw new HttpError(400, "the body is not JSON", { cause: error });
  }
}

function heldNow(context: ApiContext): readonly HeldProxy[] {
  return context.pusher.proxies().map((proxy) => heldBy(context, proxy));
}

function heldBy({ identities }: ApiContext, { node, target, security }: ConnectedProxy): HeldProxy {
  const leaf = identities?.ledger.current().find((each) => each.node === node.id);
  return { node, view: target, identity: security.identity ?? leaf?.identity };
}

function textsOf({ directory }: ApiContext): ReadonlyMap<string, string> {
  return new Map([...directory.files].flatMap(([path, { text }]) => (text === undefined ? [] : [[path, text]])));
}

function worldOf(snapshot: Snapshot, proxies: readonly HeldProxy[], texts: ReadonlyMap<string, string>): ExplainWorld {
  const statuses = new Statuses(snapshot);
  return {
    domain: snapshot.options.domain,
    trustDomain: snapshot.mesh.trustDomains[0] ?? snapshot.options.domain,
    objects: [...snapshot.objects, ...snapshot.generated],
    proxies,
    statusOf: (stored: StoredObject) => statuses.of(stored),
    textOf: (file) => texts.get(file),
    imagine: (client) => {
      const node = imaginedSidecar(client);
      return { node, view: viewerOf(snapshot)({ node, delta: true, proven: false }), identity: undefined };
    },
  };
}

export const explainHandlers = { explain, change };
