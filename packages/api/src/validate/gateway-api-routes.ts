/** Rules for Gateway API routes: the CEL rules of their CRDs (`apis/v1/{http,grpc,tls,tcp,udp}route_types.go`). */
import type { Path } from "../diagnostic.ts";
import { parseDuration } from "../duration.ts";
import type { GrpcRouteFilter, GrpcRouteRule } from "../kinds/gateway-api/grpc-route.ts";
import type { HttpRouteFilter, HttpRouteMatch, HttpRouteRule, RequestMirror } from "../kinds/gateway-api/http-route.ts";
import type { BackendObjectReference, BackendReference, ParentReference } from "../kinds/gateway-api/references.ts";
import type { ResourceObject } from "../kinds/registry.ts";
import { regexError } from "../schema/regex.ts";
import { eachRepeated } from "./reporter.ts";
import type { Reporter } from "./reporter.ts";

type HttpRoute = ResourceObject<"gateway.networking.k8s.io", "HTTPRoute">;
type GrpcRoute = ResourceObject<"gateway.networking.k8s.io", "GRPCRoute">;
type L4Route = ResourceObject<"gateway.networking.k8s.io", "TLSRoute" | "TCPRoute" | "UDPRoute">;

export function validateGatewayHttpRoute({ spec }: HttpRoute, reporter: Reporter): void {
  validateParents(spec.parentRefs, reporter);
  const rules = spec.rules ?? [];
  validateRules(rules, reporter);
  for (const [index, rule] of rules.entries()) validateHttpRule(rule, ["spec", "rules", index], reporter);
}

export function validateGrpcRoute({ spec }: GrpcRoute, reporter: Reporter): void {
  validateParents(spec.parentRefs, reporter);
  const rules = spec.rules ?? [];
  validateRules(rules, reporter);
  for (const [index, rule] of rules.entries()) validateGrpcRule(rule, ["spec", "rules", index], reporter);
}

export function validateL4Route({ spec }: L4Route, reporter: Reporter): void {
  validateParents(spec.parentRefs, reporter);
  for (const [index, { backendRefs }] of spec.rules.entries()) {
    validateBackends(backendRefs, ["spec", "rules", index, "backendRefs"], reporter);
  }
}

function validateParents(parents: readonly ParentReference[] = [], { error }: Reporter): void {
  const key = ({ group = "", kind = "Gateway", namespace = "", name }: ParentReference): string =>
    [group, kind, namespace, name].join("|");
  const counts = new Map<string, number>();
  for (const parent of parents) counts.set(key(parent), (counts.get(key(parent)) ?? 0) + 1);
  for (const [index, parent] of parents.entries()) {
    if (counts.get(key(parent)) === 1 || parent.sectionName !== undefined || parent.port !== undefined) continue;
    error(["spec", "parentRefs", index], "names a parent that is named again", "a sectionName or port in each");
  }
  eachRepeated(
    parents,
    (parent) => {
      const { sectionName = "", port = "" } = parent;
      return sectionName === "" && port === "" ? undefined : [key(parent), sectionName, port].join("|");
    },
    (index) => error(["spec", "parentRefs", index], "names a parent a second time", "another sectionName or port"),
  );
}

/** Matches that all rules of a route may have together. */
const MAX_MATCHES = 128;

interface AnyRule {
  readonly name?: string;
  readonly matches?: readonly unknown[];
}

function validateRules(rules: readonly AnyRule[], { error }: Reporter): void {
  const total = rules.reduce((sum, { matches = [] }) => sum + matches.length, 0);
  if (total > MAX_MATCHES) error(["spec", "rules"], `have ${total} matches together`, `at most ${MAX_MATCHES}`);
  eachRepeated(
    rules,
    ({ name }) => name,
    (index, name) => error(["spec", "rules", index, "name"], `rule "${name}" exists already`, "each name once"),
  );
}

function validateBackends(backends: readonly BackendReference[], path: Path, reporter: Reporter): void {
  for (const [index, backend] of backends.entries()) validateBackend(backend, [...path, index], reporter);
}

function validateBackend(
  { group = "", kind = "Service", port }: BackendObjectReference,
  path: Path,
  reporter: Reporter,
): void {
  const isService = group === "" && kind === "Service";
  if (isService && port === undefined) reporter.error([...path, "port"], "is missing", "the Service's port");
}

