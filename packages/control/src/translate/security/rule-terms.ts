/**
 * The attributes that rules of an AuthorizationPolicy ask for, as Envoy's permissions (of what is asked for) and principals (of who asks).
 * (istio/istio `pilot/pkg/security/authz/model/generator.go`)
 */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { PermissionSchema, PrincipalSchema } from "@tulle/xds/gen/envoy/config/rbac/v3/rbac_pb.js";
import { UriTemplateMatchConfigSchema } from "@tulle/xds/gen/envoy/extensions/path/match/uri_template/v3/uri_template_match_pb.js";
import { create } from "@bufbuild/protobuf";
import { packed } from "../packed.ts";
import { cidrRange } from "./cidr.ts";
import type { MetadataMatcherInit, StringMatcherInit } from "./matchers.ts";
import {
  SOMETHING,
  anyValue,
  claim,
  claimAmong,
  exact,
  headerPattern,
  listWith,
  metadata,
  pattern,
  prefix,
  quoted,
  regex,
  suffix,
  textValue,
} from "./matchers.ts";

export type PermissionInit = MessageInitShape<typeof PermissionSchema>;
export type PrincipalInit = MessageInitShape<typeof PrincipalSchema>;

/** What a rule is read for. */
export interface RuleContext {
  /** The policy's own namespace: where accounts are that name none. */
  readonly namespace: string;
  /** The connection is not HTTP: what only requests have cannot be asked for. */
  readonly tcp: boolean;
  /** Ports as policies call them, as those that connections come to. */
  readonly port: (port: number) => readonly number[];
}

/** Several values, of which one must be. Undefined: it cannot be asked for here. */
export type Term<T> = (values: readonly string[], context: RuleContext) => T | undefined;

function anyPermission(rules: readonly PermissionInit[]): PermissionInit {
  return { rule: { case: "orRules", value: { rules: [...rules] } } };
}

export function allPermissions(rules: readonly PermissionInit[]): PermissionInit {
  const all = rules.length === 0 ? [ANY_PERMISSION] : [...rules];
  return { rule: { case: "andRules", value: { rules: all } } };
}

export function noPermission(rule: PermissionInit): PermissionInit {
  return { rule: { case: "notRule", value: rule } };
}

function anyPrincipal(ids: readonly PrincipalInit[]): PrincipalInit {
  return { identifier: { case: "orIds", value: { ids: [...ids] } } };
}

export function allPrincipals(ids: readonly PrincipalInit[]): PrincipalInit {
  const all = ids.length === 0 ? [ANY_PRINCIPAL] : [...ids];
  return { identifier: { case: "andIds", value: { ids: all } } };
}

export function noPrincipal(id: PrincipalInit): PrincipalInit {
  return { identifier: { case: "notId", value: id } };
}

export const ANY_PERMISSION: PermissionInit = { rule: { case: "any", value: true } };
export const ANY_PRINCIPAL: PrincipalInit = { identifier: { case: "any", value: true } };

type Each<T> = (value: string, context: RuleContext) => T;

function permissions(each: Each<PermissionInit>): Term<PermissionInit> {
  return (values, context) => anyPermission(values.map((value) => each(value, context)));
}

function principals(each: Each<PrincipalInit>): Term<PrincipalInit> {
  return (values, context) => anyPrincipal(values.map((value) => each(value, context)));
}

function httpOnly<T>(term: Term<T>): Term<T> {
  return (values, context) => (context.tcp ? undefined : term(values, context));
}

export const hosts = httpOnly(
  permissions((value) => ({ rule: { case: "header", value: headerPattern(":authority", value, true) } })),
);
export const methods = httpOnly(
  permissions((value) => ({ rule: { case: "header", value: headerPattern(":method", value) } })),
);
export const paths = httpOnly(permissions(path));

function path(value: string): PermissionInit {
  if (!value.includes("{*}") && !value.includes("{**}")) {
    return { rule: { case: "urlPath", value: { rule: { case: "path", value: pattern(value) } } } };
  }
  const pathTemplate = value.replaceAll("{*}", "*").replaceAll("{**}", "**");
  const typedConfig = packed(UriTemplateMatchConfigSchema, create(UriTemplateMatchConfigSchema, { pathTemplate }));
  return { rule: { case: "uriTemplate", value: { name: "uri-template", typedConfig } } };
}

export const destinationPorts = permissions((value, { port }) => {
  const [first, ...more] = port(Number(value)).map((number) => destinationPort(number));
  if (first === undefined) return noPermission(ANY_PERMISSION);
  return more.length === 0 ? first : anyPermission([first, ...more]);
});

function destinationPort(value: number): PermissionInit {
  return { rule: { case: "destinationPort", value } };
}

