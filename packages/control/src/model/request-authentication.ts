/** RequestAuthentications, and which rules for tokens a workload has. (istio/istio `pilot/pkg/model/authentication.go`) */
import { isKind } from "@tulle/api";
import type { JwtRule, LoadedObject, RequestAuthenticationSpec } from "@tulle/api";
import type { Origin } from "./origin.ts";
import { originOf } from "./origin.ts";
import type { PolicyScope, PolicySubject } from "./policy-scope.ts";
import { policiesFor, policyScope } from "./policy-scope.ts";
import type { StoredObject } from "./stored-object.ts";

export interface RequestAuthenticationRule {
  readonly origin: Origin;
  readonly createdAt: number;
  readonly scope: PolicyScope;
  readonly spec: RequestAuthenticationSpec;
  readonly loaded: LoadedObject;
}

export function requestAuthenticationOf(stored: StoredObject): RequestAuthenticationRule | undefined {
  const { object } = stored.loaded;
  if (!isKind(object, "security.istio.io", "RequestAuthentication")) return undefined;
  const origin = originOf(stored.loaded);
  const { spec } = object;
  return { origin, createdAt: stored.createdAt, scope: policyScope(origin, spec), spec, loaded: stored.loaded };
}

/** All of all policies that are for the workload, by issuer: the order that says which is tried first. */
export function jwtRulesFor(
  rules: readonly RequestAuthenticationRule[],
  rootNamespace: string,
  subject: PolicySubject,
): readonly JwtRule[] {
  return policiesFor(rules, rootNamespace, subject)
    .flatMap(({ spec }) => spec.jwtRules ?? [])
    .toSorted((a, b) => ((a.issuer ?? "") < (b.issuer ?? "") ? -1 : (a.issuer ?? "") > (b.issuer ?? "") ? 1 : 0));
}
