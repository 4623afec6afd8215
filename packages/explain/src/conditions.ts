/** The conditions of a route, each by itself: by the data plane's own matchers, so that they say what it would. */
import { create } from "@bufbuild/protobuf";
import type { Path } from "@tulle/api";
import {
  Place,
  RouteEntry,
  compileCookieMatcher,
  compileHeaderMatcher,
  compileQueryMatcher,
  compileRouteMatch,
} from "@tulle/proxy/matchers";
import type { RequestView, RoutePlan } from "@tulle/proxy/matchers";
import { RouteMatchSchema } from "@tulle/xds/gen/envoy/config/route/v3/route_components_pb.js";
import type {
  HeaderMatcher,
  QueryParameterMatcher,
  RouteMatch,
} from "@tulle/xds/gen/envoy/config/route/v3/route_components_pb.js";
import type { StringMatcher } from "@tulle/xds/gen/envoy/type/matcher/v3/string_pb.js";

export interface Condition {
  /** `header end-user is "jason"` */
  readonly text: string;
  /** What the request has there: `it is "mary"`. */
  readonly found: string;
  readonly holds: boolean;
  /** It excludes something that the request has nothing of: whatever it says, it holds. */
  readonly vacuous?: boolean;
  /** Below an Istio match: `uri`, `headers["end-user"]`. Of several, the first that is written. */
  readonly fields: readonly Path[];
}

/** Every condition but those that hold for all requests. */
export function conditionsOf(match: RouteMatch, request: RequestView, path: string): readonly Condition[] {
  const place = new Place("", []);
  const conditions: Condition[] = [];
  const pathText = describePath(match);
  if (pathText !== undefined) {
    const only = create(RouteMatchSchema, {
      pathSpecifier: match.pathSpecifier,
      ...(match.caseSensitive === undefined ? {} : { caseSensitive: match.caseSensitive }),
    });
    const compiled = compileRouteMatch(only, place);
    // Nothing of the route itself is looked at.
    const holds = new RouteEntry(compiled.path, [], null, undefined as never as RoutePlan).matches(path, request, 0);
    const found =
      match.pathSpecifier.case === "connectMatcher" ? `it is ${request.method}` : `the path is ${quoted(path)}`;
    conditions.push({ text: pathText, found, holds, fields: [["uri"]] });
  }
  for (const matcher of match.headers) conditions.push(headerCondition(matcher, request, place));
  for (const matcher of match.queryParameters) {
    const holds = compileQueryMatcher(matcher, place).matches(request);
    const fields = [["queryParams", matcher.name]];
    conditions.push({ text: describeQuery(matcher), found: `the path is ${quoted(path)}`, holds, fields });
  }
  for (const matcher of match.cookies) {
    const holds = compileCookieMatcher(matcher, place).matches(request);
    conditions.push({ text: `cookie ${matcher.name} matches`, found: "it does not", holds, fields: [] });
  }
  for (const matcher of match.dynamicMetadata) {
    const only = create(RouteMatchSchema, { ...ANY_PATH, dynamicMetadata: [matcher] });
    const [test] = compileRouteMatch(only, place).conditions;
    const claim = matcher.path.map(({ segment }) => segment.value ?? "").slice(1);
    conditions.push({
      text: `claim ${claim.join(".")} matches${matcher.invert ? " not" : ""}`,
      found: "the request's token says otherwise, or there is none",
      holds: test!.matches(request),
      fields: [
        ["headers", `@request.auth.claims.${claim.join(".")}`],
        ["headers", `@request.auth.claims${claim.map((part) => `[${part}]`).join("")}`],
        ["withoutHeaders", `@request.auth.claims.${claim.join(".")}`],
      ],
    });
  }
  if (match.grpc !== undefined) {
    const [test] = compileRouteMatch(create(RouteMatchSchema, { ...ANY_PATH, grpc: {} }), place).conditions;
    const found = describeFound("content-type", request);
    conditions.push({ text: "it is gRPC", found, holds: test!.matches(request), fields: [] });
  }
  return conditions;
}

const ANY_PATH = { pathSpecifier: { case: "prefix" as const, value: "/" } };

