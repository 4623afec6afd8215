import type { RbacEnginePlan, RbacOutcomePlan, RbacPlan } from "../../plan/filters/rbac.ts";
import type { Metadata } from "../../plan/format/stream-info.ts";
import { walk } from "../../plan/filters/rbac-rules.ts";
import { withoutParameters } from "../../plan/route-table.ts";
import type { Counter, StatsRegistry } from "../../stats/index.ts";
import type { Exchange } from "../exchange.ts";
import { type LocalReply, localReply } from "../local-replies.ts";
import { CONTINUE, type FilterContext, type FilterStatus, type HttpFilter, STOP } from "./filter.ts";

/** Where findings are put, whatever the filter is called. */
const NAMESPACE = "envoy.filters.http.rbac";
/** Envoy's namespace for what concerns everybody; LOG rules say there whether to log. */
const COMMON_NAMESPACE = "envoy.common";
const LOG_HINTS = {
  yes: { [COMMON_NAMESPACE]: { access_log_hint: true } },
  no: { [COMMON_NAMESPACE]: { access_log_hint: false } },
};

/** What follows from one policy, or from none: all of it known when the configuration arrives. */
interface Outcome {
  readonly allowed: boolean;
  readonly metadata: Metadata;
  readonly logHint: Metadata | null;
  /** Of the policy, where each has its own; it is made when it first counts. */
  readonly counterName: string;
  counter: Counter | null;
  readonly reply: LocalReply;
}

/** One set of rules. */
class Engine {
  private readonly plan: RbacEnginePlan;
  private readonly outcomes: readonly Outcome[];

  constructor(plan: RbacEnginePlan, outcome: (plan: RbacOutcomePlan) => Outcome) {
    this.plan = plan;
    this.outcomes = plan.outcomes.map(outcome);
  }

  decide(exchange: Exchange, path: string): Outcome {
    return this.outcomes[walk(this.plan.start, exchange, path)];
  }
}

interface Engines {
  readonly enforced: Engine | null;
  readonly shadow: Engine | null;
}

/** Role-based access control: Envoy `source/extensions/filters/http/rbac/rbac_filter.cc`. */
export class Rbac implements HttpFilter {
  private readonly stats: StatsRegistry;
  /** Routes count under the names that the filter's own configuration gives. */
  private readonly enforcedPrefix: string;
  private readonly shadowPrefix: string;
  private readonly allowed: Counter;
  private readonly denied: Counter;
  private readonly shadowAllowed: Counter;
  private readonly shadowDenied: Counter;
  private readonly own: Engines;
  private readonly ofRoutes = new WeakMap<RbacPlan, Engines>();

  constructor(plan: RbacPlan, { stats, statPrefix }: FilterContext) {
    this.stats = stats;
    this.enforcedPrefix = prefixed(`http.${statPrefix}.rbac.`, plan.rulesStatPrefix);
    this.shadowPrefix = prefixed(`http.${statPrefix}.rbac.`, plan.shadowRulesStatPrefix);
    this.allowed = stats.counter(`${this.enforcedPrefix}allowed`);
    this.denied = stats.counter(`${this.enforcedPrefix}denied`);
    this.shadowAllowed = stats.counter(`${this.shadowPrefix}shadow_allowed`);
    this.shadowDenied = stats.counter(`${this.shadowPrefix}shadow_denied`);
    this.own = this.engines(plan);
  }

  onRequest(exchange: Exchange, routeConfig: unknown): FilterStatus {
    const { enforced, shadow } = routeConfig === null ? this.own : this.enginesOf(routeConfig as RbacPlan);
    const { path } = exchange.request;
    const matched = exchange.routes?.ignoresPathParameters === true ? withoutParameters(path) : path;
    if (shadow !== null) {
      const outcome = shadow.decide(exchange, matched);
      if (outcome.allowed) this.shadowAllowed.value++;
      else this.shadowDenied.value++;
      if (outcome.counterName !== "") this.count(outcome);
      exchange.addDynamicMetadata(outcome.metadata);
    }
    if (enforced === null) return CONTINUE;
    const outcome = enforced.decide(exchange, matched);
    const { logHint } = outcome;
    if (outcome.counterName !== "") this.count(outcome);
    exchange.addDynamicMetadata(outcome.metadata);
    if (logHint !== null) exchange.addDynamicMetadata(logHint);
    if (outcome.allowed) {
      this.allowed.value++;
      return CONTINUE;
    }
    this.denied.value++;
    exchange.reply(outcome.reply);
    return STOP;
  }

  private count(outcome: Outcome): void {
    outcome.counter ??= this.stats.counter(outcome.counterName);
    outcome.counter.value++;
  }

  private enginesOf(plan: RbacPlan): Engines {
    let engines = this.ofRoutes.get(plan);
    if (engines === undefined) this.ofRoutes.set(plan, (engines = this.engines(plan)));
    return engines;
  }

  private engines(plan: RbacPlan): Engines {
    const { rules, shadowRules } = plan;
    return {
      enforced: rules === null ? null : new Engine(rules, (outcome) => this.outcome(plan, "enforced", outcome)),
      shadow: shadowRules === null ? null : new Engine(shadowRules, (outcome) => this.outcome(plan, "shadow", outcome)),
    };
  }

  private outcome(plan: RbacPlan, kind: "enforced" | "shadow", { policy, allowed, logHint }: RbacOutcomePlan): Outcome {
    const key = `${kind === "shadow" ? plan.shadowRulesStatPrefix : plan.rulesStatPrefix}${kind}`;
    const result = { [`${key}_engine_result`]: allowed ? "allowed" : "denied" };
    const matched = policy !== "";
    return {
      allowed,
      metadata: { [NAMESPACE]: matched ? { [`${key}_effective_policy_id`]: policy, ...result } : result },
      logHint: logHint !== null && kind === "enforced" ? (logHint ? LOG_HINTS.yes : LOG_HINTS.no) : null,
      counterName: matched && plan.trackPerRuleStats ? this.policyCounter(kind, policy, allowed) : "",
      counter: null,
      reply: denial(policy),
    };
  }

  private policyCounter(kind: "enforced" | "shadow", policy: string, allowed: boolean): string {
    const result = allowed ? "allowed" : "denied";
    return kind === "shadow"
      ? `${this.shadowPrefix}policy.${policy}.shadow_${result}`
      : `${this.enforcedPrefix}policy.${policy}.${result}`;
  }
}

function prefixed(prefix: string, own: string): string {
  return own === "" || own.endsWith(".") ? prefix + own : `${prefix}${own}.`;
}

/** Details hold no white space (Envoy `source/extensions/filters/common/rbac/utility.cc`, `responseDetail`). */
function denial(policy: string): LocalReply {
  const name = policy === "" ? "none" : policy.replaceAll(/\s/g, "_");
  return localReply(403, "RBAC: access denied", "", `rbac_access_denied_matched_policy[${name}]`);
}
