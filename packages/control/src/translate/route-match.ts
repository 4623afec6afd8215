/** HTTPMatchRequest to RouteMatch. (istio/istio `pilot/pkg/networking/core/route/route.go` TranslateRouteMatch) */
import { create } from "@bufbuild/protobuf";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { HttpMatchRequest, StringMatch } from "@tulle/api";
import { HeaderMatcherSchema, RouteMatchSchema } from "@tulle/xds/gen/envoy/config/route/v3/route_components_pb.js";
import type { HeaderMatcher, RouteMatch } from "@tulle/xds/gen/envoy/config/route/v3/route_components_pb.js";
import { compareText } from "../model/stored-object.ts";
import { stringMatcher } from "./string-matcher.ts";

/** Header keys that stand for JWT claims; routing on them needs RequestAuthentication. */
export function isClaimKey(header: string): boolean {
  return header.startsWith("@");
}

/** Undefined: the match names something that cannot be matched, so it never matches. */
export function translateMatch(match: HttpMatchRequest | undefined): RouteMatch | undefined {
  if (match === undefined) return create(RouteMatchSchema, { pathSpecifier: { case: "prefix", value: "/" } });
  if ([...Object.keys(match.headers ?? {}), ...Object.keys(match.withoutHeaders ?? {})].some(isClaimKey))
    return undefined;
  const headers = [
    ...sortedEntries(match.headers).map(([name, value]) => headerMatcher(name.toLowerCase(), value, false)),
    ...sortedEntries(match.withoutHeaders).map(([name, value]) => headerMatcher(name.toLowerCase(), value, true)),
  ];
  if (match.scheme !== undefined) headers.push(headerMatcher(":scheme", match.scheme, false));
  if (match.method !== undefined) headers.push(headerMatcher(":method", match.method, false));
  if (match.authority !== undefined) headers.push(headerMatcher(":authority", match.authority, false));
  return create(RouteMatchSchema, {
    pathSpecifier: pathSpecifier(match.uri),
    ...(match.ignoreUriCase === true ? { caseSensitive: false } : {}),
    headers,
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
  const { pathSpecifier, headers, queryParameters } = match;
  const everyPath =
    (pathSpecifier.case === "prefix" && (pathSpecifier.value === "/" || pathSpecifier.value === "")) ||
    (pathSpecifier.case === "safeRegex" && pathSpecifier.value.regex === ".*");
  return everyPath && headers.length === 0 && queryParameters.length === 0;
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

/** In one order whatever the YAML's: equal rules must give equal bytes. */
function sortedEntries(values: Readonly<Record<string, StringMatch>> | undefined): [string, StringMatch][] {
  return Object.entries(values ?? {}).sort(([a], [b]) => compareText(a, b));
}
