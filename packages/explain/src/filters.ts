/** HTTP filters in their order: what each decides of the request. */
import type { JsonObject } from "@bufbuild/protobuf";
import type { KubeObject } from "@tulle/api";
import { FILTER_COMPILERS, Place, unpackExtension, walk as decide } from "@tulle/proxy/matchers";
import type {
  CorsPolicyPlan,
  FallbackPlan,
  FaultPlan,
  RbacPlan,
  RequestView,
  RouteFilterConfig,
} from "@tulle/proxy/matchers";
import type { RBAC as Rules } from "@tulle/xds/gen/envoy/config/rbac/v3/rbac_pb.js";
import { RBAC_Action as RbacAction } from "@tulle/xds/gen/envoy/config/rbac/v3/rbac_pb.js";
import type { ExtAuthz } from "@tulle/xds/gen/envoy/extensions/filters/http/ext_authz/v3/ext_authz_pb.js";
import type { JwtAuthentication } from "@tulle/xds/gen/envoy/extensions/filters/http/jwt_authn/v3/config_pb.js";
import type { LocalRateLimit } from "@tulle/xds/gen/envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit_pb.js";
import type { RBAC } from "@tulle/xds/gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.js";
import type { HttpConnectionManager } from "@tulle/xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import type { Fact, Lost, OriginLink } from "./answer.ts";
import { durationText } from "./cluster.ts";
import { listAt, parsePath, textAt, valueAt } from "./origins.ts";
import type { OriginOf } from "./origins.ts";
import { ruleFailure, ruleTerms } from "./policy.ts";
import type { Question } from "./question.ts";
import type { ImaginedConnection } from "./request.ts";
import { connectionView } from "./request.ts";
import { checkTokens, JWT_NAMESPACE } from "./tokens.ts";
import type { Walk } from "./walk.ts";
import { percent } from "./walk.ts";

export interface FilterInput {
  readonly question: Question;
  readonly manager: HttpConnectionManager;
  readonly connection: ImaginedConnection;
  readonly request: RequestView;
  /** Of the route, by filter name. */
  readonly configs: ReadonlyMap<string, RouteFilterConfig> | null;
  /** Of its destinations, where they have some of their own. */
  readonly targetConfigs: readonly FilterInput["configs"][];
  /** Where the route's own settings are written. */
  readonly route: OriginOf | undefined;
  /** The route forwards, and does not answer by itself. */
  readonly forwards: boolean;
  /** Names of the cluster, for filters that hold for some. */
  readonly clusters: readonly string[];
}

/** What filters have found out that others ask for. */
export function metadataOf(question: Question, manager: HttpConnectionManager): JsonObject | undefined {
  const { claims } = question.request;
  if (claims === undefined) return undefined;
  for (const filter of manager.httpFilters) {
    if (filter.configType.case !== "typedConfig") continue;
    const { typeName, message } = unpackExtension(filter.configType.value);
    if (typeName !== "envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication") continue;
    const provider = Object.values((message as JwtAuthentication).providers).find(
      ({ issuer }) => issuer === claims["iss"],
    );
    if (provider !== undefined) return { [JWT_NAMESPACE]: { [provider.payloadInMetadata || "payload"]: claims } };
  }
  return undefined;
}

/** False: nothing of the request is left. */
export function walkFilters(walk: Walk, input: FilterInput): boolean {
  for (const filter of input.manager.httpFilters) {
    if (filter.configType.case !== "typedConfig" || filter.disabled) continue;
    const extension = unpackExtension(filter.configType.value);
    const ofRoute = input.configs?.get(filter.name) ?? null;
    if (ofRoute?.disabled === true) continue;
    const known = FILTERS[extension.typeName];
    if (known === undefined) continue;
    const compiler = FILTER_COMPILERS.get(extension.typeName);
    const own = compiler?.compile(extension, undefined as never, new Place("", []));
    known(walk, input, { message: extension.message, plan: ofRoute?.config ?? own });
    if (walk.left <= 1e-9) return false;
  }
  return true;
}

interface Configured {
  readonly message: unknown;
  readonly plan: unknown;
}

type FilterWalk = (walk: Walk, input: FilterInput, configured: Configured) => void;

const FILTERS: Readonly<Record<string, FilterWalk>> = {
  "envoy.extensions.filters.http.rbac.v3.RBAC": walkRbac,
  "envoy.extensions.filters.http.fault.v3.HTTPFault": walkFault,
  "envoy.extensions.filters.http.cors.v3.Cors": walkCors,
  "envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication": (walk, { question, request }, { message }) =>
    checkTokens(walk, question, request, message as JwtAuthentication),
  "envoy.extensions.filters.http.ext_authz.v3.ExtAuthz": walkExternal,
  "envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit": walkRateLimit,
  "tulle.filters.http.fallback.v1.Fallback": walkFallback,
};

