/**
 * AuthorizationPolicies decided by the words of Istio's reference ("Authorization Policy", "Authorization Policy Conditions"), request by
 * request, without a line of what translates them or of what evaluates Envoy's rules.
 */
import type { AuthorizationPolicySpec } from "@tulle/api";
import type { Claim, Request } from "./request.ts";

type Rule = NonNullable<AuthorizationPolicySpec["rules"]>[number];
type Source = NonNullable<NonNullable<Rule["from"]>[number]["source"]>;
type Operation = NonNullable<NonNullable<Rule["to"]>[number]["operation"]>;
type Condition = NonNullable<Rule["when"]>[number];

export interface Policy {
  readonly namespace: string;
  readonly spec: AuthorizationPolicySpec;
}

export interface Mesh {
  /** The mesh's own first. */
  readonly trustDomains: readonly string[];
}

/** "Any DENY that matches: deny. No ALLOW policies: allow. Any ALLOW that matches: allow. Otherwise deny." AUDIT never matters. */
export function decide(policies: readonly Policy[], request: Request, mesh: Mesh): boolean {
  const of = (action: string): readonly Policy[] => policies.filter(({ spec }) => (spec.action ?? "ALLOW") === action);
  const matches = ({ namespace, spec }: Policy): boolean =>
    (spec.rules ?? []).some((rule) => ruleMatches(rule, { request, mesh, namespace }));
  if (of("DENY").some(matches)) return false;
  return of("ALLOW").length === 0 || of("ALLOW").some(matches);
}

interface Context {
  readonly request: Request;
  readonly mesh: Mesh;
  /** The policy's. */
  readonly namespace: string;
}

function ruleMatches({ from = [], to = [], when = [] }: Rule, context: Context): boolean {
  return (
    (from.length === 0 || from.some(({ source = {} }) => sourceMatches(source, context))) &&
    (to.length === 0 || to.some(({ operation = {} }) => operationMatches(operation, context.request))) &&
    when.every((condition) => conditionMatches(condition, context))
  );
}

/** One of the values, if there are any, and none of the others. */
function among(
  values: readonly string[] | undefined,
  notValues: readonly string[] | undefined,
  is: (value: string) => boolean,
): boolean {
  const wanted = values ?? [];
  return (wanted.length === 0 || wanted.some(is)) && !(notValues ?? []).some(is);
}

function sourceMatches(source: Source, context: Context): boolean {
  const { request } = context;
  return (
    among(source.principals, source.notPrincipals, (value) => isPrincipal(value, context)) &&
    among(source.requestPrincipals, source.notRequestPrincipals, (value) => isRequestPrincipal(value, request)) &&
    among(source.namespaces, source.notNamespaces, (value) => isNamespace(value, request)) &&
    among(source.serviceAccounts, source.notServiceAccounts, (value) => isAccount(value, context)) &&
    among(source.trustDomains, source.notTrustDomains, (value) => isTrustDomain(value, context)) &&
    among(source.ipBlocks, source.notIpBlocks, (block) => isInBlock(request.sourceIp, block)) &&
    among(source.remoteIpBlocks, source.notRemoteIpBlocks, (block) => isInBlock(remoteIp(request), block))
  );
}

