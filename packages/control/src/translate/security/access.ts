/**
 * Who may call whom by AuthorizationPolicies, as far as an identity alone decides it: what depends on the request (paths, methods, tokens,
 * addresses) stays open. Pure.
 */
import type { AuthorizationPolicySpec } from "@tulle/api";
import type { AuthorizationRule } from "../../model/authorization.ts";
import { inAllTrustDomains, withAliases } from "./trust-domains.ts";

type Rule = NonNullable<AuthorizationPolicySpec["rules"]>[number];
type Source = NonNullable<NonNullable<Rule["from"]>[number]["source"]>;
type Condition = NonNullable<Rule["when"]>[number];

/** Undefined where one is asked for: plaintext, nobody has proved anything. */
export interface Identity {
  readonly trustDomain: string;
  readonly namespace: string;
  readonly account: string;
}

type Verdict = "allowed" | "denied" | "depends";

export interface Access {
  readonly verdict: Verdict;
  /** The policies that make it so; none: there is no policy. */
  readonly by: readonly AuthorizationRule[];
}

/** Of all requests of somebody: all match, none does, or some may. */
type Holds = "always" | "never" | "maybe";

/** `policies`: those that the workload has. `trustDomains`: the mesh's own first. */
export function accessOf(
  policies: readonly AuthorizationRule[],
  caller: Identity | undefined,
  trustDomains: readonly string[],
): Access {
  const enforced = policies.filter(({ dryRun }) => !dryRun);
  const holding = (action: string, wanted: Holds): readonly AuthorizationRule[] =>
    enforced.filter((policy) => policy.action === action && holds(policy, caller, trustDomains) === wanted);
  const denied = holding("DENY", "always");
  if (denied.length > 0) return { verdict: "denied", by: denied };
  const allowing = enforced.filter(({ action }) => action === "ALLOW");
  const allowed = holding("ALLOW", "always");
  const perhaps = holding("ALLOW", "maybe");
  if (allowing.length > 0 && allowed.length + perhaps.length === 0) return { verdict: "denied", by: allowing };
  // Another server is asked, or it is the request that decides.
  const open = [...holding("CUSTOM", "always"), ...holding("CUSTOM", "maybe"), ...holding("DENY", "maybe")];
  if (allowing.length > 0 && allowed.length === 0) open.push(...perhaps);
  return open.length > 0 ? { verdict: "depends", by: open } : { verdict: "allowed", by: allowed };
}

function holds(policy: AuthorizationRule, caller: Identity | undefined, trustDomains: readonly string[]): Holds {
  const { namespace } = policy.origin;
  const context = { caller, trustDomains, namespace };
  return any((policy.spec.rules ?? []).map((rule) => ruleHolds(rule, context)));
}

interface Context {
  readonly caller: Identity | undefined;
  readonly trustDomains: readonly string[];
  /** The policy's. */
  readonly namespace: string;
}

function ruleHolds({ from = [], to = [], when = [] }: Rule, context: Context): Holds {
  return all([
    from.length === 0 ? "always" : any(from.map(({ source = {} }) => sourceHolds(source, context))),
    to.length === 0 ? "always" : any(to.map(({ operation = {} }) => (isEmpty(operation) ? "always" : "maybe"))),
    ...when.map((condition) => conditionHolds(condition, context)),
  ]);
}

function sourceHolds(source: Source, context: Context): Holds {
  const { requestPrincipals, notRequestPrincipals, ipBlocks, notIpBlocks, remoteIpBlocks, notRemoteIpBlocks } = source;
  const ofRequest = {
    requestPrincipals,
    notRequestPrincipals,
    ipBlocks,
    notIpBlocks,
    remoteIpBlocks,
    notRemoteIpBlocks,
  };
  return all([
    among(source.principals, source.notPrincipals, (value) => isPrincipal(value, context)),
    among(source.namespaces, source.notNamespaces, (value) => isNamespace(value, context)),
    among(source.serviceAccounts, source.notServiceAccounts, (value) => isAccount(value, context)),
    among(source.trustDomains, source.notTrustDomains, (value) => isTrustDomain(value, context)),
    isEmpty(ofRequest) ? "always" : "maybe",
  ]);
}

const ATTRIBUTES: Readonly<Record<string, (value: string, context: Context) => boolean>> = {
  "source.principal": isPrincipal,
  "source.namespace": isNamespace,
  "source.serviceAccount": isAccount,
  "source.trustDomain": isTrustDomain,
};

function conditionHolds({ key, values, notValues }: Condition, context: Context): Holds {
  const is = Object.hasOwn(ATTRIBUTES, key) ? ATTRIBUTES[key] : undefined;
  return is === undefined ? "maybe" : among(values, notValues, (value) => is(value, context));
}

/** One of the values, if there are any, and none of the others. */
function among(
  values: readonly string[] = [],
  notValues: readonly string[] = [],
  is: (value: string) => boolean,
): Holds {
  return (values.length === 0 || values.some(is)) && !notValues.some(is) ? "always" : "never";
}

function isPrincipal(pattern: string, { caller, trustDomains }: Context): boolean {
  if (caller === undefined) return false;
  const principal = `${caller.trustDomain}/ns/${caller.namespace}/sa/${caller.account}`;
  return inAllTrustDomains([pattern], trustDomains).some((one) => matches(principal, one));
}

function isNamespace(pattern: string, { caller }: Context): boolean {
  return caller !== undefined && matchesAnywhere(caller.namespace, pattern);
}

function isAccount(account: string, { caller, namespace }: Context): boolean {
  const [of, name] = account.includes("/") ? account.split("/") : [namespace, account];
  return caller !== undefined && caller.namespace === of && caller.account === name;
}

function isTrustDomain(pattern: string, { caller, trustDomains }: Context): boolean {
  return (
    caller !== undefined && withAliases([pattern], trustDomains).some((one) => matchesAnywhere(caller.trustDomain, one))
  );
}

/** Istio's patterns of texts: a star at one end. */
function matches(text: string, pattern: string): boolean {
  if (pattern === "*") return text !== "";
  if (pattern.startsWith("*")) return text.endsWith(pattern.slice(1));
  return pattern.endsWith("*") ? text.startsWith(pattern.slice(0, -1)) : text === pattern;
}

/** Namespaces and trust domains: a star anywhere. */
function matchesAnywhere(text: string, pattern: string): boolean {
  const [first = "", ...rest] = pattern.split("*");
  if (rest.length === 0) return text === pattern;
  if (!text.startsWith(first)) return false;
  let at = first.length;
  for (const part of rest.slice(0, -1)) {
    const found = text.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  const last = rest.at(-1)!;
  return text.length - at >= last.length && text.endsWith(last);
}

/** Empty lists say nothing. */
function isEmpty(fields: Readonly<Record<string, readonly unknown[] | undefined>>): boolean {
  return Object.values(fields).every((values) => values === undefined || values.length === 0);
}

function all(parts: readonly Holds[]): Holds {
  if (parts.includes("never")) return "never";
  return parts.includes("maybe") ? "maybe" : "always";
}

function any(parts: readonly Holds[]): Holds {
  if (parts.includes("always")) return "always";
  return parts.includes("maybe") ? "maybe" : "never";
}