function walkRbac(walk: Walk, { question, connection, request }: FilterInput, { message, plan }: Configured): void {
  const { rules } = plan as RbacPlan;
  const { rules: written, shadowRules } = message as RBAC;
  if (rules === null || written === undefined) {
    if (shadowRules !== undefined) tellDryRun(walk, question, shadowRules);
    return;
  }
  const subject = { request, connection: connectionView(connection), dynamicMetadata: request.dynamicMetadata };
  const outcome = rules.outcomes[decide(rules.start, subject, request.path)]!;
  const policies = Object.keys(written.policies).sort();
  const links = policies.map((name) => ({ name, link: policyLink(question, name) }));
  const link = links.find(({ name }) => name === outcome.policy)?.link;
  const others: Lost[] = links
    .filter(({ name }) => name !== outcome.policy)
    .map(({ name, link: origin }) => {
      const failure = ruleFailure(question, written.policies[name]!, subject, request.path, name);
      return {
        what: describePolicy(name),
        why: failure?.text ?? "it was not asked any more",
        ...((failure?.origin ?? origin) && { origin: (failure?.origin ?? origin)! }),
      };
    });
  const denies = written.action === RbacAction.DENY;
  const policy = written.policies[outcome.policy];
  const reasons = policy === undefined ? [] : ruleTerms(question, policy, subject, request.path, outcome.policy);
  // Of a rule that has nothing to change but its terms, the first of them.
  const decisive = reasons[0]?.origin ?? link;
  if (outcome.allowed) {
    if (written.action === RbacAction.LOG) return;
    const title = denies ? "no policy denies it" : `allowed by ${describePolicy(outcome.policy)}`;
    walk.step("filter", title, { origin: decisive, reasons, lost: others });
    return;
  }
  const title = denies ? `denied by ${describePolicy(outcome.policy)}` : "denied: no policy allows it";
  const object = decisive ?? (links.length === 1 ? links[0]!.link : undefined);
  walk.step("filter", title, { origin: object, reasons, lost: others, ends: true });
  const name = outcome.policy === "" ? "none" : outcome.policy.replaceAll(/\s/g, "_");
  walk.answer(1, 403, "", `rbac_access_denied_matched_policy[${name}]`, title);
  walk.remedy(
    title,
    denies
      ? "Take the rule away, or make it narrower."
      : "Add a rule that allows this request: the client's principal, the path and the method are above.",
    object,
  );
}

/** `ns[default]-policy[deny-all]-rule[0]` (control/src/translate/security/authorization.ts) */
function policyParts(name: string): { namespace: string; policy: string; rule: number } | undefined {
  const match = /ns\[([^\]]*)\]-policy\[([^\]]*)\]-rule\[(\d+)\]/.exec(name);
  return match === null ? undefined : { namespace: match[1]!, policy: match[2]!, rule: Number(match[3]) };
}

export function describePolicy(name: string): string {
  const parts = policyParts(name);
  if (parts === undefined) return name === "" ? "no policy" : `policy ${name}`;
  return `AuthorizationPolicy ${parts.namespace}/${parts.policy}, rule ${parts.rule + 1}`;
}

export function policyLink({ origins }: Pick<Question, "origins">, name: string): OriginLink | undefined {
  const parts = policyParts(name);
  if (parts === undefined) return undefined;
  const origin = { kind: "AuthorizationPolicy", namespace: parts.namespace, name: parts.policy };
  const path = ["spec", "rules", parts.rule];
  const written = valueAt(origins.find(origin)?.loaded.object, path) !== undefined;
  return origins.link(origin, written ? path : ["spec"]);
}

function tellDryRun(walk: Walk, question: Question, rules: Rules): void {
  const custom = Object.keys(rules.policies).filter((name) => name.startsWith("istio-ext-authz"));
  if (custom.length > 0) return;
  const [first] = Object.keys(rules.policies);
  if (first === undefined) return;
  walk.step("filter", `a dry run of ${describePolicy(first)} changes nothing`, { origin: policyLink(question, first) });
}

function walkFault(walk: Walk, { question, request, route, clusters }: FilterInput, { plan }: Configured): void {
  const fault = plan as FaultPlan;
  if (fault.idle || !fault.headers.every((header) => header.matches(request))) return;
  if (fault.upstreamCluster !== "" && !clusters.includes(fault.upstreamCluster)) return;
  const link = (...path: string[]): OriginLink | undefined =>
    route && question.origins.link(route, [...parsePath(route.field), "fault", ...path]);
  const { delay, abort } = fault;
  if (delay !== null && !delay.byHeader && delay.percentage.share > 0 && delay.delayMs.value > 0) {
    const origin = link("delay", "fixedDelay");
    walk.step("filter", `fault: ${percent(delay.percentage.share)} are delayed by ${delay.delayMs.value} ms`, {
      origin,
    });
  }
  if (abort === null || abort.byHeader || abort.percentage.share <= 0) return;
  const status = abort.httpStatus.value >= 0 ? abort.httpStatus.value : 200;
  const what = abort.httpStatus.value >= 0 ? `status ${status}` : `gRPC status ${abort.grpcStatus.value}`;
  const share = Math.min(1, abort.percentage.share);
  const title = `fault: ${percent(share)} are answered with ${what}`;
  const origin = link("abort", abort.httpStatus.value >= 0 ? "httpStatus" : "grpcStatus");
  walk.step("filter", title, { origin, ends: share >= 1 });
  walk.answer(share, status, "FI", "fault_filter_abort", title);
  walk.remedy(title, "Take `fault` away where it is no longer wanted.", origin);
}