export const destinationIps = permissions((value) => ({
  rule: { case: "destinationIp", value: cidrRange(value) },
}));
export const serverNames = permissions((value) => ({
  rule: { case: "requestedServerName", value: pattern(value) },
}));

/** `experimental.envoy.filters.a.b[c]`: what the filter `envoy.filters.a.b` says of `c`; a value in brackets is one of a list. */
export function filterMetadata(key: string): Term<PermissionInit> {
  const text = key.slice("experimental.".length);
  const open = text.indexOf("[");
  const filter = text.slice(0, open);
  const name = text.slice(open + 1).replace(/\]$/, "");
  return (values) => {
    const matchers = values.map((value) =>
      value.startsWith("[") && value.endsWith("]")
        ? listWith(textValue(pattern(value.replaceAll(/^[[\]]+|[[\]]+$/g, ""))))
        : textValue(pattern(value)),
    );
    return { rule: { case: "metadata", value: metadata(filter, [name], anyValue(matchers)) } };
  };
}

export const sourceIps = principals((value) => ({
  identifier: { case: "directRemoteIp", value: cidrRange(value) },
}));
export const remoteIps = principals((value) => ({
  identifier: { case: "remoteIp", value: cidrRange(value) },
}));

function authenticated(principalName: StringMatcherInit): PrincipalInit {
  return { identifier: { case: "authenticated", value: { principalName } } };
}

const SPIFFE = "spiffe://";

export const sourcePrincipals = principals((value) => authenticated(pattern(value, SPIFFE)));
export const sourceNamespaces = principals((value) =>
  authenticated(regex(`.*/ns/${value.split("*").map(quoted).join(".*")}/.*`)),
);
/** `namespace/account`, or `account` of the policy's namespace. */
export const sourceAccounts = principals((value, { namespace }) => {
  const slash = value.indexOf("/");
  const of = slash < 0 ? namespace : value.slice(0, slash);
  return authenticated(regex(`spiffe://.+/ns/${quoted(of)}/(.+/|)sa/${quoted(value.slice(slash + 1))}(/.+)?`));
});
export const sourceTrustDomains = principals((value) => {
  if (value === "*") return authenticated(prefix(SPIFFE));
  const star = value.indexOf("*");
  if (star < 0) return authenticated(prefix(`${SPIFFE}${value}/`));
  return authenticated(regex(`${SPIFFE}${quoted(value.slice(0, star))}[^/]*${quoted(value.slice(star + 1))}/.*`));
});

export function requestHeader(key: string): Term<PrincipalInit> {
  const name = key.slice("request.headers".length).replace(/^\[/, "").replace(/\]$/, "");
  return httpOnly(principals((value) => ({ identifier: { case: "header", value: headerPattern(name, value) } })));
}

function byMetadata(value: MetadataMatcherInit): PrincipalInit {
  return { identifier: { case: "metadata", value } };
}

/** `issuer/subject`; an issuer may have slashes. */
export const requestPrincipals: Term<PrincipalInit> = httpOnly((values) => {
  const each = values.map((value) => {
    const [issuer, subject] = tokenOf(value);
    return allPrincipals([byMetadata(claim("iss", issuer)), byMetadata(claim("sub", subject))]);
  });
  return each.length === 1 ? each[0]! : anyPrincipal(each);
});

function tokenOf(value: string): readonly [issuer: StringMatcherInit, subject: StringMatcherInit] {
  if (value === "*") return [SOMETHING, SOMETHING];
  const slash = value.lastIndexOf("/");
  const [issuer, subject] = slash < 0 ? [value, ""] : [value.slice(0, slash), value.slice(slash + 1)];
  if (value.startsWith("*")) {
    if (slash < 0) return [SOMETHING, suffix(value.slice(1))];
    return [issuer === "*" ? SOMETHING : suffix(issuer.slice(1)), exact(subject)];
  }
  if (value.endsWith("*")) {
    if (slash < 0) return [prefix(value.slice(0, -1)), SOMETHING];
    return [exact(issuer), subject === "*" ? SOMETHING : prefix(subject.slice(0, -1))];
  }
  return [exact(issuer), exact(subject)];
}

function claims(path: readonly string[]): Term<PrincipalInit> {
  return httpOnly((values) => byMetadata(claimAmong(path, values)));
}

export const requestAudiences = claims(["aud"]);
export const requestPresenter = claims(["azp"]);

/** `request.auth.claims[a][b]`: the claim `b` of the claim `a`. */
export function requestClaim(key: string): Term<PrincipalInit> {
  const text = key.slice("request.auth.claims".length);
  const nested = /^(?:\[[^[\]]*\])+$/.test(text);
  return claims(nested ? text.slice(1, -1).split("][") : [text.replace(/^\[/, "").replace(/\]$/, "")]);
}
