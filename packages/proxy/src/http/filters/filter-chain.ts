import { FILTER_COMPILERS } from "../../plan/filters/index.ts";
import type { HttpFilterPlan } from "../../plan/listener-plan.ts";
import type { Exchange } from "../exchange.ts";
import type { LocalReply } from "../local-replies.ts";
import type { FilterContext, FilterRegistry, HttpFilter } from "./filter.ts";

/** A plan names a filter that the registry does not know: a mistake of ours, the plan compiler refuses unknown filters. */
class UnknownFilterError extends Error {
  override name = "UnknownFilterError";

  constructor(plan: HttpFilterPlan) {
    super(`filter ${plan.name}: no implementation for ${plan.typeName}; the plan compiler must refuse it`);
  }
}

/** A filter in its place: known by its name where routes configure it. */
export interface FilterEntry {
  /** In the configuration. */
  readonly position: number;
  readonly name: string;
  /** Message type of the routes' configurations that concern it, "" if none does. */
  readonly routeTypeName: string;
  readonly disabled: boolean;
  readonly filter: HttpFilter;
}

/** The filters of a connection manager, sorted by what they want to see, in the order in which they are asked. */
export class FilterChain {
  readonly request: readonly FilterEntry[];
  readonly requestData: readonly FilterEntry[];
  readonly requestTrailers: readonly FilterEntry[];
  readonly answer: readonly FilterEntry[];
  readonly response: readonly FilterEntry[];
  readonly responseData: readonly FilterEntry[];
  readonly responseTrailers: readonly FilterEntry[];
  readonly complete: readonly FilterEntry[];
  private readonly all: readonly FilterEntry[];

  constructor(registry: FilterRegistry, plans: readonly HttpFilterPlan[], context: FilterContext) {
    const all = plans.map((plan, position): FilterEntry => {
      const factory = registry.get(plan.typeName);
      if (factory === undefined) throw new UnknownFilterError(plan);
      const routeTypeName = FILTER_COMPILERS.get(plan.typeName)?.compileRoute?.typeName ?? "";
      return {
        position,
        name: plan.name,
        routeTypeName,
        disabled: plan.disabled,
        filter: factory(plan.config, context, plan.name),
      };
    });
    this.all = all;
    const having = (method: keyof HttpFilter): FilterEntry[] =>
      all.filter(({ filter }) => filter[method] !== undefined);
    this.request = having("onRequest");
    this.requestData = having("onRequestData");
    this.requestTrailers = having("onRequestTrailers");
    this.answer = having("onAnswer");
    this.response = having("onResponse").reverse();
    this.responseData = having("onResponseData").reverse();
    this.responseTrailers = having("onResponseTrailers").reverse();
    this.complete = having("onComplete");
  }

  /** @param onReady every filter has what it needs before requests come */
  start(onReady: () => void): void {
    let missing = 1;
    const arrived = (): void => {
      if (--missing === 0) onReady();
    };
    for (const { filter } of this.all) {
      if (filter.start === undefined) continue;
      missing++;
      filter.start(arrived);
    }
    arrived();
  }

  stop(): void {
    for (const { filter } of this.all) filter.stop?.();
  }

  /** True if a filter has seen to another answer. */
  onAnswer(exchange: Exchange, reply: LocalReply | null): boolean {
    const { answer } = this;
    for (let i = 0; i < answer.length; i++) {
      const config = routeConfig(answer[i], exchange);
      if (config !== FILTER_DISABLED && answer[i].filter.onAnswer?.(exchange, reply, config) === true) return true;
    }
    return false;
  }
}

/** The route's requests pass the filter by. */
export const FILTER_DISABLED: unique symbol = Symbol("disabled");

/** A weighted cluster's configuration, else the route's; null if there is none. */
export function routeConfig(entry: FilterEntry, exchange: Exchange): unknown {
  const configs = exchange.filterConfigs;
  const found = configs === null ? undefined : configs.get(entry.name);
  if (found === undefined) return entry.disabled ? FILTER_DISABLED : null;
  if (found.disabled) return FILTER_DISABLED;
  return found.typeName === entry.routeTypeName ? found.config : null;
}