function walkCors(walk: Walk, { question, request, route, forwards }: FilterInput, { plan }: Configured): void {
  const origin = request.header("origin") ?? "";
  if (plan === null || !forwards || origin === "") return;
  const policy = plan as CorsPolicyPlan;
  if (policy.enabled.share <= 0) return;
  const allowed = policy.allowOrigins.some((test) => test(origin));
  const preflight = request.method === "OPTIONS" && (request.header("access-control-request-method") ?? "") !== "";
  const answers = preflight && (allowed || policy.forwardNotMatchingPreflights === false);
  const link = route && question.origins.link(route, [...parsePath(route.field), "corsPolicy", "allowOrigins"]);
  const title = `CORS: origin ${JSON.stringify(origin)} is ${allowed ? "" : "not "}allowed${answers ? ", and the preflight answered" : ""}`;
  walk.step("filter", title, { origin: link, ends: answers });
  if (answers) walk.answer(1, 200, "", "cors_response", title);
}

function walkExternal(walk: Walk, { request }: FilterInput, { message }: Configured): void {
  const { services, filterEnabledMetadata } = message as ExtAuthz;
  const server =
    services.case === "grpcService"
      ? services.value.targetSpecifier.case === "envoyGrpc"
        ? services.value.targetSpecifier.value.clusterName
        : "a gRPC service"
      : services.case === "httpService"
        ? (services.value.serverUri?.uri ?? "")
        : "a service";
  if (filterEnabledMetadata !== undefined) {
    walk.caveat(
      `an external authorizer (${server}) is asked where a CUSTOM policy is for the request; it is taken here as if it let ${request.path} through`,
    );
    return;
  }
  walk.step("filter", `${server} is asked whether the request may pass`, {});
  walk.caveat(
    `what the external authorizer ${server} says is not known; it is taken here as if it let the request through`,
  );
}

function walkRateLimit(walk: Walk, _: FilterInput, { message }: Configured): void {
  const { tokenBucket: bucket, filterEnforced } = message as LocalRateLimit;
  if (bucket === undefined || filterEnforced?.defaultValue?.numerator === 0) return;
  const facts: Fact[] = [{ name: "most in a row", value: String(bucket.maxTokens) }];
  if (bucket.fillInterval !== undefined) {
    facts.push({ name: "then", value: `${bucket.tokensPerFill ?? 1} every ${durationText(bucket.fillInterval)}` });
  }
  walk.step("filter", "rate limit: lets requests through while there are tokens", { facts });
  walk.caveat("how many tokens a rate limit has left is not known; beyond it the answer is 429 (RL)");
}

/** (control/src/translate/fallback.ts) */
const FALLBACK_FILTER = "tulle.fallback";

function walkFallback(walk: Walk, { question, configs, targetConfigs }: FilterInput): void {
  const plans = [configs, ...targetConfigs].map(
    (each) => each?.get(FALLBACK_FILTER)?.config as FallbackPlan | undefined,
  );
  for (const name of new Set(plans.flatMap((plan) => plan?.name ?? []))) tellFallback(walk, question, name);
}

function tellFallback(walk: Walk, question: Question, policy: string): void {
  const [namespace = "", name = ""] = policy.split("/");
  const fallback = { kind: "Fallback", namespace, name };
  const path = ["spec", "rules"];
  const rules = listAt(question.origins.find(fallback)?.loaded.object, path);
  const reasons = rules.map((rule, i) => ({
    text: `${listAt(rule as KubeObject, ["on"]).join(", ")}: ${answerOf(rule)}`,
    origin: question.origins.link(fallback, [...path, i]),
  }));
  walk.step("filter", `Fallback ${namespace}/${name} answers if the request fails`, {
    origin: question.origins.link(fallback, rules.length === 1 ? [...path, 0] : path),
    reasons,
  });
}

/** What a rule of a Fallback says, in words. */
function answerOf(rule: unknown): string {
  const status = textAt(rule, "respond", "status");
  const host = textAt(rule, "redirectTo", "destination", "host");
  if (host !== "") return `asks ${host} instead`;
  if (valueAt(rule as KubeObject, ["lastGood"]) !== undefined) return "gives the last good response";
  return status === "" ? "answers with its own body" : `answers ${status}`;
}
