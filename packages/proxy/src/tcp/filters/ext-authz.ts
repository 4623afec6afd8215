import type { AsyncClient } from "../../http/async-client.ts";
import { metadataValue } from "../../plan/dynamic-metadata.ts";
import type { NetworkExtAuthzPlan } from "../../plan/compile-network-filters.ts";
import type { NetContext } from "../../net/context.ts";
import type { Counter, Gauge, StatsRegistry } from "../../stats/index.ts";
import type { ClusterRef } from "../../plan/cluster-plan.ts";
import type { GrpcCall } from "../../upstream/grpc-call.ts";
import type { ConnectionStream } from "../connection-stream.ts";
import type * as Check from "./authz-check.ts";
import {
  CLOSE_NOW,
  type Decision,
  type FilteredConnectionView,
  GO_ON,
  type NetworkFilter,
  WAIT,
} from "./network-filter.ts";

/** Where findings are put, whatever the filter is called. */
const NAMESPACE = "envoy.filters.network.ext_authz";
const METHOD = "/envoy.service.auth.v3.Authorization/Check";

/** What asking takes. */
export interface AuthzDeps {
  readonly net: NetContext;
  readonly client: AsyncClient;
  findCluster(name: string): ClusterRef | null;
}

type Messages = typeof Check;

/** A connection that somebody is asked about. */
interface Question {
  readonly connection: FilteredConnectionView;
  readonly startedAt: number;
  call: GrpcCall | null;
  /** Undefined: not known yet. */
  decision: Decision | undefined;
}

/** Asks another server about every connection. Envoy `source/extensions/filters/network/ext_authz/ext_authz.cc`. */
export class NetworkExtAuthz implements NetworkFilter {
  private readonly plan: NetworkExtAuthzPlan;
  private readonly deps: AuthzDeps;
  private readonly stats: NetworkExtAuthzStats;
  private readonly questions = new Map<FilteredConnectionView, Question>();
  /** Null: not loaded; those that it was not there for are asked about when it is. */
  private messages: Messages | null = null;

  constructor(plan: NetworkExtAuthzPlan, deps: AuthzDeps, registry: StatsRegistry) {
    this.plan = plan;
    this.deps = deps;
    this.stats = new NetworkExtAuthzStats(registry, `ext_authz.${plan.statPrefix}.`);
    // cold: once a filter chain
    import("./authz-check.ts").then(
      (messages) => this.loaded(messages),
      (error: unknown) => deps.net.reportBug(error),
    );
  }

  private loaded(messages: Messages): void {
    const { turn } = this.deps.net;
    this.messages = messages;
    turn.begin();
    for (const question of this.questions.values()) this.ask(question, messages);
    turn.end();
  }

  onConnection(): Decision {
    return GO_ON;
  }

  onData(connection: FilteredConnectionView): Decision {
    const known = this.questions.get(connection);
    if (known !== undefined) return known.decision ?? WAIT;
    if (!this.isEnabled(connection.stream)) {
      this.stats.disabled.value++;
      return GO_ON;
    }
    const question: Question = { connection, startedAt: this.deps.net.turn.now, call: null, decision: undefined };
    this.questions.set(connection, question);
    this.stats.total.value++;
    this.stats.active.value++;
    if (this.messages !== null) this.ask(question, this.messages);
    return question.decision ?? WAIT;
  }

  private isEnabled({ dynamicMetadata }: ConnectionStream): boolean {
    const { enabledMetadata: asked } = this.plan;
    return asked === null || asked.test(metadataValue(dynamicMetadata, asked.namespace, asked.path));
  }

  private ask(question: Question, messages: Messages): void {
    const { plan, deps } = this;
    const { stream } = question.connection;
    const cluster = deps.findCluster(plan.service.cluster)?.current ?? null;
    if (cluster === null) {
      this.conclude(question, null, messages);
      return;
    }
    const { authority, timeoutMs } = plan.service;
    question.call = deps.client.callGrpc(
      cluster,
      { authority, path: METHOD, message: messages.connectionCheck(stream, plan), timeoutMs },
      (message) => this.conclude(question, message, messages),
    );
  }

  private conclude(question: Question, message: Uint8Array | null, messages: Messages): void {
    const { plan, stats } = this;
    const { connection, startedAt } = question;
    const { stream } = connection;
    const verdict = message === null ? null : messages.connectionVerdict(message);
    stats.active.value--;
    if (verdict !== null) {
      const told = verdict.metadata ?? {};
      const found = verdict.allowed ? { ...told, ext_authz_duration: Math.floor(stream.now - startedAt) } : told;
      if (verdict.allowed || verdict.metadata !== null) stream.addDynamicMetadata(NAMESPACE, found);
    }
    const passes = verdict === null ? plan.failureModeAllow : verdict.allowed;
    if (verdict === null) stats.error.value++;
    else (verdict.allowed ? stats.ok : stats.denied).value++;
    if (verdict === null && passes) stats.failureModeAllowed.value++;
    if (!passes) {
      stats.cxClosed.value++;
      stream.addFlag("UAEX");
      stream.details = verdict === null ? "ext_authz_error" : "ext_authz_denied";
    }
    question.decision = passes ? GO_ON : CLOSE_NOW;
    connection.decided(question.decision);
  }

  onClose(connection: FilteredConnectionView): void {
    const question = this.questions.get(connection);
    if (question === undefined) return;
    this.questions.delete(connection);
    if (question.decision !== undefined) return;
    this.stats.active.value--;
    question.call?.cancel();
  }
}

class NetworkExtAuthzStats {
  readonly total: Counter;
  readonly ok: Counter;
  readonly denied: Counter;
  readonly error: Counter;
  readonly failureModeAllowed: Counter;
  readonly cxClosed: Counter;
  readonly disabled: Counter;
  readonly active: Gauge;

  constructor(registry: StatsRegistry, prefix: string) {
    this.total = registry.counter(`${prefix}total`);
    this.ok = registry.counter(`${prefix}ok`);
    this.denied = registry.counter(`${prefix}denied`);
    this.error = registry.counter(`${prefix}error`);
    this.failureModeAllowed = registry.counter(`${prefix}failure_mode_allowed`);
    this.cxClosed = registry.counter(`${prefix}cx_closed`);
    this.disabled = registry.counter(`${prefix}disabled`);
    this.active = registry.gauge(`${prefix}active`);
  }
}
