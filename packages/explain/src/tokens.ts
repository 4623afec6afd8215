/** Whether a request's token, as it is imagined, is what is asked for. Signatures are not verified: the question says whose claims they are. */
import { Place, RouteEntry, compileRouteMatch } from "@tulle/proxy/matchers";
import type { RequestView, RoutePlan } from "@tulle/proxy/matchers";
import type {
  JwtAuthentication,
  JwtRequirement,
} from "@tulle/xds/gen/envoy/extensions/filters/http/jwt_authn/v3/config_pb.js";
import type { OriginLink } from "./answer.ts";
import { listAt, textAt } from "./origins.ts";
import type { Question } from "./question.ts";
import type { Walk } from "./walk.ts";

export const JWT_NAMESPACE = "envoy.filters.http.jwt_authn";

export function checkTokens(walk: Walk, question: Question, request: RequestView, message: JwtAuthentication): void {
  const { claims } = question.request;
  const requirement = requirementOf(message, request);
  if (requirement === undefined) return;
  const origin = issuerLink(question, message);
  const carried = request.header("authorization")?.startsWith("Bearer ") === true;
  if (claims === undefined && carried) {
    walk.caveat("the token in the request is not verified here: say its claims with --claims");
    walk.step("filter", "the request's token is verified", { origin });
    return;
  }
  const issuer = typeof claims?.["iss"] === "string" ? claims["iss"] : undefined;
  if (meets(message, requirement, issuer, audiencesOf(claims?.["aud"]))) {
    const title = issuer === undefined ? "no token is asked for here" : `the token of ${issuer} is accepted`;
    walk.step("filter", title, { origin });
    return;
  }
  const title =
    issuer === undefined ? "a token is asked for, and there is none" : `no rule accepts tokens of ${issuer}`;
  walk.step("filter", title, { origin, ends: true });
  const details =
    issuer === undefined
      ? "jwt_authn_access_denied{Jwt_is_missing}"
      : "jwt_authn_access_denied{Jwt_issuer_is_not_configured}";
  walk.answer(1, 401, "", details, title);
  walk.remedy(
    title,
    "Send `authorization: Bearer …` with a token of an issuer that a RequestAuthentication names.",
    origin,
  );
}

function requirementOf(message: JwtAuthentication, request: RequestView): JwtRequirement | undefined {
  for (const { match, requirementType: type } of message.rules) {
    if (match === undefined) continue;
    const { path, conditions } = compileRouteMatch(match, new Place("", []));
    const entry = new RouteEntry(path, conditions, null, undefined as never as RoutePlan);
    if (!entry.matches(request.path, request, 0)) continue;
    return type.case === "requires" ? type.value : undefined;
  }
  return undefined;
}

function audiencesOf(claim: unknown): readonly string[] {
  return Array.isArray(claim) ? claim.map(String) : typeof claim === "string" ? [claim] : [];
}

function meets(
  message: JwtAuthentication,
  { requiresType: type }: JwtRequirement,
  issuer: string | undefined,
  audiences: readonly string[],
): boolean {
  const isOf = (name: string, wanted: readonly string[]): boolean => {
    const provider = message.providers[name];
    if (provider === undefined || issuer === undefined) return false;
    if (provider.issuer !== "" && provider.issuer !== issuer) return false;
    const all = wanted.length > 0 ? wanted : provider.audiences;
    return all.length === 0 || audiences.some((audience) => all.includes(audience));
  };
  switch (type.case) {
    case "providerName":
      return isOf(type.value, []);
    case "providerAndAudiences":
      return isOf(type.value.providerName, type.value.audiences);
    case "requiresAny":
      return type.value.requirements.some((each) => meets(message, each, issuer, audiences));
    case "requiresAll":
      return type.value.requirements.every((each) => meets(message, each, issuer, audiences));
    case "allowMissing":
      return issuer === undefined;
    default:
      return true;
  }
}

/** The rule that names one of the issuers. */
function issuerLink({ origins }: Question, message: JwtAuthentication): OriginLink | undefined {
  const issuers = new Set(Object.values(message.providers).map(({ issuer }) => issuer));
  for (const { loaded } of origins.ofKind("RequestAuthentication")) {
    const { kind, metadata } = loaded.object;
    const index = listAt(loaded.object, ["spec", "jwtRules"]).findIndex((rule) => issuers.has(textAt(rule, "issuer")));
    if (index >= 0) {
      return origins.link({ kind, namespace: metadata.namespace, name: metadata.name }, [
        "spec",
        "jwtRules",
        index,
        "issuer",
      ]);
    }
  }
  return undefined;
}
