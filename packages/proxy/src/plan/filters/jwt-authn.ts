import type { RouteMatch } from "@tulle/xds/gen/envoy/config/route/v3/route_components_pb.js";
import type {
  JwtAuthentication,
  JwtRequirement,
  PerRouteConfig,
} from "@tulle/xds/gen/envoy/extensions/filters/http/jwt_authn/v3/config_pb.js";
import { comparableAudience } from "../../jwt/token.ts";
import { type CompiledMatch, compileRouteMatch } from "../compile-route-match.ts";
import type { Place } from "../problems.ts";
import type { RequestTest, RequestView } from "../request-views.ts";
import { PATH_CONNECT, PATH_EXACT, PATH_PREFIX, PATH_SEPARATED_PREFIX, withoutQuery } from "../route-table.ts";
import { JWT_AUTHN_PER_ROUTE } from "../supported-fields/index.ts";
import type { FilterCompiler } from "./filter-compiler.ts";
import { type JwtProviderPlan, compileJwtProvider } from "./jwt-provider.ts";
import { type TokenPlaces, compileTokenPlaces } from "./jwt-token-places.ts";

export interface JwtAuthnPlan {
  readonly providers: readonly JwtProviderPlan[];
  /** In configuration order: the first that matches counts. */
  readonly rules: readonly JwtRulePlan[];
  /** By name, for routes. */
  readonly requirements: ReadonlyMap<string, JwtRequirementPlan>;
  /** Headers that only this filter may set, lower-case: nothing of what a client says there gets through. */
  readonly ownHeaders: readonly string[];
  readonly bypassCorsPreflight: boolean;
  readonly stripFailureResponse: boolean;
  /** "" or ending with a dot. */
  readonly statPrefix: string;
}

interface JwtRulePlan {
  readonly match: RequestTest;
  /** Null: nothing is asked. */
  readonly requirement: JwtRequirementPlan | null;
}

export type JwtRequirementPlan =
  | { readonly kind: "nothing" }
  | {
      readonly kind: "provider";
      readonly provider: JwtProviderPlan;
      readonly places: TokenPlaces;
      /** In place of the provider's; null: those. */
      readonly audiences: ReadonlySet<string> | null;
    }
  | {
      /** Of any provider. `allowsFailed`: whatever the tokens are. */
      readonly kind: "optional";
      readonly allowsFailed: boolean;
      readonly places: TokenPlaces;
    }
  | {
      readonly kind: "any";
      readonly children: readonly JwtRequirementPlan[];
      /** What the list says beside its children. */
      readonly allowsMissing: boolean;
      readonly allowsFailed: boolean;
    }
  | { readonly kind: "all"; readonly children: readonly JwtRequirementPlan[] };

/** What a route says: the name of a requirement, null to ask for nothing. */
export interface JwtRoutePlan {
  readonly requirementName: string | null;
}

export const jwtAuthn: FilterCompiler = {
  compile: ({ message }, _, place) => compileJwtAuthn(message as JwtAuthentication, place),
  compileRoute: {
    typeName: JWT_AUTHN_PER_ROUTE,
    compile: ({ message }): JwtRoutePlan => {
      const { requirementSpecifier: specifier } = message as PerRouteConfig;
      return { requirementName: specifier.case === "requirementName" ? specifier.value : null };
    },
    merge: null,
  },
};

function compileJwtAuthn(message: JwtAuthentication, place: Place): JwtAuthnPlan {
  const providers = Object.entries(message.providers).map(([name, provider]) =>
    compileJwtProvider(name, provider, place.field(`providers["${name}"]`)),
  );
  const compiler = new RequirementCompiler(message, providers);
  const requirements = new Map(
    Object.entries(message.requirementMap).map(([name, requirement]) => [
      name,
      compiler.compile(requirement, place.field(`requirement_map["${name}"]`)),
    ]),
  );
  return {
    providers,
    rules: message.rules.map(({ match, requirementType: type }, i): JwtRulePlan => {
      const at = place.item("rules", i);
      const test = compileMatch(match, at.field("match"));
      if (type.case === "requires") return { match: test, requirement: compiler.compile(type.value, at) };
      if (type.case === undefined) return { match: test, requirement: null };
      const named = requirements.get(type.value);
      if (named === undefined) at.refuse(wrongRequirementName(type.value, requirements));
      return { match: test, requirement: named ?? null };
    }),
    requirements,
    ownHeaders: compileTokenPlaces(Object.values(message.providers)).ownHeaders,
    bypassCorsPreflight: message.bypassCorsPreflight,
    stripFailureResponse: message.stripFailureResponse,
    statPrefix:
      message.statPrefix === "" || message.statPrefix.endsWith(".") ? message.statPrefix : `${message.statPrefix}.`,
  };
}

