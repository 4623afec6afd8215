import { type RBAC as EngineMessage, RBAC_Action as Action } from "@tulle/xds/gen/envoy/config/rbac/v3/rbac_pb.js";
import type { RBAC, RBACPerRoute } from "@tulle/xds/gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.js";
import type { Matcher } from "@tulle/xds/gen/xds/type/matcher/v3/matcher_pb.js";
import { allOf } from "../matcher-tree.ts";
import type { Place } from "../problems.ts";
import { RBAC_PER_ROUTE } from "../supported-fields/index.ts";
import type { FilterCompiler } from "./filter-compiler.ts";
import { compileMatcherEngine } from "./rbac-matcher.ts";
import { type Check, compilePermissions, compilePrincipals, result } from "./rbac-rules.ts";

export interface RbacPlan {
  /** Null: everything is allowed, and nothing counted. */
  readonly rules: RbacEnginePlan | null;
  readonly shadowRules: RbacEnginePlan | null;
  readonly rulesStatPrefix: string;
  readonly shadowRulesStatPrefix: string;
  readonly trackPerRuleStats: boolean;
}

export interface RbacEnginePlan {
  /** Of the policies, in the order in which they are tried, and of none. */
  readonly outcomes: readonly RbacOutcomePlan[];
  /** Walks end at the index of an outcome. */
  readonly start: Check;
}

export interface RbacOutcomePlan {
  /** "" for none. */
  readonly policy: string;
  readonly allowed: boolean;
  /** What LOG rules say to access logs; null where there are no such rules. */
  readonly logHint: boolean | null;
}

const NOTHING_TO_ENFORCE: RbacPlan = {
  rules: null,
  shadowRules: null,
  rulesStatPrefix: "",
  shadowRulesStatPrefix: "",
  trackPerRuleStats: false,
};

export const rbac: FilterCompiler = {
  compile: ({ message }, _, place) => compileRbac(message as RBAC, place),
  compileRoute: {
    typeName: RBAC_PER_ROUTE,
    compile: ({ message }, place) => {
      const { rbac: own } = message as RBACPerRoute;
      return own === undefined ? NOTHING_TO_ENFORCE : compileRbac(own, place.field("rbac"));
    },
    merge: null,
  },
};

function compileRbac(message: RBAC, place: Place): RbacPlan {
  const { rules, matcher, shadowRules, shadowMatcher } = message;
  return {
    rules: compileEither(rules, "rules", matcher, "matcher", place),
    shadowRules: compileEither(shadowRules, "shadow_rules", shadowMatcher, "shadow_matcher", place),
    rulesStatPrefix: message.rulesStatPrefix,
    shadowRulesStatPrefix: message.shadowRulesStatPrefix,
    trackPerRuleStats: message.trackPerRuleStats,
  };
}

/** Where there are both, the matcher counts (Envoy `createEngine`). */
export function compileEither(
  rules: EngineMessage | undefined,
  rulesField: string,
  matcher: Matcher | undefined,
  matcherField: string,
  place: Place,
): RbacEnginePlan | null {
  if (matcher !== undefined) return compileMatcherEngine(matcher, place.field(matcherField));
  return rules === undefined ? null : compileEngine(rules, place.field(rulesField));
}

function compileEngine(message: EngineMessage, place: Place): RbacEnginePlan {
  const policies = Object.keys(message.policies).sort(byBytes);
  const start = policies.reduceRight((next, name, i) => {
    const { permissions, principals } = message.policies[name];
    const at = place.field(`policies["${name}"]`);
    return allOf([compilePermissions(permissions, at), compilePrincipals(principals, at)])(result(i), next);
  }, result(policies.length));
  const { action } = message;
  const logs = action === Action.LOG;
  const outcomes = policies.map((policy) => ({
    policy,
    allowed: action !== Action.DENY,
    logHint: logs ? true : null,
  }));
  const none = { policy: "", allowed: action !== Action.ALLOW, logHint: logs ? false : null };
  return { outcomes: [...outcomes, none], start };
}

/** Envoy's order is that of the bytes. */
function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
