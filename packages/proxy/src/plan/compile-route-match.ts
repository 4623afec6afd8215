import type { RouteMatch } from "@tulle/xds/gen/envoy/config/route/v3/route_components_pb.js";
import type { UriTemplateMatchConfig } from "@tulle/xds/gen/envoy/extensions/path/match/uri_template/v3/uri_template_match_pb.js";
import { type MetadataTest, compileMetadataMatcher, metadataValue } from "./dynamic-metadata.ts";
import { runtimeFraction } from "./fraction.ts";
import type { RuntimeFraction } from "./runtime-values.ts";
import type { RequestTest, RequestView } from "./request-views.ts";
import type { Place } from "./problems.ts";
import type { TextTest } from "./regex.ts";
import { compileCookieMatcher, compileHeaderMatcher, compileQueryMatcher } from "./request-matchers.ts";
import {
  PATH_CONNECT,
  PATH_EXACT,
  PATH_PREFIX,
  PATH_SEPARATED_PREFIX,
  PATH_TEST,
  type PathKind,
} from "./route-table.ts";
import { unpackExtension } from "./schemas.ts";
import { uriTemplateTest } from "./uri-template.ts";
import { compileRegex, never } from "./string-matcher.ts";

export interface CompiledMatch {
  readonly path: { readonly kind: PathKind; readonly text: string; readonly test: TextTest };
  readonly conditions: readonly RequestTest[];
  /** Null: all of them. */
  readonly fraction: RuntimeFraction | null;
  /** Length of what `prefix_rewrite` replaces; -1: the whole path. */
  readonly rewrittenLength: number;
}

export function compileRouteMatch(match: RouteMatch, place: Place): CompiledMatch {
  const conditions: RequestTest[] = [];
  match.headers.forEach((matcher, i) => conditions.push(compileHeaderMatcher(matcher, place.item("headers", i))));
  match.queryParameters.forEach((matcher, i) =>
    conditions.push(compileQueryMatcher(matcher, place.item("query_parameters", i))),
  );
  match.cookies.forEach((matcher, i) => conditions.push(compileCookieMatcher(matcher, place.item("cookies", i))));
  match.dynamicMetadata.forEach((matcher, i) =>
    conditions.push(new DynamicMetadataTest(compileMetadataMatcher(matcher, place.item("dynamic_metadata", i)))),
  );
  if (match.grpc !== undefined) conditions.push(new GrpcTest());
  return {
    path: compilePath(match, place),
    conditions,
    fraction: match.runtimeFraction === undefined ? null : runtimeFraction(match.runtimeFraction, 100, place),
    rewrittenLength:
      match.pathSpecifier.case === "prefix" || match.pathSpecifier.case === "pathSeparatedPrefix"
        ? match.pathSpecifier.value.length
        : -1,
  };
}

/** The template that a path must meet; null where something else is asked of it. */
export function pathTemplate(match: RouteMatch | undefined): string | null {
  const specifier = match?.pathSpecifier;
  if (specifier?.case !== "pathMatchPolicy" || specifier.value.typedConfig === undefined) return null;
  return (unpackExtension(specifier.value.typedConfig).message as UriTemplateMatchConfig).pathTemplate;
}

function compilePath(match: RouteMatch, place: Place): CompiledMatch["path"] {
  const specifier = match.pathSpecifier;
  const insensitive = match.caseSensitive === false;
  switch (specifier.case) {
    case "prefix":
      return literalPath(PATH_PREFIX, specifier.value, insensitive, (path, text) => path.startsWith(text));
    case "path":
      return literalPath(PATH_EXACT, specifier.value, insensitive, (path, text) => path === text);
    case "pathSeparatedPrefix":
      return literalPath(
        PATH_SEPARATED_PREFIX,
        specifier.value,
        insensitive,
        (path, text) => path === text || path.startsWith(`${text}/`),
      );
    case "safeRegex":
      return { kind: PATH_TEST, text: "", test: compileRegex(specifier.value.regex, place.field("safe_regex")) };
    case "pathMatchPolicy": {
      const template = pathTemplate(match);
      if (template === null) return { kind: PATH_TEST, text: "", test: never };
      try {
        return { kind: PATH_TEST, text: "", test: uriTemplateTest(template) };
      } catch (error) {
        place.field("path_match_policy").refuse(error instanceof Error ? error.message : String(error));
        return { kind: PATH_TEST, text: "", test: never };
      }
    }
    case "connectMatcher":
      return { kind: PATH_CONNECT, text: "", test: never };
    default:
      return { kind: PATH_TEST, text: "", test: never };
  }
}

function literalPath(
  kind: PathKind,
  text: string,
  insensitive: boolean,
  matches: (path: string, text: string) => boolean,
): CompiledMatch["path"] {
  // The path is looked at without query and fragment, so a text that holds their sign can never be found.
  if (/[?#]/.test(text)) return { kind: PATH_TEST, text: "", test: never };
  if (!insensitive) return { kind, text, test: never };
  const lower = text.toLowerCase();
  return { kind: PATH_TEST, text: "", test: (path) => matches(path.toLowerCase(), lower) };
}

/** What filters have found out, where the request is routed again after that. */
class DynamicMetadataTest implements RequestTest {
  private readonly test: MetadataTest;

  constructor(test: MetadataTest) {
    this.test = test;
  }

  matches({ dynamicMetadata }: RequestView): boolean {
    const { namespace, path, test } = this.test;
    return test(metadataValue(dynamicMetadata, namespace, path));
  }
}

/** `grpc: {}`: content-type is application/grpc, alone or with a subtype. */
class GrpcTest implements RequestTest {
  matches(request: RequestView): boolean {
    const type = request.header("content-type");
    return type !== undefined && type.startsWith("application/grpc") && (type.length === 16 || type[16] === "+");
  }
}