/** Undefined: every path does. */
function describePath(match: RouteMatch): string | undefined {
  const { pathSpecifier: specifier } = match;
  const insensitive = match.caseSensitive === false ? ", in any case" : "";
  switch (specifier.case) {
    case "prefix":
      return specifier.value === "/" || specifier.value === ""
        ? undefined
        : `the path begins with ${quoted(specifier.value)}${insensitive}`;
    case "path":
      return `the path is ${quoted(specifier.value)}${insensitive}`;
    case "pathSeparatedPrefix":
      return `the path is ${quoted(specifier.value)} or below it${insensitive}`;
    case "safeRegex":
      return `the path matches ${quoted(specifier.value.regex)}`;
    case "connectMatcher":
      return "the method is CONNECT";
    default:
      return "the path matches a template";
  }
}

const PSEUDO_FIELDS: Readonly<Record<string, Path>> = {
  ":method": ["method"],
  ":scheme": ["scheme"],
  ":authority": ["authority"],
};

function headerCondition(matcher: HeaderMatcher, request: RequestView, place: Place): Condition {
  const { name } = matcher;
  const pseudo = PSEUDO_FIELDS[name];
  return {
    text: describeHeader(matcher),
    found: describeFound(name, request),
    holds: compileHeaderMatcher(matcher, place).matches(request),
    ...(matcher.invertMatch && describeFound(name, request) === NOTHING ? { vacuous: true } : {}),
    fields: pseudo === undefined ? fieldsOfHeader(name, matcher.invertMatch) : [pseudo],
  };
}

function fieldsOfHeader(name: string, inverted: boolean): readonly Path[] {
  const both = [
    ["headers", name],
    ["withoutHeaders", name],
  ];
  return inverted ? both.reverse() : both;
}

function describeHeader(matcher: HeaderMatcher): string {
  const { headerMatchSpecifier: specifier, invertMatch } = matcher;
  const what = matcher.name.startsWith(":") ? matcher.name.slice(1) : `header ${matcher.name}`;
  const is = invertMatch ? "is not" : "is";
  switch (specifier.case) {
    case "presentMatch":
      return `${what} is ${specifier.value === invertMatch ? "absent" : "there"}`;
    case "stringMatch":
      return `${what} ${describeText(specifier.value, invertMatch)}`;
    case "exactMatch":
      return `${what} ${is} ${quoted(specifier.value)}`;
    case "rangeMatch":
      return `${what} ${is} in [${specifier.value.start}, ${specifier.value.end})`;
    case "safeRegexMatch":
      return `${what} ${invertMatch ? "does not match" : "matches"} ${quoted(specifier.value.regex)}`;
    case undefined:
      return `${what} is ${invertMatch ? "absent" : "there"}`;
    default:
      return `${what} ${is} ${specifier.case.replace("Match", "")} ${quoted(specifier.value)}`;
  }
}

function describeQuery({ name, queryParameterMatchSpecifier: specifier }: QueryParameterMatcher): string {
  if (specifier.case === "stringMatch") return `query parameter ${name} ${describeText(specifier.value, false)}`;
  return `query parameter ${name} is ${specifier.case === "presentMatch" && !specifier.value ? "absent" : "there"}`;
}

function describeText({ matchPattern: pattern }: StringMatcher, inverted: boolean): string {
  switch (pattern.case) {
    case "exact":
      return `${inverted ? "is not" : "is"} ${quoted(pattern.value)}`;
    case "prefix":
      return `${inverted ? "does not begin" : "begins"} with ${quoted(pattern.value)}`;
    case "suffix":
      return `${inverted ? "does not end" : "ends"} with ${quoted(pattern.value)}`;
    case "contains":
      return `${inverted ? "does not contain" : "contains"} ${quoted(pattern.value)}`;
    case "safeRegex":
      return `${inverted ? "does not match" : "matches"} ${quoted(pattern.value.regex)}`;
    default:
      return "matches";
  }
}

const NOTHING = "the request has none";

export function describeFound(name: string, request: RequestView): string {
  const value =
    name === ":method"
      ? request.method
      : name === ":authority" || name === "host"
        ? request.authority
        : name === ":scheme"
          ? request.scheme
          : name === ":path"
            ? request.path
            : request.header(name);
  return value === undefined ? NOTHING : `the request has ${quoted(value)}`;
}

export function quoted(text: string): string {
  return JSON.stringify(text);
}
