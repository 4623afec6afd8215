import type { ReadBuffer } from "../../codec/read-buffer.ts";
import type {
  FallbackPlan,
  FallbackRulePlan,
  LastGoodPlan,
  RedirectPlan,
  RespondPlan,
} from "../../plan/filters/fallback.ts";
import type { HeaderMutation } from "../../plan/route-plan.ts";
import type { Counter, Gauge, StatsRegistry } from "../../stats/index.ts";
import type { Exchange } from "../exchange.ts";
import { formatted } from "../header-mutations.ts";
import { mayBeAnswered, mayBeKept } from "../last-good/cacheability.ts";
import { Capture, ResponseStore } from "../last-good/response-store.ts";
import { DETAILS, type LocalReply, localReply } from "../local-replies.ts";
import { flagSet, hasAnyFlag, withFlag } from "../response-flags.ts";
import { JWT_NAMESPACE } from "./jwt-authn.ts";
import { CONTINUE, type FilterContext, type FilterStatus, type HttpFilter } from "./filter.ts";

/**
 * Failures to forward a request, and faults that are injected in their place. What other filters refuse is not for a fallback: another
 * destination, or a kept response, would get round them.
 */
const FAILURES = flagSet(["UO", "UH", "UT", "SI", "DT", "UMSDR", "URX", "UC", "UR", "LR", "UPE", "UF", "NC", "FI"]);

/** A rule, ready to be asked. */
interface Rule {
  readonly flags: number;
  readonly flagsOf504: number;
  readonly statuses: FallbackRulePlan["statuses"];
  readonly answer: FallbackRulePlan["answer"];
}

/** A policy of a route, with what it counts. */
class Policy {
  readonly plan: FallbackPlan;
  readonly rules: readonly Rule[];
  readonly responded: Counter;
  readonly redirected: Counter;
  readonly lastGood: Counter;
  /** Failures that some rule is for, and no rule had an answer to. */
  readonly unanswered: Counter;
  readonly keptResponses: Gauge;
  readonly keptBytes: Gauge;

  constructor(plan: FallbackPlan, stats: StatsRegistry) {
    const prefix = `fallback.${plan.name}.`;
    this.plan = plan;
    this.rules = plan.rules.map(({ flags, flagsOf504, statuses, answer }) => ({
      flags: flagSet(flags),
      flagsOf504: flagSet(flagsOf504),
      statuses,
      answer,
    }));
    this.responded = stats.counter(`${prefix}responded`);
    this.redirected = stats.counter(`${prefix}redirected`);
    this.lastGood = stats.counter(`${prefix}last_good`);
    this.unanswered = stats.counter(`${prefix}unanswered`);
    this.keptResponses = stats.gauge(`${prefix}kept_responses`);
    this.keptBytes = stats.gauge(`${prefix}kept_bytes`);
  }
}

/** Of one exchange. */
class State {
  readonly policy: Policy;
  /** What a response is kept under and found by; "" where none is. */
  readonly key: string;
  /** The fallback has answered, or another destination is being asked: whatever comes of that stays. */
  answered = false;
  /** Of the failure before, where another destination is asked. */
  details = "";
  capture: Capture | null = null;

  constructor(policy: Policy, key: string) {
    this.policy = policy;
    this.key = key;
  }
}

/** Acceptable answers when requests fail (docs/guides/fallback.md). */
export class Fallback implements HttpFilter {
  private readonly stats: StatsRegistry;
  private readonly policies = new WeakMap<FallbackPlan, Policy>();

  constructor({ stats }: FilterContext) {
    this.stats = stats;
  }

  onRequest(exchange: Exchange, routeConfig: unknown): FilterStatus {
    if (routeConfig === null) return CONTINUE;
    const plan = routeConfig as FallbackPlan;
    const { request } = exchange;
    if (plan.redirects) exchange.router.keepBody();
    const keeps = plan.keeps !== null && mayBeAnswered(request.method);
    if (keeps) exchange.filters.keepState(this, new State(this.policyOf(plan), keyOf(exchange)));
    return CONTINUE;
  }

