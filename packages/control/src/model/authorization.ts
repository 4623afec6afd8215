/** AuthorizationPolicies, and which of them a workload has. (istio/istio `pilot/pkg/model/authorization.go`) */
import { isKind } from "@tulle/api";
import type { AuthorizationPolicySpec, LoadedObject } from "@tulle/api";
import type { Origin } from "./origin.ts";
import { originOf } from "./origin.ts";
import type { PolicyScope, PolicySubject } from "./policy-scope.ts";
import { policiesFor, policyScope } from "./policy-scope.ts";
import type { StoredObject } from "./stored-object.ts";

export type AuthorizationAction = NonNullable<AuthorizationPolicySpec["action"]>;

export interface AuthorizationRule {
  readonly origin: Origin;
  readonly createdAt: number;
  readonly scope: PolicyScope;
  readonly action: AuthorizationAction;
  readonly spec: AuthorizationPolicySpec;
  /** It is tried and counted, and nothing follows. */
  readonly dryRun: boolean;
  readonly loaded: LoadedObject;
}

const DRY_RUN = "istio.io/dry-run";

export function authorizationOf(stored: StoredObject): AuthorizationRule | undefined {
  const { object } = stored.loaded;
  if (!isKind(object, "security.istio.io", "AuthorizationPolicy")) return undefined;
  const origin = originOf(stored.loaded);
  return {
    origin,
    createdAt: stored.createdAt,
    scope: policyScope(origin, object.spec),
    action: object.spec.action ?? "ALLOW",
    spec: object.spec,
    dryRun: object.metadata.annotations[DRY_RUN] === "true",
    loaded: stored.loaded,
  };
}

export function authorizationsFor(
  rules: readonly AuthorizationRule[],
  rootNamespace: string,
  subject: PolicySubject,
): readonly AuthorizationRule[] {
  return policiesFor(rules, rootNamespace, subject);
}
