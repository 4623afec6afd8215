import { ACCESS_CONTROL_REQUEST_METHOD, ORIGIN } from "../../codec/header-names.ts";
import type { RequestHead } from "../../codec/messages.ts";
import { JWT_STATUS, type JwtStatus } from "../../jwt/status.ts";
import {
  type JwtAuthnPlan,
  type JwtRequirementPlan,
  type JwtRoutePlan,
  wrongRequirementName,
} from "../../plan/filters/jwt-authn.ts";
import type { Counter, StatsRegistry } from "../../stats/index.ts";
import type { Exchange } from "../exchange.ts";
import { type LocalReply, localReply } from "../local-replies.ts";
import { chooseRoute } from "../route-choice.ts";
import { CONTINUE, type FilterContext, type FilterStatus, type HttpFilter, STOP } from "./filter.ts";
import { JwtCheck } from "./jwt-check.ts";
import { Issuers } from "./jwt-issuers.ts";

/** Where findings are put, whatever the filter is called. */
export const JWT_NAMESPACE = "envoy.filters.http.jwt_authn";
/** Tokens of requests: Envoy `source/extensions/filters/http/jwt_authn/filter.cc`. */
export class JwtAuthn implements HttpFilter {
  readonly issuers: Issuers;
  readonly stats: JwtAuthnStats;
  private readonly plan: JwtAuthnPlan;

  constructor(plan: JwtAuthnPlan, context: FilterContext) {
    this.plan = plan;
    this.stats = new JwtAuthnStats(context.stats, `http.${context.statPrefix}.jwt_authn.${plan.statPrefix}`);
    this.issuers = new Issuers(plan.providers, context, this.stats);
  }

  /** Keys that are to be there before any request is. */
  start(onReady: () => void): void {
    this.issuers.start(onReady);
  }

  stop(): void {
    this.issuers.stop();
  }

  onRequest(exchange: Exchange, routeConfig: unknown): FilterStatus {
    const { plan, stats } = this;
    const { request } = exchange;
    for (let i = 0; i < plan.ownHeaders.length; i++) request.headers.removeNamed(plan.ownHeaders[i]);
    if (plan.bypassCorsPreflight && isPreflight(request)) {
      stats.corsPreflightBypassed.value++;
      stats.allowed.value++;
      return CONTINUE;
    }
    let requirement: JwtRequirementPlan | null;
    if (routeConfig === null) requirement = this.ruleOf(request);
    else {
      const { requirementName } = routeConfig as JwtRoutePlan;
      const named = requirementName === null ? null : plan.requirements.get(requirementName);
      if (named === undefined) {
        this.refuseRequirement(exchange, requirementName ?? "");
        return STOP;
      }
      requirement = named;
    }
    if (requirement === null) {
      stats.allowed.value++;
      return CONTINUE;
    }
    const check = new JwtCheck(exchange, this.issuers, requirement);
    check.start();
    if (check.result !== null) return this.conclude(exchange, check, check.result) ? CONTINUE : STOP;
    exchange.filters.keepState(this, check);
    check.onResult = (result) => {
      if (this.conclude(exchange, check, result)) exchange.filters.continueRequest();
    };
    return STOP;
  }

  onComplete(exchange: Exchange): void {
    (exchange.filters.stateOf(this) as JwtCheck | undefined)?.cancel();
  }

  private ruleOf(request: RequestHead): JwtRequirementPlan | null {
    const { rules } = this.plan;
    for (let i = 0; i < rules.length; i++) if (rules[i].match.matches(request)) return rules[i].requirement;
    return null;
  }

  /** False if the request has been answered. */
  private conclude(exchange: Exchange, check: JwtCheck, result: JwtStatus): boolean {
    if (check.findings !== null) exchange.addDynamicMetadata({ [JWT_NAMESPACE]: check.findings });
    if (result !== JWT_STATUS.ok) {
      this.stats.denied.value++;
      exchange.reply(this.refusal(check.originalUri, result));
      return false;
    }
    this.stats.allowed.value++;
    if (check.invalidHeader !== "") {
      exchange.reply(invalidHeader(check.invalidHeader));
      return false;
    }
    if (check.reroutes) chooseRoute(exchange);
    return true;
  }

  private refusal(uri: string, result: JwtStatus): LocalReply {
    const { text } = result;
    const status = result === JWT_STATUS.audienceNotAllowed ? 403 : 401;
    if (this.plan.stripFailureResponse) return localReply(status, "", "", denied(text));
    const value = `Bearer realm="${uri}"${result === JWT_STATUS.missed ? "" : ', error="invalid_token"'}`;
    return {
      ...localReply(status, text, "", denied(text)),
      headers: [{ op: "overwrite", name: "www-authenticate", value, format: null, keepEmpty: false, together: 0 }],
    };
  }

  private refuseRequirement(exchange: Exchange, name: string): void {
    this.stats.denied.value++;
    const text = wrongRequirementName(name, this.plan.requirements);
    const body = this.plan.stripFailureResponse ? "" : `Failed JWT authentication: ${text}`;
    exchange.reply(localReply(403, body, "", denied(text)));
  }
}

/** Of one filter. */
export class JwtAuthnStats {
  readonly allowed: Counter;
  readonly denied: Counter;
  readonly corsPreflightBypassed: Counter;
  readonly fetchSuccess: Counter;
  readonly fetchFailed: Counter;
  readonly cacheHit: Counter;
  readonly cacheMiss: Counter;

  constructor(registry: StatsRegistry, prefix: string) {
    this.allowed = registry.counter(`${prefix}allowed`);
    this.denied = registry.counter(`${prefix}denied`);
    this.corsPreflightBypassed = registry.counter(`${prefix}cors_preflight_bypassed`);
    this.fetchSuccess = registry.counter(`${prefix}jwks_fetch_success`);
    this.fetchFailed = registry.counter(`${prefix}jwks_fetch_failed`);
    this.cacheHit = registry.counter(`${prefix}jwt_cache_hit`);
    this.cacheMiss = registry.counter(`${prefix}jwt_cache_miss`);
  }
}

function isPreflight({ method, headers }: RequestHead): boolean {
  return method === "OPTIONS" && headers.get(ORIGIN) !== "" && headers.get(ACCESS_CONTROL_REQUEST_METHOD) !== "";
}

/** Details hold no white space. */
function denied(text: string): string {
  return `jwt_authn_access_denied{${text.replaceAll(/\s/g, "_")}}`;
}

/** What Envoy's router answers where a filter has set what no header can hold. */
function invalidHeader(name: string): LocalReply {
  const text = `invalid header value for: ${name}`;
  return localReply(503, text, "DPE", `filter_removed_required_request_headers{${text.replaceAll(" ", "_")}}`);
}
