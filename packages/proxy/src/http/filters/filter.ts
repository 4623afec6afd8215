import type { StatsRegistry } from "../../stats/index.ts";
import type { HttpFilterPlan, ListenerPlan } from "../../plan/plan.ts";
import type { Exchange } from "../exchange.ts";
import type { LocalReply } from "../local-replies.ts";

/** One HTTP filter of one listener; shared by all its exchanges, whose state it keeps on none but the exchange. */
export interface HttpFilter {
  /** Before routing, in configuration order; the first answer wins. */
  onRequest(exchange: Exchange): LocalReply | null;
  /** Before a response's headers are finished, local replies included; in reverse order. */
  onResponse(exchange: Exchange): void;
  /** The exchange is over; everything that an access log could tell is there. */
  onComplete(exchange: Exchange): void;
}

export interface FilterContext {
  readonly stats: StatsRegistry;
  readonly direction: ListenerPlan["direction"];
}

export type FilterFactory = (config: unknown, context: FilterContext) => HttpFilter;

/** The filters that there are, by Envoy type URL. */
export type FilterRegistry = ReadonlyMap<string, FilterFactory>;

/** A plan names a filter that the registry does not know: a mistake of ours, the plan compiler refuses unknown filters. */
class UnknownFilterError extends Error {
  override name = "UnknownFilterError";

  constructor(plan: HttpFilterPlan) {
    super(`filter ${plan.name}: no implementation for ${plan.typeUrl}; the plan compiler must refuse it`);
  }
}

export function createFilters(
  registry: FilterRegistry,
  plans: readonly HttpFilterPlan[],
  context: FilterContext,
): readonly HttpFilter[] {
  return plans.map((plan) => {
    const factory = registry.get(plan.typeUrl);
    if (factory === undefined) throw new UnknownFilterError(plan);
    return factory(plan.config, context);
  });
}