  onAnswer(exchange: Exchange, reply: LocalReply | null, routeConfig: unknown): boolean {
    const before = exchange.filters.stateOf(this) as State | undefined;
    if (before?.answered === true) return tellWhatLedThere(exchange, reply, before);
    if (routeConfig === null) return false;
    const flags = reply === null ? exchange.flags : withFlag(exchange.flags, reply.flag);
    const status = reply === null ? exchange.response.status : reply.status;
    const byStatus = reply === null || hasAnyFlag(flags, FAILURES);
    const policy = this.policyOf(routeConfig as FallbackPlan);
    let concerned = false;
    for (const rule of policy.rules) {
      const { flags: any, flagsOf504, statuses } = rule;
      const holds =
        hasAnyFlag(flags, any) ||
        (status === 504 && hasAnyFlag(flags, flagsOf504)) ||
        (byStatus && statuses.some(([first, last]) => status >= first && status <= last));
      if (!holds) continue;
      concerned = true;
      const state = before ?? new State(policy, "");
      if (this.answer(exchange, reply, status, rule.answer, state)) return true;
    }
    if (concerned) policy.unanswered.value++;
    else if (reply === null && before !== undefined) this.capture(exchange, before);
    return false;
  }

  /** False if there is nothing to give. */
  private answer(
    exchange: Exchange,
    reply: LocalReply | null,
    status: number,
    plan: FallbackRulePlan["answer"],
    state: State,
  ): boolean {
    if (plan.kind === "last-good") return this.giveLastGood(exchange, reply, plan, state);
    if (plan.kind === "redirect") return this.redirect(exchange, reply, plan, state);
    this.respond(exchange, reply, status, plan, state);
    return true;
  }

  private respond(exchange: Exchange, reply: LocalReply | null, status: number, plan: RespondPlan, state: State): void {
    const { policy } = state;
    policy.responded.value++;
    const details = this.take(exchange, reply, state);
    // What is formatted tells of the failure.
    exchange.details = detailsOf(exchange, reply);
    exchange.status = status;
    exchange.localReplyBody = reply === null ? "" : reply.body;
    const body = plan.body.format(exchange);
    const headers = plan.headers.map((mutation) => literal(mutation, exchange));
    exchange.localReplyBody = "";
    exchange.reply({ ...localReply(plan.status === 0 ? status : plan.status, body, "", details), headers });
  }

  private redirect(exchange: Exchange, reply: LocalReply | null, plan: RedirectPlan, state: State): boolean {
    const { policy } = state;
    const ref = exchange.context.findCluster(plan.cluster);
    const cluster = ref === null ? null : ref.current;
    const host = cluster === null ? null : exchange.router.hostInstead(cluster);
    if (ref === null || cluster === null || host === null) return false;
    policy.redirected.value++;
    exchange.details = state.details = this.take(exchange, reply, state);
    exchange.router.divert(ref, cluster, host, plan.timeoutMs);
    return true;
  }

  private giveLastGood(exchange: Exchange, reply: LocalReply | null, plan: LastGoodPlan, state: State): boolean {
    const { policy, key } = state;
    const store = exchange.context.lastGood.get(policy.plan.name);
    const kept = store === undefined || hasBody(exchange) ? null : store.find(key, exchange.request, plan.maxAgeMs);
    if (kept === null) return false;
    policy.lastGood.value++;
    const details = this.take(exchange, reply, state);
    exchange.addFlag("RFCF");
    const age = Math.floor(kept.ageMs / 1000);
    // How stale it is: RFC 9211, `ttl`.
    const ttl = Math.floor(kept.freshMs / 1000);
    exchange.reply({
      ...localReply(200, kept.body, "", details),
      lines: [...kept.lines, "age", String(age), "cache-status", `tulle; hit; ttl=${ttl}; detail=last-good`],
    });
    return true;
  }

