import type { NetworkRbacPlan } from "../../plan/compile-network-filters.ts";
import type { RbacEnginePlan, RbacOutcomePlan } from "../../plan/filters/rbac.ts";
import { walk } from "../../plan/filters/rbac-rules.ts";
import type { Counter, StatsRegistry } from "../../stats/index.ts";
import type { ConnectionStream } from "../connection-stream.ts";
import { type Decision, type FilteredConnectionView, GO_ON, type NetworkFilter } from "./network-filter.ts";

/** Where findings are put, whatever the filter is called. */
const NAMESPACE = "envoy.filters.network.rbac";
/** Envoy's namespace for what concerns everybody; LOG rules say there whether to log. */
const COMMON_NAMESPACE = "envoy.common";

/** Role-based access control of connections. Envoy `source/extensions/filters/network/rbac/rbac_filter.cc`. */
export class NetworkRbac implements NetworkFilter {
  private readonly plan: NetworkRbacPlan;
  private readonly allowed: Counter;
  private readonly denied: Counter;
  private readonly shadowAllowed: Counter;
  private readonly shadowDenied: Counter;

  constructor(plan: NetworkRbacPlan, registry: StatsRegistry) {
    this.plan = plan;
    const prefix = `${plan.statPrefix}${plan.statPrefix.endsWith(".") ? "" : "."}rbac.`;
    const shadow = plan.shadowStatPrefix;
    const shadowPrefix = prefix + (shadow === "" || shadow.endsWith(".") ? shadow : `${shadow}.`);
    this.allowed = registry.counter(`${prefix}allowed`);
    this.denied = registry.counter(`${prefix}denied`);
    this.shadowAllowed = registry.counter(`${shadowPrefix}shadow_allowed`);
    this.shadowDenied = registry.counter(`${shadowPrefix}shadow_denied`);
  }

  onConnection(): Decision {
    return GO_ON;
  }

  onData({ stream }: FilteredConnectionView, first: boolean): Decision {
    const { rules, shadowRules, continuous, delayMs } = this.plan;
    if (!first && !continuous) return GO_ON;
    if (shadowRules !== null) this.shadow(decide(shadowRules, stream), stream);
    if (rules === null) return GO_ON;
    const { allowed, policy, logHint } = decide(rules, stream);
    if (logHint !== null) stream.addDynamicMetadata(COMMON_NAMESPACE, { access_log_hint: logHint });
    if (allowed) {
      this.allowed.value++;
      return GO_ON;
    }
    this.denied.value++;
    stream.terminationDetails = `rbac_access_denied_matched_policy[${policy === "" ? "none" : policy.replaceAll(/\s/g, "_")}]`;
    return delayMs;
  }

  private shadow({ allowed, policy }: RbacOutcomePlan, stream: ConnectionStream): void {
    (allowed ? this.shadowAllowed : this.shadowDenied).value++;
    const { shadowStatPrefix } = this.plan;
    stream.addDynamicMetadata(NAMESPACE, {
      ...(policy === "" ? {} : { [`${shadowStatPrefix}shadow_effective_policy_id`]: policy }),
      [`${shadowStatPrefix}shadow_engine_result`]: allowed ? "allowed" : "denied",
    });
  }

  onClose(): void {
    // Nothing is kept.
  }
}

function decide({ outcomes, start }: RbacEnginePlan, stream: ConnectionStream): RbacOutcomePlan {
  return outcomes[walk(start, stream, "")];
}