export function wrongRequirementName(name: string, requirements: ReadonlyMap<string, unknown>): string {
  return `Wrong requirement_name: ${name}. It should be one of [${[...requirements.keys()].sort().join(",")}]`;
}

class RequirementCompiler {
  private readonly message: JwtAuthentication;
  private readonly providers: ReadonlyMap<string, JwtProviderPlan>;

  constructor(message: JwtAuthentication, providers: readonly JwtProviderPlan[]) {
    this.message = message;
    this.providers = new Map(providers.map((provider) => [provider.name, provider]));
  }

  compile({ requiresType: type }: JwtRequirement, place: Place): JwtRequirementPlan {
    switch (type.case) {
      case "providerName":
        return this.ofProvider(type.value, [], place);
      case "providerAndAudiences":
        return this.ofProvider(type.value.providerName, type.value.audiences, place);
      case "requiresAny":
        return this.any(type.value.requirements, place.field("requires_any"));
      case "requiresAll":
        return { kind: "all", children: this.list(type.value.requirements, place.field("requires_all")) };
      case "allowMissing":
        return this.optional(false);
      case "allowMissingOrFailed":
        return this.optional(true);
      default:
        return { kind: "nothing" };
    }
  }

  private ofProvider(name: string, audiences: readonly string[], place: Place): JwtRequirementPlan {
    const provider = this.providers.get(name);
    if (provider === undefined) {
      place.refuse(`Required provider ['${name}'] is not configured.`);
      return { kind: "nothing" };
    }
    return {
      kind: "provider",
      provider,
      places: compileTokenPlaces([this.message.providers[name]]),
      audiences: audiences.length === 0 ? null : new Set(audiences.map(comparableAudience)),
    };
  }

  private optional(allowsFailed: boolean): JwtRequirementPlan {
    return { kind: "optional", allowsFailed, places: compileTokenPlaces(Object.values(this.message.providers)) };
  }

  private list(requirements: readonly JwtRequirement[], place: Place): readonly JwtRequirementPlan[] {
    return requirements.map((each, i) => this.compile(each, place.item("requirements", i)));
  }

  /** That a token may be missing is no child of the list, but how it judges the others; alone it is the only child. */
  private any(requirements: readonly JwtRequirement[], place: Place): JwtRequirementPlan {
    const { allowMissing, allowMissingOrFailed } = {
      allowMissing: "allowMissing",
      allowMissingOrFailed: "allowMissingOrFailed",
    };
    const has = (kind: string): boolean => requirements.some(({ requiresType }) => requiresType.case === kind);
    const allowsFailed = has(allowMissingOrFailed);
    const allowsMissing = has(allowMissing);
    const others = requirements.filter(
      ({ requiresType: { case: kind } }) => kind !== allowMissing && kind !== allowMissingOrFailed,
    );
    return {
      kind: "any",
      children: others.length === 0 ? [this.optional(allowsFailed)] : this.list(others, place),
      allowsMissing,
      allowsFailed,
    };
  }
}

/** Path, headers and query parameters; whatever else a match names is not looked at. Envoy `jwt_authn/matcher.cc`. */
function compileMatch(match: RouteMatch | undefined, place: Place): RequestTest {
  if (match === undefined) return { matches: () => false };
  const { path, conditions } = compileRouteMatch(
    { ...match, grpc: undefined, cookies: [], dynamicMetadata: [] },
    place,
  );
  return new RuleMatch(path, conditions);
}

class RuleMatch implements RequestTest {
  private readonly path: CompiledMatch["path"];
  private readonly conditions: readonly RequestTest[];

  constructor(path: CompiledMatch["path"], conditions: readonly RequestTest[]) {
    this.path = path;
    this.conditions = conditions;
  }

  matches(request: RequestView): boolean {
    return this.matchesPath(request) && this.conditions.every((condition) => condition.matches(request));
  }

  private matchesPath({ method, path: whole }: RequestView): boolean {
    const { kind, text, test } = this.path;
    if (kind === PATH_CONNECT) return method === "CONNECT";
    if (whole === "") return false;
    const path = withoutQuery(whole);
    switch (kind) {
      case PATH_PREFIX:
        return path.startsWith(text);
      case PATH_EXACT:
        return path === text;
      case PATH_SEPARATED_PREFIX:
        return path === text || path.startsWith(`${text}/`);
      default:
        return test(path);
    }
  }
}
