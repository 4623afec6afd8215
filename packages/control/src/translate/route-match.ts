/** HTTPMatchRequest to RouteMatch. (istio/istio `pilot/pkg/networking/core/route/route.go` TranslateRouteMatch) */
import { create } from "@bufbuild/protobuf";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { routingClaim } from "@tulle/api";
import type { HttpMatchRequest, StringMatch } from "@tulle/api";
import { HeaderMatcherSchema, RouteMatchSchema } from "@tulle/xds/gen/envoy/config/route/v3/route_components_pb.js";
import type { HeaderMatcher, RouteMatch } from "@tulle/xds/gen/envoy/config/route/v3/route_components_pb.js";
import { compareText } from "../model/stored-object.ts";
import { claimMatching } from "./security/matchers.ts";
import type { MetadataMatcherInit } from "./security/matchers.ts";
import { stringMatcher } from "./string-matcher.ts";

/**
 * Undefined: it never matches.
 * @param knowsClaims false: the data plane verifies no tokens, so no request has any claim
 */
export function translateMatch(match: HttpMatchRequest | undefined, knowsClaims: boolean): RouteMatch | undefined {
  if (match === undefined) return create(RouteMatchSchema, { pathSpecifier: { case: "prefix", value: "/" } });
  const wanted = conditions(match.headers, false);
  const unwanted = conditions(match.withoutHeaders, true);
  if (!knowsClaims && wanted.claims.length > 0) return undefined;
  const headers = [...wanted.headers, ...unwanted.headers];
  if (match.scheme !== undefined) headers.push(headerMatcher(":scheme", match.scheme, false));
  if (match.method !== undefined) headers.push(headerMatcher(":method", match.method, false));
  if (match.authority !== undefined) headers.push(headerMatcher(":authority", match.authority, false));
  return create(RouteMatchSchema, {
    pathSpecifier: pathSpecifier(match.uri),
    ...(match.ignoreUriCase === true ? { caseSensitive: false } : {}),
    headers,
    dynamicMetadata: knowsClaims ? [...wanted.claims, ...unwanted.claims] : [],
    queryParameters: sortedEntries(match.queryParams).map(([name, value]) => ({
      name,
      queryParameterMatchSpecifier: isPresence(value)
        ? { case: "presentMatch" as const, value: true }
        : { case: "stringMatch" as const, value: stringMatcher(value) },
    })),
  });
}

/** Matches every request: routes behind it are never reached. (`route.go` IsCatchAllRoute) */
export function isCatchAll(match: RouteMatch): boolean {
  const { pathSpecifier, headers, queryParameters, dynamicMetadata } = match;
  const everyPath =
    (pathSpecifier.case === "prefix" && (pathSpecifier.value === "/" || pathSpecifier.value === "")) ||
    (pathSpecifier.case === "safeRegex" && pathSpecifier.value.regex === ".*");
  return everyPath && headers.length + queryParameters.length + dynamicMetadata.length === 0;
}

function pathSpecifier(
  uri: StringMatch | undefined,
): NonNullable<MessageInitShape<typeof RouteMatchSchema>["pathSpecifier"]> {
  if (uri?.exact !== undefined) return { case: "path", value: uri.exact };
  if (uri?.regex !== undefined) return { case: "safeRegex", value: { regex: uri.regex } };
  return { case: "prefix", value: uri?.prefix ?? "/" };
}

/** An empty matcher means "present"; so does one that every value satisfies. */
function isPresence({ exact, prefix, regex }: StringMatch): boolean {
  if (exact !== undefined) return false;
  return prefix === undefined ? regex === undefined || regex === ".*" || regex === "*" : prefix === "";
}

export function headerMatcher(name: string, value: StringMatch, invertMatch: boolean): HeaderMatcher {
  if (isPresence(value)) {
    return create(HeaderMatcherSchema, {
      name,
      headerMatchSpecifier: { case: "presentMatch", value: true },
      invertMatch,
    });
  }
  return create(HeaderMatcherSchema, {
    name,
    headerMatchSpecifier: { case: "stringMatch", value: stringMatcher(value) },
    invertMatch,
    // Otherwise a missing header would never be "not this value".
    treatMissingHeaderAsEmpty: invertMatch,
  });
}

interface Conditions {
  readonly headers: readonly HeaderMatcher[];
  readonly claims: readonly MetadataMatcherInit[];
}

function conditions(values: Readonly<Record<string, StringMatch>> | undefined, invert: boolean): Conditions {
  const headers: HeaderMatcher[] = [];
  const claims: MetadataMatcherInit[] = [];
  for (const [key, value] of sortedEntries(values)) {
    const names = routingClaim(key);
    if (names === undefined) headers.push(headerMatcher(key.toLowerCase(), value, invert));
    else claims.push({ ...claimMatching(names, isGiven(value) ? stringMatcher(value) : undefined), invert });
  }
  return { headers, claims };
}

/** A pattern is one for texts; nothing at all means "present". */
function isGiven({ exact, prefix = "", regex }: StringMatch): boolean {
  return exact !== undefined || prefix !== "" || (regex !== undefined && regex !== "*");
}

/** In one order whatever the YAML's: equal rules must give equal bytes. */
function sortedEntries(values: Readonly<Record<string, StringMatch>> | undefined): [string, StringMatch][] {
  return Object.entries(values ?? {}).sort(([a], [b]) => compareText(a, b));
}
