import type { HeaderBlock } from "../../codec/header-block.ts";
import type {
  HeaderMutationPlan,
  HeaderStep,
  MutationsPlan,
  RouteMutationsPlan,
} from "../../plan/filters/header-mutation.ts";
import { mutateQuery } from "../../plan/query-mutations.ts";
import type { Exchange } from "../exchange.ts";
import { applyHeaderMutation } from "../header-mutations.ts";
import { CONTINUE, type FilterStatus, type HttpFilter } from "./filter.ts";

/** Of one level, to one part of a message. */
type Apply = (level: MutationsPlan, exchange: Exchange, headers: HeaderBlock) => void;

/**
 * Header mutation: Envoy `source/extensions/filters/http/header_mutation/header_mutation.cc`. The filter's own mutations come first, then
 * those of the route's levels.
 */
export class HeaderMutationFilter implements HttpFilter {
  private readonly plan: HeaderMutationPlan;

  constructor(plan: HeaderMutationPlan) {
    this.plan = plan;
  }

  onRequest(exchange: Exchange, routeConfig: unknown): FilterStatus {
    this.eachLevel(exchange, routeConfig, exchange.request.headers, mutateRequest);
    return CONTINUE;
  }

  onRequestTrailers(exchange: Exchange, trailers: HeaderBlock, routeConfig: unknown): FilterStatus {
    this.eachLevel(exchange, routeConfig, trailers, mutateRequestTrailers);
    return CONTINUE;
  }

  onResponse(exchange: Exchange, routeConfig: unknown): void {
    this.eachLevel(exchange, routeConfig, exchange.response.headers, mutateResponse);
  }

  onResponseTrailers(exchange: Exchange, trailers: HeaderBlock, routeConfig: unknown): FilterStatus {
    this.eachLevel(exchange, routeConfig, trailers, mutateResponseTrailers);
    return CONTINUE;
  }

  private eachLevel(exchange: Exchange, routeConfig: unknown, headers: HeaderBlock, apply: Apply): void {
    const { own, mostSpecificWins } = this.plan;
    apply(own, exchange, headers);
    if (routeConfig === null) return;
    const levels = routeConfig as RouteMutationsPlan;
    const last = levels.length - 1;
    for (let i = 0; i <= last; i++) apply(levels[mostSpecificWins ? last - i : i], exchange, headers);
  }
}

function mutateRequest({ request, query }: MutationsPlan, exchange: Exchange, headers: HeaderBlock): void {
  applySteps(request, exchange, headers, true);
  if (query.length > 0) exchange.request.path = mutateQuery(exchange.request.path, query, exchange);
}

function mutateRequestTrailers({ requestTrailers }: MutationsPlan, exchange: Exchange, trailers: HeaderBlock): void {
  applySteps(requestTrailers, exchange, trailers, true);
}

function mutateResponse({ response }: MutationsPlan, exchange: Exchange, headers: HeaderBlock): void {
  applySteps(response, exchange, headers, false);
}

function mutateResponseTrailers({ responseTrailers }: MutationsPlan, exchange: Exchange, trailers: HeaderBlock): void {
  applySteps(responseTrailers, exchange, trailers, false);
}

export function applySteps(
  steps: readonly HeaderStep[],
  exchange: Exchange,
  headers: HeaderBlock,
  inRequest: boolean,
): void {
  for (let i = 0; i < steps.length; i++) {
    const step = steps[i];
    if (step.op === "remove-matching") headers.removeMatching(step.matches);
    else applyHeaderMutation(headers, step, exchange, inRequest);
  }
}
