import type { HeaderBlock } from "../../codec/header-block.ts";
import type { ReadBuffer } from "../../codec/read-buffer.ts";
import type { NetContext } from "../../net/context.ts";
import type { ClusterRef } from "../../plan/cluster-plan.ts";
import type { ListenerPlan } from "../../plan/listener-plan.ts";
import type { StatsRegistry } from "../../stats/index.ts";
import type { DnsCaches } from "../../upstream/dns/caches.ts";
import type { AsyncClient } from "../async-client.ts";
import type { Exchange } from "../exchange.ts";
import type { LocalReply } from "../local-replies.ts";
import type { HealthStatus } from "../runtime.ts";

/** What becomes of what a filter has been shown. @public */
export type FilterStatus = typeof CONTINUE | typeof STOP;

/** On to the next filter. @public */
export const CONTINUE = 0;
/** No further, for one of two reasons: the filter keeps it, and sends it on later; or it has answered the request (`exchange.reply`). @public */
export const STOP = 1;

/**
 * One HTTP filter of one listener, shared by all its exchanges. What it keeps of one exchange lives in `exchange.filters`, under the filter
 * itself. A filter has only the methods that it needs: what it does not have costs nothing.
 *
 * Requests pass the filters in the order of the configuration, responses in reverse. The route has been chosen before the first filter is
 * asked. `routeConfig` is what the route says for this filter (`typed_per_filter_config`, merged by its compiler in plan/filters), null if
 * it says nothing; filters that the route switches off are not asked at all.
 *
 * An exchange that has been answered is over and may already serve another request: a filter that calls `exchange.reply` returns STOP and
 * touches the exchange no more. The same holds after `onComplete`: what would come later (timers) is to be stopped there.
 */
export interface HttpFilter {
  /**
   * The configuration is accepted, and requests do not come yet: what the filter needs from elsewhere it may get now. Listeners take requests
   * (and changes of listeners take effect) when all filters that have this method have called `onReady`, once, sooner or later.
   */
  start?(onReady: () => void): void;
  /** The configuration is replaced or removed. Exchanges that are under way go on. */
  stop?(): void;
  /**
   * The request's head. STOP: the filter keeps the request until it calls `exchange.filters.continueRequest`. Its body goes as far as this
   * filter, and is kept as long; beyond the limit the client is not read.
   */
  onRequest?(exchange: Exchange, routeConfig: unknown): FilterStatus;
  /**
   * Bytes of the request's body; may be empty where they end it. STOP: the filter has taken them (copied: the buffer is somebody else's) and
   * sends what it makes of them by `exchange.filters.sendRequestData`.
   */
  onRequestData?(exchange: Exchange, buffer: ReadBuffer, start: number, end: number, endStream: boolean): FilterStatus;
  /** They end the request, and may be changed. STOP: until `exchange.filters.continueRequestTrailers`. */
  onRequestTrailers?(exchange: Exchange, trailers: HeaderBlock, routeConfig: unknown): FilterStatus;
  /**
   * The client is about to get an answer: a local reply, or where that is null the upstream's, in `exchange.response` as it came, after
   * all retries. True: the filter has seen to another one (`exchange.reply`, `exchange.router.divert`). In configuration order.
   */
  onAnswer?(exchange: Exchange, reply: LocalReply | null, routeConfig: unknown): boolean;
  /** The response's head, which may be changed; of local replies as well. @param endStream there is no body */
  onResponse?(exchange: Exchange, routeConfig: unknown, endStream: boolean): void;
  /** As `onRequestData`: STOP, and `exchange.filters.sendResponseData`. */
  onResponseData?(exchange: Exchange, buffer: ReadBuffer, start: number, end: number, endStream: boolean): FilterStatus;
  /** As `onRequestTrailers`: STOP, and `exchange.filters.continueResponseTrailers`. */
  onResponseTrailers?(exchange: Exchange, trailers: HeaderBlock, routeConfig: unknown): FilterStatus;
  /** The exchange is over, in whatever way; everything that an access log could tell is there. Asked of all filters. */
  onComplete?(exchange: Exchange): void;
}

/** What filters are made with. */
export interface FilterContext {
  readonly stats: StatsRegistry;
  /** The connection manager's, for names of stats: `http.<statPrefix>.`. */
  readonly statPrefix: string;
  readonly direction: ListenerPlan["direction"];
  readonly health: HealthStatus;
  /** The cluster that this proxy is one of. */
  readonly localCluster: string;
  findCluster(name: string): ClusterRef | null;
  /** [0, 1) */
  readonly random: () => number;
  /** Time (of the turn) and timers. */
  readonly net: Pick<NetContext, "turn" | "timers" | "reportBug">;
  readonly dnsCaches: DnsCaches;
  /** For requests of filters' own. */
  readonly client: AsyncClient;
}

/** @param config what the compiler of the type (plan/filters) made @param name the filter's, in the connection manager */
export type FilterFactory = (config: unknown, context: FilterContext, name: string) => HttpFilter;

/** The filters that there are, by message type of their configuration. */
export type FilterRegistry = ReadonlyMap<string, FilterFactory>;