function validateHttpRule(rule: HttpRouteRule, path: Path, reporter: Reporter): void {
  const { error } = reporter;
  const { filters = [], backendRefs = [], matches = [], timeouts } = rule;
  for (const [index, match] of matches.entries()) validateHttpMatch(match, [...path, "matches", index], reporter);
  validateFilters(filters, [...path, "filters"], reporter);
  validateBackends(backendRefs, [...path, "backendRefs"], reporter);
  for (const [index, { filters: own = [] }] of backendRefs.entries()) {
    validateFilters(own, [...path, "backendRefs", index, "filters"], reporter);
  }
  if (filters.some(({ type }) => type === "RequestRedirect") && backendRefs.length > 0) {
    error([...path, "backendRefs"], "is set together with a RequestRedirect filter", "no backendRefs");
  }
  validatePrefixReplacement(rule, path, reporter);
  validateSession(rule.sessionPersistence, [...path, "sessionPersistence"], reporter);
  const request = parseDuration(timeouts?.request ?? "0") ?? 0;
  const backend = parseDuration(timeouts?.backendRequest ?? "0") ?? 0;
  if (request > 0 && backend > request) {
    error([...path, "timeouts", "backendRequest"], "is longer than timeouts.request", `at most ${timeouts!.request!}`);
  }
}

/** ReplacePrefixMatch needs to know the prefix: exactly one match, by PathPrefix. */
function validatePrefixReplacement(
  { filters = [], matches = [] }: HttpRouteRule,
  path: Path,
  { error }: Reporter,
): void {
  const onePrefix = matches.length === 1 && (matches[0]!.path?.type ?? "PathPrefix") === "PathPrefix";
  // A rule without matches matches the prefix "/".
  if (onePrefix || matches.length === 0) return;
  for (const [index, { requestRedirect, urlRewrite }] of filters.entries()) {
    for (const [field, filter] of [
      ["requestRedirect", requestRedirect] as const,
      ["urlRewrite", urlRewrite] as const,
    ]) {
      if (filter?.path?.type !== "ReplacePrefixMatch") continue;
      const at = [...path, "filters", index, field, "path", "type"];
      error(at, "is ReplacePrefixMatch", "exactly one match, with a path of type PathPrefix");
    }
  }
}

const PATH_CHARACTERS = /^(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|%[0-9a-fA-F]{2})+$/;

function validateHttpMatch(match: HttpRouteMatch, path: Path, reporter: Reporter): void {
  const { error } = reporter;
  const { type = "PathPrefix", value = "/" } = match.path ?? {};
  if (type === "RegularExpression") {
    validateRegex(value, [...path, "path", "value"], reporter);
  } else if (!value.startsWith("/")) {
    error([...path, "path", "value"], `is ${JSON.stringify(value)}`, "an absolute path");
  } else if (/\/\/|\/\.\.?(?:\/|$)|%2[fF]|#/.test(value)) {
    error([...path, "path", "value"], `is ${JSON.stringify(value)}`, "a path without //, /., /.., %2f and #");
  } else if (!PATH_CHARACTERS.test(value)) {
    error([...path, "path", "value"], `is ${JSON.stringify(value)}`, "a path of URL characters, others %-encoded");
  }
  for (const list of ["headers", "queryParams"] as const) {
    for (const [index, item] of (match[list] ?? []).entries()) {
      if (item.type === "RegularExpression") validateRegex(item.value, [...path, list, index, "value"], reporter);
    }
    eachRepeated(
      match[list] ?? [],
      ({ name }) => (list === "headers" ? name.toLowerCase() : name),
      (index, name) => error([...path, list, index, "name"], `${name} is listed twice`, "each name once"),
    );
  }
}

function validateRegex(value: string, path: Path, { error }: Reporter): void {
  const reason = regexError(value);
  if (reason === undefined) return;
  error(path, `is ${JSON.stringify(value)} (${reason})`, "a regular expression in RE2 syntax");
}

const GRPC_NAMES = {
  service: /^\.?[a-z_][a-z_0-9]*(?:\.[a-z_][a-z_0-9]*)*$/i,
  method: /^[A-Za-z_][A-Za-z_0-9]*$/,
};

function validateGrpcRule(rule: GrpcRouteRule, path: Path, reporter: Reporter): void {
  for (const [index, match] of (rule.matches ?? []).entries()) {
    const at = [...path, "matches", index];
    const { type = "Exact", service, method } = match.method ?? {};
    if (match.method !== undefined && !service && !method) {
      reporter.error([...at, "method"], "names nothing", "a service, a method or both");
    }
    for (const [field, value] of [["service", service] as const, ["method", method] as const]) {
      if (value === undefined || value === "") continue;
      if (type === "RegularExpression") validateRegex(value, [...at, "method", field], reporter);
      else if (!GRPC_NAMES[field].test(value)) {
        reporter.error([...at, "method", field], `is ${JSON.stringify(value)}`, `the name of a gRPC ${field}`);
      }
    }
    for (const [position, { type: headerType, value }] of (match.headers ?? []).entries()) {
      if (headerType === "RegularExpression") validateRegex(value, [...at, "headers", position, "value"], reporter);
    }
  }
  validateFilters(rule.filters ?? [], [...path, "filters"], reporter);
  validateSession(rule.sessionPersistence, [...path, "sessionPersistence"], reporter);
  validateBackends(rule.backendRefs ?? [], [...path, "backendRefs"], reporter);
  for (const [index, { filters = [] }] of (rule.backendRefs ?? []).entries()) {
    validateFilters(filters, [...path, "backendRefs", index, "filters"], reporter);
  }
}