function operationMatches(operation: Operation, { host, method, path, destinationPort }: Request): boolean {
  const [bare = ""] = path.split(/[?#]/);
  const is = (text: string) => (pattern: string) => matchesText(pattern, text);
  return (
    among(operation.hosts, operation.notHosts, (pattern) => matchesText(pattern.toLowerCase(), host.toLowerCase())) &&
    among(operation.methods, operation.notMethods, is(method)) &&
    among(operation.ports, operation.notPorts, (port) => Number(port) === destinationPort) &&
    among(operation.paths, operation.notPaths, (pattern) =>
      /\{\*\*?\}/.test(pattern) ? matchesTemplate(pattern, bare) : matchesText(pattern, bare),
    )
  );
}

function conditionMatches({ key, values, notValues }: Condition, context: Context): boolean {
  return among(values, notValues, (value) => attributeIs(key, value, context));
}

function attributeIs(key: string, value: string, context: Context): boolean {
  const { request } = context;
  switch (key) {
    case "source.ip":
      return isInBlock(request.sourceIp, value);
    case "remote.ip":
      return isInBlock(remoteIp(request), value);
    case "source.namespace":
      return isNamespace(value, request);
    case "source.serviceAccount":
      return isAccount(value, context);
    case "source.trustDomain":
      return isTrustDomain(value, context);
    case "source.principal":
      return isPrincipal(value, context);
    case "request.auth.principal":
      return isRequestPrincipal(value, request);
    case "request.auth.audiences":
      return hasClaim(["aud"], value, request);
    case "request.auth.presenter":
      return hasClaim(["azp"], value, request);
    case "destination.ip":
      return isInBlock(request.destinationIp, value);
    case "destination.port":
      return Number(value) === request.destinationPort;
    case "connection.sni":
      return matchesText(value, request.tls?.sni ?? "");
    default: {
      const names = [...key.matchAll(/\[([^[\]]*)\]/g)].map(([, name = ""]) => name);
      return key.startsWith("request.headers")
        ? hasHeader(names[0] ?? "", value, request)
        : hasClaim(names, value, request);
    }
  }
}

/** "Exact match, prefix match `abc*`, suffix match `*abc`, presence match `*`", which is anything but empty. */
function matchesText(pattern: string, text: string): boolean {
  if (pattern === "*") return text !== "";
  if (pattern.startsWith("*")) return text.endsWith(pattern.slice(1));
  return pattern.endsWith("*") ? text.startsWith(pattern.slice(0, -1)) : text === pattern;
}

/** "`{*}` matches one path segment, `{**}` zero or more." */
function matchesTemplate(template: string, path: string): boolean {
  const known = template.split("/");
  const asked = path.split("/");
  const from = (i: number, j: number): boolean => {
    if (i === known.length) return j === asked.length;
    if (known[i] === "{**}") {
      // At least the slash before them is there.
      for (let end = j + 1; end <= asked.length; end++) if (from(i + 1, end)) return true;
      return false;
    }
    if (j === asked.length) return false;
    return (known[i] === "{*}" ? asked[j] !== "" : known[i] === asked[j]) && from(i + 1, j + 1);
  };
  return from(0, 0);
}

interface Identity {
  readonly trustDomain: string;
  readonly namespace: string;
  readonly account: string;
}

/** `spiffe://<trust domain>/ns/<namespace>/sa/<account>`. */
export function identityOf({ tls }: Pick<Request, "tls">): Identity | undefined {
  const found = /^spiffe:\/\/([^/]+)\/ns\/([^/]+)\/sa\/([^/]+)$/.exec(tls?.identity ?? "");
  if (found === null) return undefined;
  const [, trustDomain = "", namespace = "", account = ""] = found;
  return { trustDomain, namespace, account };
}

/** Identities of the mesh are the same in all its trust domains; `cluster.local` is the mesh's, whatever it is called. */
function isPrincipal(pattern: string, { request, mesh }: Context): boolean {
  const peer = identityOf(request);
  if (peer === undefined) return false;
  const spelled = (trustDomain: string): string => `${trustDomain}/ns/${peer.namespace}/sa/${peer.account}`;
  const named = /^([^/*]+)\/ns\/[^/]+\/sa\/[^/]+$/.exec(pattern)?.[1];
  const isOwn = named !== undefined && (named === "cluster.local" || mesh.trustDomains.includes(named));
  if (!isOwn) return matchesText(pattern, spelled(peer.trustDomain));
  return mesh.trustDomains.includes(peer.trustDomain) && matchesText(pattern, spelled(named));
}

/** "Namespaces … `*` anywhere stands for any text." */
function isNamespace(pattern: string, request: Request): boolean {
  const peer = identityOf(request);
  return peer !== undefined && wildcard(pattern, peer.namespace);
}

function isAccount(account: string, { request, namespace }: Context): boolean {
  const peer = identityOf(request);
  const [of, name] = account.includes("/") ? account.split("/") : [namespace, account];
  return peer !== undefined && peer.namespace === of && peer.account === name;
}

function isTrustDomain(pattern: string, { request, mesh }: Context): boolean {
  const peer = identityOf(request);
  if (peer === undefined) return false;
  if (wildcard(pattern, peer.trustDomain)) return true;
  return mesh.trustDomains.includes(pattern) && mesh.trustDomains.includes(peer.trustDomain);
}

function wildcard(pattern: string, text: string): boolean {
  const [first = "", ...rest] = pattern.split("*");
  if (rest.length === 0) return first === text;
  if (!text.startsWith(first)) return false;
  const last = rest.pop() ?? "";
  let at = first.length;
  for (const part of rest) {
    const found = text.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return text.length - at >= last.length && text.endsWith(last);
}

/** "`<ISSUER>/<SUBJECT>`": each by itself; what is before the last slash is the issuer. */
function isRequestPrincipal(pattern: string, { token }: Request): boolean {
  const issuer = token?.["iss"];
  const subject = token?.["sub"];
  if (typeof issuer !== "string" || typeof subject !== "string") return false;
  if (pattern === "*") return issuer !== "" && subject !== "";
  const slash = pattern.lastIndexOf("/");
  if (slash >= 0) return matchesText(pattern.slice(0, slash), issuer) && matchesText(pattern.slice(slash + 1), subject);
  if (pattern.startsWith("*")) return issuer !== "" && matchesText(pattern, subject);
  return pattern.endsWith("*") ? subject !== "" && matchesText(pattern, issuer) : pattern === issuer && subject === "";
}

/** A claim that is the text, or a list that has it. */
function hasClaim(path: readonly string[], pattern: string, { token }: Request): boolean {
  let found: Claim | undefined = token;
  for (const name of path) found = isGroup(found) ? found[name] : undefined;
  if (typeof found === "string") return matchesText(pattern, found);
  return isList(found) && found.some((value) => matchesText(pattern, value));
}

function isList(claim: Claim | undefined): claim is readonly string[] {
  return Array.isArray(claim);
}

function isGroup(claim: Claim | undefined): claim is { readonly [name: string]: Claim } {
  return typeof claim === "object" && !isList(claim);
}

/** One of a header's lines, or all of them together; `*`: it is there, even empty. */
function hasHeader(name: string, pattern: string, { headers }: Request): boolean {
  const lines = headers[name.toLowerCase()];
  if (lines === undefined) return false;
  return pattern === "*" || [...lines, lines.join(",")].some((line) => matchesText(pattern, line));
}

function remoteIp({ forwardedFor, sourceIp }: Request): string {
  return forwardedFor === "" ? sourceIp : forwardedFor;
}

/** Of IPv4 only: the generator knows no others. */
function isInBlock(address: string, block: string): boolean {
  const [base = "", bits = "32"] = block.split("/");
  const size = 2 ** (32 - Number(bits));
  return Math.floor(numberOf(address) / size) === Math.floor(numberOf(base) / size);
}

function numberOf(address: string): number {
  return address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
}
