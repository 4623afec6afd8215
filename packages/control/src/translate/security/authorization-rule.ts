/** One rule of an AuthorizationPolicy as a policy of Envoy's RBAC. (istio/istio `pilot/pkg/security/authz/model/model.go`) */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  AuthorizationCondition,
  AuthorizationOperation,
  AuthorizationRule,
  AuthorizationSource,
} from "@tulle/api";
import type { PolicySchema } from "@tulle/xds/gen/envoy/config/rbac/v3/rbac_pb.js";
import type { PermissionInit, PrincipalInit, RuleContext, Term } from "./rule-terms.ts";
import * as terms from "./rule-terms.ts";
import { inAllTrustDomains, withAliases } from "./trust-domains.ts";

export type PolicyInit = MessageInitShape<typeof PolicySchema>;

/** For policies without rules. */
export const NEVER: PolicyInit = {
  permissions: [terms.noPermission(terms.ANY_PERMISSION)],
  principals: [terms.noPrincipal(terms.ANY_PRINCIPAL)],
};

export interface RuleOptions extends RuleContext {
  /** The mesh's own first. */
  readonly trustDomains: readonly string[];
  /**
   * What cannot be asked for here: a rule that allows then allows nothing; one that denies or logs asks the rest, so that it is true of
   * more rather than of less.
   */
  readonly strict: boolean;
}

/** Undefined: it allows nothing here. */
export function translateRule(rule: AuthorizationRule, options: RuleOptions): PolicyInit | undefined {
  const { from = [], to = [], when = [] } = rule;
  const { trustDomains } = options;
  const permissions = alternatives(
    to.map(({ operation }) => operationTerms(operation)),
    conditionPermissions(when),
  );
  const principals = alternatives(
    from.map(({ source }) => sourceTerms(source, trustDomains)),
    conditionPrincipals(when, trustDomains),
  );
  const result = {
    permissions: permissions.map((list) => conjunction(list, options, PERMISSIONS)),
    principals: principals.map((list) => conjunction(list, options, PRINCIPALS)),
  };
  return isComplete(result.permissions) && isComplete(result.principals)
    ? { permissions: result.permissions, principals: result.principals }
    : undefined;
}

function isComplete<T>(list: (T | undefined)[]): list is T[] {
  return !list.includes(undefined);
}

/** An attribute with the values that it may have and those that it may not. */
interface Asked<T> {
  readonly term: Term<T>;
  readonly values: readonly string[];
  readonly notValues: readonly string[];
}

/** Conditions hold for each of the alternatives. */
function alternatives<T>(
  each: readonly (readonly Asked<T>[])[],
  conditions: readonly Asked<T>[],
): readonly (readonly Asked<T>[])[] {
  return each.length === 0 ? [conditions] : each.map((own) => [...own, ...conditions]);
}

interface Algebra<T> {
  readonly all: (terms: readonly T[]) => T;
  readonly not: (term: T) => T;
}

const PERMISSIONS: Algebra<PermissionInit> = { all: terms.allPermissions, not: terms.noPermission };
const PRINCIPALS: Algebra<PrincipalInit> = { all: terms.allPrincipals, not: terms.noPrincipal };

function conjunction<T>(list: readonly Asked<T>[], options: RuleOptions, { all, not }: Algebra<T>): T | undefined {
  const found: T[] = [];
  for (const { term, values, notValues } of list) {
    for (const [wanted, some] of [[true, values] as const, [false, notValues] as const]) {
      if (some.length === 0) continue;
      const one = term(some, options);
      if (one !== undefined) found.push(wanted ? one : not(one));
      else if (options.strict) return undefined;
    }
  }
  return all(found);
}

function asked<T>(
  term: Term<T>,
  values: readonly string[] | undefined,
  notValues: readonly string[] | undefined,
): Asked<T>[] {
  const isEmpty = (values ?? []).length === 0 && (notValues ?? []).length === 0;
  return isEmpty ? [] : [{ term, values: values ?? [], notValues: notValues ?? [] }];
}