/** The field that carries a filter's settings, by its type. */
const FILTER_FIELDS = {
  RequestHeaderModifier: "requestHeaderModifier",
  ResponseHeaderModifier: "responseHeaderModifier",
  RequestMirror: "requestMirror",
  RequestRedirect: "requestRedirect",
  URLRewrite: "urlRewrite",
  CORS: "cors",
  ExternalAuth: "externalAuth",
  ExtensionRef: "extensionRef",
} as const;
/** Filters that may stand several times in one list. */
const REPEATABLE: readonly string[] = ["RequestMirror", "ExtensionRef"];
const REDIRECT_CODES: readonly number[] = [301, 302, 303, 307, 308];

function validateFilters(
  filters: readonly (HttpRouteFilter | GrpcRouteFilter)[],
  path: Path,
  reporter: Reporter,
): void {
  const { error } = reporter;
  for (const [index, filter] of filters.entries()) {
    const wanted = FILTER_FIELDS[filter.type];
    if (!(wanted in filter)) error([...path, index, wanted], "is missing", `settings, as type is ${filter.type}`);
    for (const field of Object.keys(filter)) {
      if (field === "type" || field === wanted) continue;
      error([...path, index, field], `is set with type ${filter.type}`, wanted);
    }
    if (filter.requestMirror !== undefined) validateMirror(filter.requestMirror, [...path, index], reporter);
    if ("cors" in filter) validateCors(filter.cors, [...path, index, "cors"], reporter);
    if ("requestRedirect" in filter || "urlRewrite" in filter) validateRewrites(filter, [...path, index], reporter);
  }
  eachRepeated(
    filters,
    ({ type }) => (REPEATABLE.includes(type) ? undefined : type),
    (index, type) => error([...path, index, "type"], `filter ${type} stands here already`, "each type once"),
  );
  const types = filters.map(({ type }): string => type);
  if (types.includes("RequestRedirect") && types.includes("URLRewrite")) {
    const at = [...path, types.indexOf("URLRewrite"), "type"];
    error(at, "is URLRewrite beside RequestRedirect", "only one of RequestRedirect, URLRewrite");
  }
}

function validateMirror({ backendRef, fraction }: RequestMirror, path: Path, reporter: Reporter): void {
  validateBackend(backendRef, [...path, "requestMirror", "backendRef"], reporter);
  const denominator = fraction?.denominator ?? 100;
  if (fraction !== undefined && fraction.numerator > denominator) {
    const at = [...path, "requestMirror", "fraction", "numerator"];
    reporter.error(at, `is ${fraction.numerator}`, `at most ${denominator}, the denominator`);
  }
}

function validateCors(cors: HttpRouteFilter["cors"], path: Path, { error }: Reporter): void {
  for (const list of ["allowOrigins", "allowMethods", "allowHeaders"] as const) {
    const values: readonly string[] = cors?.[list] ?? [];
    if (values.length < 2 || !values.includes("*")) continue;
    error([...path, list, values.indexOf("*")], "* stands beside other values", "* alone, or none");
  }
}

function validateSession(session: HttpRouteRule["sessionPersistence"], path: Path, { error }: Reporter): void {
  if (session?.cookieConfig === undefined) return;
  if (session.type === "Header") error([...path, "cookieConfig"], "is set with type Header", "type Cookie");
  if (session.cookieConfig.lifetimeType === "Permanent" && session.absoluteTimeout === undefined) {
    error([...path, "absoluteTimeout"], "is missing", "a duration, as lifetimeType is Permanent");
  }
}

function validateRewrites(filter: HttpRouteFilter, path: Path, { error }: Reporter): void {
  const { requestRedirect, urlRewrite } = filter;
  const { statusCode } = requestRedirect ?? {};
  if (statusCode !== undefined && !REDIRECT_CODES.includes(statusCode)) {
    error([...path, "requestRedirect", "statusCode"], `is ${statusCode}`, `one of ${REDIRECT_CODES.join(", ")}`);
  }
  for (const [field, settings] of [
    ["requestRedirect", requestRedirect] as const,
    ["urlRewrite", urlRewrite] as const,
  ]) {
    if (settings?.path === undefined) continue;
    const { type, replaceFullPath, replacePrefixMatch } = settings.path;
    const given = type === "ReplaceFullPath" ? replaceFullPath : replacePrefixMatch;
    const other = type === "ReplaceFullPath" ? replacePrefixMatch : replaceFullPath;
    const wanted = type === "ReplaceFullPath" ? "replaceFullPath" : "replacePrefixMatch";
    if (given === undefined) error([...path, field, "path", wanted], "is missing", `a path, as type is ${type}`);
    if (other !== undefined) error([...path, field, "path"], `has another field than type ${type} uses`, wanted);
  }
}
