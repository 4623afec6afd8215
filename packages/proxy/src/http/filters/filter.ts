import type { ReadBuffer } from "../../codec/read-buffer.ts";
import { FILTER_COMPILERS } from "../../plan/filters/index.ts";
import type { HttpFilterPlan, ListenerPlan } from "../../plan/plan.ts";
import type { StatsRegistry } from "../../stats/index.ts";
import type { Exchange } from "../exchange.ts";

/** What a filter wants done with a request whose head it has seen. @public */
export type FilterStatus = typeof CONTINUE | typeof STOP;

/** On to the next filter. @public */
export const CONTINUE = 0;
/**
 * No further: the filter has answered (`exchange.reply`), or keeps the request and will call `exchange.continueRequest` later. An
 * exchange that was answered belongs to somebody else by now: not to be touched again.
 * @public
 */
export const STOP = 1;

/**
 * One HTTP filter of one listener, shared by all its exchanges. State of one exchange lives in `exchange.filterState`, under the
 * filter itself. A filter has only the methods that it needs: what it does not have costs nothing.
 *
 * `routeConfig` is what the most specific level of the route says for this filter (`typed_per_filter_config`), null if none does.
 */
export interface HttpFilter {
  /** The route is chosen, nothing has been sent. In configuration order. */
  onRequest?(exchange: Exchange, routeConfig: unknown): FilterStatus;
  /** Bytes of the request's body on their way; may be empty where they end the request. */
  onRequestData?(exchange: Exchange, buffer: ReadBuffer, start: number, end: number, endStream: boolean): void;
  /** Before a response's headers are finished, local replies included; in reverse order. */
  onResponse?(exchange: Exchange, routeConfig: unknown): void;
  onResponseData?(exchange: Exchange, buffer: ReadBuffer, start: number, end: number, endStream: boolean): void;
  /** The exchange is over, in whatever way; everything that an access log could tell is there. */
  onComplete?(exchange: Exchange): void;
}

export interface FilterContext {
  readonly stats: StatsRegistry;
  /** The connection manager's, for names of stats: `http.<statPrefix>.`. */
  readonly statPrefix: string;
  readonly direction: ListenerPlan["direction"];
  /** [0, 1) */
  readonly random: () => number;
}

export type FilterFactory = (config: unknown, context: FilterContext) => HttpFilter;

/** The filters that there are, by message type of their configuration. */
export type FilterRegistry = ReadonlyMap<string, FilterFactory>;

/** A plan names a filter that the registry does not know: a mistake of ours, the plan compiler refuses unknown filters. */
class UnknownFilterError extends Error {
  override name = "UnknownFilterError";

  constructor(plan: HttpFilterPlan) {
    super(`filter ${plan.name}: no implementation for ${plan.typeName}; the plan compiler must refuse it`);
  }
}

/** A filter in its place: known by its name where routes configure it. */
interface FilterEntry {
  readonly name: string;
  /** Message type of the routes' configurations that concern it, "" if none does. */
  readonly routeTypeName: string;
  readonly disabled: boolean;
  readonly filter: HttpFilter;
}

/** The filters of a connection manager, sorted by what they want to see. */
export class FilterChain {
  private readonly request: readonly FilterEntry[];
  private readonly requestData: readonly FilterEntry[];
  private readonly response: readonly FilterEntry[];
  private readonly responseData: readonly FilterEntry[];
  private readonly complete: readonly FilterEntry[];

  constructor(registry: FilterRegistry, plans: readonly HttpFilterPlan[], context: FilterContext) {
    const all = plans.map((plan): FilterEntry => {
      const factory = registry.get(plan.typeName);
      if (factory === undefined) throw new UnknownFilterError(plan);
      const routeTypeName = FILTER_COMPILERS.get(plan.typeName)?.compileRoute?.typeName ?? "";
      return { name: plan.name, routeTypeName, disabled: plan.disabled, filter: factory(plan.config, context) };
    });
    const having = (method: keyof HttpFilter): FilterEntry[] =>
      all.filter(({ filter }) => filter[method] !== undefined);
    this.request = having("onRequest");
    this.requestData = having("onRequestData");
    this.response = having("onResponse").reverse();
    this.responseData = having("onResponseData").reverse();
    this.complete = having("onComplete");
  }

  /** True if all let the request through. @param from how many of them have seen it already */
  onRequest(exchange: Exchange, from: number): boolean {
    const { request } = this;
    for (let i = from; i < request.length; i++) {
      const entry = request[i];
      const config = routeConfig(entry, exchange);
      if (config === FILTER_DISABLED) continue;
      exchange.filtersPassed = i + 1;
      if (entry.filter.onRequest?.(exchange, config) === STOP) return false;
    }
    return true;
  }

  onRequestData(exchange: Exchange, buffer: ReadBuffer, start: number, end: number, endStream: boolean): void {
    for (const entry of this.requestData) {
      if (routeConfig(entry, exchange) === FILTER_DISABLED) continue;
      entry.filter.onRequestData?.(exchange, buffer, start, end, endStream);
    }
  }

  onResponse(exchange: Exchange): void {
    const { response } = this;
    for (let i = 0; i < response.length; i++) {
      const config = routeConfig(response[i], exchange);
      if (config !== FILTER_DISABLED) response[i].filter.onResponse?.(exchange, config);
    }
  }

  onResponseData(exchange: Exchange, buffer: ReadBuffer, start: number, end: number, endStream: boolean): void {
    for (const entry of this.responseData) {
      if (routeConfig(entry, exchange) === FILTER_DISABLED) continue;
      entry.filter.onResponseData?.(exchange, buffer, start, end, endStream);
    }
  }

  onComplete(exchange: Exchange): void {
    const { complete } = this;
    for (let i = 0; i < complete.length; i++) complete[i].filter.onComplete?.(exchange);
  }
}

/** The route's requests pass the filter by. */
const FILTER_DISABLED: unique symbol = Symbol("disabled");

/** A weighted cluster's configuration, else the route's; null if there is none. */
function routeConfig(entry: FilterEntry, exchange: Exchange): unknown {
  const configs = exchange.filterConfigs;
  const found = configs === null ? undefined : configs.get(entry.name);
  if (found === undefined) return entry.disabled ? FILTER_DISABLED : null;
  if (found.disabled) return FILTER_DISABLED;
  return found.typeName === entry.routeTypeName ? found.config : null;
}