/** In Istio's order. */
function operationTerms(operation: AuthorizationOperation = {}): readonly Asked<PermissionInit>[] {
  const { hosts, notHosts, methods, notMethods, paths, notPaths, ports, notPorts } = operation;
  return [
    ...asked(terms.hosts, hosts, notHosts),
    ...asked(terms.methods, methods, notMethods),
    ...asked(terms.paths, paths, notPaths),
    ...asked(terms.destinationPorts, ports, notPorts),
  ];
}

function sourceTerms(
  source: AuthorizationSource = {},
  trustDomains: readonly string[],
): readonly Asked<PrincipalInit>[] {
  const { principals, notPrincipals, trustDomains: of, notTrustDomains: notOf } = source;
  return [
    ...asked(terms.sourcePrincipals, everywhere(principals, trustDomains), everywhere(notPrincipals, trustDomains)),
    ...asked(terms.requestPrincipals, source.requestPrincipals, source.notRequestPrincipals),
    ...asked(terms.sourceAccounts, source.serviceAccounts, source.notServiceAccounts),
    ...asked(terms.sourceTrustDomains, aliased(of, trustDomains), aliased(notOf, trustDomains)),
    ...asked(terms.sourceNamespaces, source.namespaces, source.notNamespaces),
    ...asked(terms.remoteIps, source.remoteIpBlocks, source.notRemoteIpBlocks),
    ...asked(terms.sourceIps, source.ipBlocks, source.notIpBlocks),
  ];
}

function everywhere(principals: readonly string[] | undefined, trustDomains: readonly string[]): readonly string[] {
  return inAllTrustDomains(principals ?? [], trustDomains);
}

function aliased(named: readonly string[] | undefined, trustDomains: readonly string[]): readonly string[] {
  return withAliases(named ?? [], trustDomains);
}

const PERMISSION_KEYS: Readonly<Record<string, Term<PermissionInit>>> = {
  "destination.ip": terms.destinationIps,
  "destination.port": terms.destinationPorts,
  "connection.sni": terms.serverNames,
};

const PRINCIPAL_KEYS: Readonly<Record<string, Term<PrincipalInit>>> = {
  "source.ip": terms.sourceIps,
  "remote.ip": terms.remoteIps,
  "source.namespace": terms.sourceNamespaces,
  "source.serviceAccount": terms.sourceAccounts,
  "source.trustDomain": terms.sourceTrustDomains,
  "source.principal": terms.sourcePrincipals,
  "request.auth.principal": terms.requestPrincipals,
  "request.auth.audiences": terms.requestAudiences,
  "request.auth.presenter": terms.requestPresenter,
};

function conditionPermissions(when: readonly AuthorizationCondition[]): readonly Asked<PermissionInit>[] {
  return when.flatMap(({ key, values, notValues }) => {
    const term = permissionTerm(key);
    return term === undefined ? [] : asked(term, values, notValues);
  });
}

function permissionTerm(key: string): Term<PermissionInit> | undefined {
  return key.startsWith("experimental.") ? terms.filterMetadata(key) : PERMISSION_KEYS[key];
}

function conditionPrincipals(
  when: readonly AuthorizationCondition[],
  trustDomains: readonly string[],
): readonly Asked<PrincipalInit>[] {
  return when.flatMap(({ key, values, notValues }) => {
    if (permissionTerm(key) !== undefined) return [];
    const rename = RENAMED[key] ?? asWritten;
    return asked(principalTerm(key), rename(values, trustDomains), rename(notValues, trustDomains));
  });
}

function principalTerm(key: string): Term<PrincipalInit> {
  const known = PRINCIPAL_KEYS[key];
  if (known !== undefined) return known;
  return key.startsWith("request.headers") ? terms.requestHeader(key) : terms.requestClaim(key);
}

const RENAMED: Readonly<Record<string, typeof everywhere>> = {
  "source.principal": everywhere,
  "source.trustDomain": aliased,
};

function asWritten(values: readonly string[] | undefined): readonly string[] {
  return values ?? [];
}
