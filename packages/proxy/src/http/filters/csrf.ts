import { ORIGIN } from "../../codec/header-names.ts";
import type { RequestHead } from "../../codec/messages.ts";
import type { CsrfPlan } from "../../plan/filters/csrf.ts";
import type { RuntimeFraction } from "../../plan/runtime-values.ts";
import type { Counter } from "../../stats/index.ts";
import type { Exchange } from "../exchange.ts";
import { localReply } from "../local-replies.ts";
import { CONTINUE, type FilterContext, type FilterStatus, type HttpFilter, STOP } from "./filter.ts";

const ORIGIN_MISMATCH = localReply(403, "Invalid origin", "", "csrf_origin_mismatch");

/** Requests that change something must come from a page of the host that they go to: Envoy `source/extensions/filters/http/csrf/csrf_filter.cc`. */
export class Csrf implements HttpFilter {
  private readonly plan: CsrfPlan;
  private readonly random: () => number;
  private readonly missingSourceOrigin: Counter;
  private readonly requestInvalid: Counter;
  private readonly requestValid: Counter;

  constructor(plan: CsrfPlan, { stats, statPrefix, random }: FilterContext) {
    this.plan = plan;
    this.random = random;
    this.missingSourceOrigin = stats.counter(`http.${statPrefix}.csrf.missing_source_origin`);
    this.requestInvalid = stats.counter(`http.${statPrefix}.csrf.request_invalid`);
    this.requestValid = stats.counter(`http.${statPrefix}.csrf.request_valid`);
  }

  onRequest(exchange: Exchange, routeConfig: unknown): FilterStatus {
    const { request } = exchange;
    if (!changesSomething(request.method)) return CONTINUE;
    const plan = routeConfig === null ? this.plan : (routeConfig as CsrfPlan);
    const enabled = this.draw(plan.enabled);
    if (!enabled && !this.draw(plan.shadowEnabled)) return CONTINUE;
    if (this.isValid(request, plan) || !enabled) return CONTINUE;
    exchange.reply(ORIGIN_MISMATCH);
    return STOP;
  }

  private isValid(request: RequestHead, plan: CsrfPlan): boolean {
    const source = hostAndPort(request.headers.get(ORIGIN)) || hostAndPort(request.headers.find("referer") ?? "");
    if (source === "") {
      this.missingSourceOrigin.value++;
      return false;
    }
    const valid = source === request.authority || plan.additionalOrigins.some((test) => test(source));
    if (valid) this.requestValid.value++;
    else this.requestInvalid.value++;
    return valid;
  }

  private draw({ share }: RuntimeFraction): boolean {
    return share >= 1 || (share > 0 && this.random() < share);
  }
}

function changesSomething(method: string): boolean {
  return method === "POST" || method === "PUT" || method === "DELETE" || method === "PATCH";
}

const URL = /^[^:/?#]+:\/\/(?:[^/?#]*@)?([^/?#]*)/;

/** Of a URL; what is none is taken as it is. */
function hostAndPort(url: string): string {
  const found = URL.exec(url);
  return found === null ? url : found[1];
}