  /** From here on the answer is the fallback's. Its details, which the failure's stay part of. */
  private take(exchange: Exchange, reply: LocalReply | null, state: State): string {
    state.answered = true;
    exchange.filters.keepState(this, state);
    if (reply !== null) exchange.addFlag(reply.flag);
    return `${detailsOf(exchange, reply)}|fallback{${state.policy.plan.name}}`;
  }

  // The last good response

  private capture(exchange: Exchange, state: State): void {
    const { request, response } = exchange;
    const { keeps } = state.policy.plan;
    if (keeps === null || hasBody(exchange) || !mayBeKept(request, response, isKnown(exchange))) return;
    state.capture = new Capture(state.key, request, response, keeps);
  }

  onResponseData(exchange: Exchange, buffer: ReadBuffer, start: number, end: number): FilterStatus {
    const state = exchange.filters.stateOf(this) as State | undefined;
    if (state === undefined || state.capture === null) return CONTINUE;
    state.capture.add(buffer, start, end);
    if (state.capture.isTooLong) state.capture = null;
    return CONTINUE;
  }

  onComplete(exchange: Exchange): void {
    const state = exchange.filters.stateOf(this) as State | undefined;
    // A response that was cut off is not good.
    if (state === undefined || state.capture === null || exchange.responseEndedAt === 0) return;
    if (!state.capture.isTooLong) this.storeOf(exchange, state.policy).keep(state.capture);
  }

  private storeOf({ context }: Exchange, { plan, keptResponses, keptBytes }: Policy): ResponseStore {
    const { lastGood, net } = context;
    const { name } = plan;
    let store = lastGood.get(name);
    if (store === undefined) {
      store = new ResponseStore(net.timers, net.turn, (responses, bytes) => {
        keptResponses.value = responses;
        keptBytes.value = bytes;
        if (responses === 0) lastGood.delete(name);
      });
      lastGood.set(name, store);
    }
    return store;
  }

  private policyOf(plan: FallbackPlan): Policy {
    let policy = this.policies.get(plan);
    if (policy === undefined) this.policies.set(plan, (policy = new Policy(plan, this.stats)));
    return policy;
  }
}

/**
 * What a response is kept under: host and path as the client wrote them (routes may rewrite them), and where the request goes. A route that
 * headers choose, as of a version for testers, is not told by `vary`.
 */
function keyOf({ request, route, target }: Exchange): string {
  // cold: only where a policy keeps good responses
  return [target?.cluster.name ?? "", route?.name ?? "", request.authority, request.path].join(" ");
}

/** What a request's body asks for, as of searches by GET, its host and path do not tell. */
function hasBody({ bytesReceived, requestEnded }: Exchange): boolean {
  return bytesReceived > 0 || !requestEnded;
}

/** By a token, wherever it was, or by a certificate. */
function isKnown({ connection, dynamicMetadata }: Exchange): boolean {
  return (connection?.tls?.peer ?? null) !== null || dynamicMetadata?.[JWT_NAMESPACE] !== undefined;
}

function detailsOf(exchange: Exchange, reply: LocalReply | null): string {
  return reply === null ? exchange.details || DETAILS.viaUpstream : reply.details;
}

/** The other destination's failure is answered as any other. */
function tellWhatLedThere(exchange: Exchange, reply: LocalReply | null, state: State): boolean {
  const { details } = state;
  if (details === "" || reply === null) return false;
  state.details = "";
  exchange.reply({ ...reply, details: `${details}|${reply.details}` });
  return true;
}

function literal(mutation: HeaderMutation, exchange: Exchange): HeaderMutation {
  if (mutation.op === "remove" || mutation.format === null) return mutation;
  return { ...mutation, value: formatted(mutation, exchange), format: null };
}
