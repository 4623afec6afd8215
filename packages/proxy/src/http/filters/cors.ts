import {
  ACCESS_CONTROL_ALLOW_CREDENTIALS,
  ACCESS_CONTROL_ALLOW_HEADERS,
  ACCESS_CONTROL_ALLOW_METHODS,
  ACCESS_CONTROL_ALLOW_ORIGIN,
  ACCESS_CONTROL_EXPOSE_HEADERS,
  ACCESS_CONTROL_MAX_AGE,
  ACCESS_CONTROL_REQUEST_METHOD,
  ORIGIN,
} from "../../codec/header-names.ts";
import type { RequestHead } from "../../codec/messages.ts";
import type { CorsPolicyPlan } from "../../plan/filters/cors.ts";
import type { RuntimeFraction } from "../../plan/runtime-values.ts";
import type { Counter } from "../../stats/index.ts";
import type { Exchange } from "../exchange.ts";
import { type LocalReply, localReply } from "../local-replies.ts";
import { CONTINUE, type FilterContext, type FilterStatus, type HttpFilter, STOP } from "./filter.ts";

/** Answers of a browser's preflight are no errors: they get headers from this filter alone. */
const PREFLIGHT: LocalReply = { ...localReply(200, "", "", "cors_response"), routeHeaders: "none" };

/** What a request that came from another origin is owed when it is answered. */
interface CrossOrigin {
  readonly policy: CorsPolicyPlan;
  /** "" where it is not allowed. */
  readonly origin: string;
  readonly preflight: boolean;
  readonly privateNetwork: boolean;
}

/** Cross-origin resource sharing: Envoy `source/extensions/filters/http/cors/cors_filter.cc`. */
export class Cors implements HttpFilter {
  private readonly random: () => number;
  private readonly originValid: Counter;
  private readonly originInvalid: Counter;

  constructor({ stats, statPrefix, random }: FilterContext) {
    this.random = random;
    this.originValid = stats.counter(`http.${statPrefix}.cors.origin_valid`);
    this.originInvalid = stats.counter(`http.${statPrefix}.cors.origin_invalid`);
  }

  onRequest(exchange: Exchange, routeConfig: unknown): FilterStatus {
    const { request } = exchange;
    // Policies hold where requests are forwarded; most requests come from no other origin.
    if (routeConfig === null || exchange.route?.action.kind !== "forward") return CONTINUE;
    const origin = request.headers.get(ORIGIN);
    if (origin === "") return CONTINUE;
    const policy = routeConfig as CorsPolicyPlan;
    const enabled = this.draw(policy.enabled);
    if (!enabled && !this.draw(policy.shadowEnabled)) return CONTINUE;

    const allowed = policy.allowOrigins.some((test) => test(origin));
    if (allowed) this.originValid.value++;
    else this.originInvalid.value++;
    if (!enabled) return CONTINUE;

    const preflight = request.method === "OPTIONS" && request.headers.get(ACCESS_CONTROL_REQUEST_METHOD) !== "";
    const answers = preflight && (allowed || policy.forwardNotMatchingPreflights === false);
    if (!allowed && !answers) return CONTINUE;
    const privateNetwork = answers && asksForPrivateNetwork(request);
    const state: CrossOrigin = { policy, origin: allowed ? origin : "", preflight: answers, privateNetwork };
    exchange.filters.keepState(this, state);
    if (!answers) return CONTINUE;
    exchange.reply(PREFLIGHT);
    return STOP;
  }

  onResponse(exchange: Exchange): void {
    const state = exchange.filters.stateOf(this) as CrossOrigin | undefined;
    if (state === undefined) return;
    const { policy, origin, preflight } = state;
    const { headers } = exchange.response;
    if (origin !== "") headers.set(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    if (policy.allowCredentials === true) headers.set(ACCESS_CONTROL_ALLOW_CREDENTIALS, "true");
    if (preflight) {
      if (policy.allowMethods !== "") headers.set(ACCESS_CONTROL_ALLOW_METHODS, policy.allowMethods);
      if (policy.allowHeaders !== "") headers.set(ACCESS_CONTROL_ALLOW_HEADERS, policy.allowHeaders);
      if (policy.maxAge !== "") headers.set(ACCESS_CONTROL_MAX_AGE, policy.maxAge);
      if (state.privateNetwork && policy.allowPrivateNetworkAccess === true) {
        headers.appendNamed("access-control-allow-private-network", "true");
      }
    }
    if (origin !== "" && policy.exposeHeaders !== "") {
      headers.set(ACCESS_CONTROL_EXPOSE_HEADERS, policy.exposeHeaders);
    }
  }

  private draw({ share }: RuntimeFraction): boolean {
    return share >= 1 || (share > 0 && this.random() < share);
  }
}

/** Source: https://wicg.github.io/private-network-access */
function asksForPrivateNetwork(request: RequestHead): boolean {
  return request.header("access-control-request-private-network") === "true";
}
