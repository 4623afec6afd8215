import { type RBAC as EngineMessage, RBAC_Action as Action } from "@tulle/xds/gen/envoy/config/rbac/v3/rbac_pb.js";
import type { RBAC, RBACPerRoute } from "@tulle/xds/gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.js";
import type { Place } from "../problems.ts";
import { RBAC_PER_ROUTE } from "../supported-fields/index.ts";
import type { FilterCompiler } from "./filter-compiler.ts";
import { type Check, allOf, compilePermissions, compilePrincipals, result } from "./rbac-rules.ts";

export interface RbacPlan {
  /** Null: everything is allowed, and nothing counted. */
  readonly rules: RbacEnginePlan | null;
  readonly shadowRules: RbacEnginePlan | null;
  readonly rulesStatPrefix: string;
  readonly shadowRulesStatPrefix: string;
  readonly trackPerRuleStats: boolean;
}

export interface RbacEnginePlan {
  readonly action: "allow" | "deny" | "log";
  /** Names, in the order in which they are tried. */
  readonly policies: readonly string[];
  /** Walks end at the index of the first policy that matches, or at -1. */
  readonly start: Check;
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
  const { rules, shadowRules } = message;
  return {
    rules: rules === undefined ? null : compileEngine(rules, place.field("rules")),
    shadowRules: shadowRules === undefined ? null : compileEngine(shadowRules, place.field("shadow_rules")),
    rulesStatPrefix: message.rulesStatPrefix,
    shadowRulesStatPrefix: message.shadowRulesStatPrefix,
    trackPerRuleStats: message.trackPerRuleStats,
  };
}

const ACTIONS: Readonly<Record<number, RbacEnginePlan["action"]>> = {
  [Action.ALLOW]: "allow",
  [Action.DENY]: "deny",
  [Action.LOG]: "log",
};

function compileEngine(message: EngineMessage, place: Place): RbacEnginePlan {
  const policies = Object.keys(message.policies).sort(byBytes);
  const start = policies.reduceRight((next, name, i) => {
    const { permissions, principals } = message.policies[name];
    const at = place.field(`policies["${name}"]`);
    return allOf([compilePermissions(permissions, at), compilePrincipals(principals, at)])(result(i), next);
  }, result(-1));
  return { action: ACTIONS[message.action] ?? "allow", policies, start };
}

/** Envoy's order is that of the bytes. */
function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
