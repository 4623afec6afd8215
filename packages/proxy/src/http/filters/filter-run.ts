import { HeaderBlock } from "../../codec/header-block.ts";
import type { ReadBuffer } from "../../codec/read-buffer.ts";
import type { Exchange } from "../exchange.ts";
import { RequestBody } from "../request-body.ts";
import { FILTER_DISABLED, type FilterChain, type FilterEntry, routeConfig } from "./filter-chain.ts";
import { type HttpFilter, STOP } from "./filter.ts";

/** Every filter has let the request's head through. */
const ALL = 0x7fffffff;

/**
 * The way of one exchange through the filters of its connection manager: what they keep of it, who keeps its request, and where it goes on
 * from there. One to an exchange, pooled with it. Envoy `source/common/http/filter_manager.cc`.
 */
export class FilterRun {
  /** How much of a body is kept for a filter that keeps the request; -1: the listener's buffer limit. A filter may set it. */
  holdLimitBytes = -1;
  private readonly exchange: Exchange;
  private chain: FilterChain | null = null;
  /** How many of the filters that look at heads have seen this one. */
  private asked = 0;
  /** Filters before this position are shown the body. */
  private reach = 0;
  private readonly held = new RequestBody();
  private heldEnds = false;
  private pausesRequest = false;
  private states: Map<HttpFilter, unknown> | null = null;
  /** Filters before this position have been shown the request's trailers. */
  private trailersReach = 0;
  /** A filter has taken the end of the request's body, or its trailers, and has not sent it on. */
  owesRequest = false;
  /** Kept by a filter. */
  private requestTrailers: HeaderBlock | null = null;
  private responseTrailers: KeptTrailers | null = null;
  private responsePauses = 0;
  /** Counts the passes that have been here: tells after a call to a filter whether it has ended this one. */
  pass = 0;

  constructor(exchange: Exchange) {
    this.exchange = exchange;
  }

  // What a filter keeps of the exchange

  stateOf(filter: HttpFilter): unknown {
    return this.states === null ? undefined : this.states.get(filter);
  }

  keepState(filter: HttpFilter, state: unknown): void {
    (this.states ??= new Map()).set(filter, state);
  }

  // The request

  start(chain: FilterChain): void {
    this.chain = chain;
    if (this.askOfHead(chain)) this.exchange.router.route();
  }

  /** The filters that have not seen the head yet. True if all let it through. */
  private askOfHead(chain: FilterChain): boolean {
    const { exchange } = this;
    const { request } = chain;
    for (let i = this.asked; i < request.length; i++) {
      const entry = request[i];
      const config = routeConfig(entry, exchange);
      if (config === FILTER_DISABLED) continue;
      this.asked = i + 1;
      this.reach = entry.position + 1;
      if (entry.filter.onRequest?.(exchange, config) === STOP) return false;
    }
    this.reach = ALL;
    // The connection manager's timeout of the request is over when all of it has passed, too.
    if (exchange.requestEnded) exchange.timers.endRequest();
    return true;
  }

  /** The head is with the router. */
  get passed(): boolean {
    return this.reach === ALL;
  }

  /** A filter that has kept the request lets it go on to the next one. */
  continueRequest(): void {
    const { chain, exchange, pass, reach: from } = this;
    if (chain === null) return;
    const passed = this.askOfHead(chain);
    if (this.pass !== pass || !this.showHeld(chain, from, passed)) return;
    if (passed) exchange.router.route();
  }

  /** The body that has come meanwhile. False if a filter has answered. */
  private showHeld(chain: FilterChain, from: number, passed: boolean): boolean {
    const { held, exchange, pass, heldEnds } = this;
    if (held.isEmpty) return true;
    const { pieces, trailers } = held.take();
    if (this.pausesRequest && passed) {
      this.pausesRequest = false;
      exchange.resumeRequest();
    }
    for (let i = 0; i < pieces.length; i++) {
      const { buffer, length } = pieces[i];
      const ends = heldEnds && trailers === null && i === pieces.length - 1;
      const goesOn = showRequestData(chain, exchange, from, this.reach, buffer, 0, length, ends);
      if (this.pass !== pass) return false;
      if (!goesOn) {
        if (ends) this.owesRequest = true;
        continue;
      }
      if (passed) exchange.router.onRequestData(buffer, 0, length, ends);
      else held.add(buffer, 0, length);
      if (this.pass !== pass) return false;
    }
    if (trailers === null) return true;
    this.onRequestTrailers(trailers);
    return this.pass === pass;
  }

  onRequestData(buffer: ReadBuffer, start: number, end: number, endStream: boolean): void {
    const { chain, exchange, reach } = this;
    if (chain !== null && reach !== ALL) {
      this.hold(chain, buffer, start, end, endStream);
      return;
    }
    if (chain !== null) {
      const { pass } = this;
      // Whatever the filter sends on, it may send later.
      if (endStream) this.owesRequest = chain.requestData.length > 0;
      if (!showRequestData(chain, exchange, 0, ALL, buffer, start, end, endStream)) return;
      if (this.pass !== pass) return;
      this.owesRequest = false;
    }
    exchange.router.onRequestData(buffer, start, end, endStream);
  }

  /** A filter keeps the request. It may let it go on when it sees these bytes: they must be there by then. */
  private hold(chain: FilterChain, buffer: ReadBuffer, start: number, end: number, endStream: boolean): void {
    const { held, exchange, holdLimitBytes, pass, reach } = this;
    held.add(buffer, start, end);
    this.heldEnds = endStream;
    const goesOn = showRequestData(chain, exchange, 0, reach, buffer, start, end, endStream);
    if (this.pass !== pass || this.reach !== reach) return;
    if (!goesOn) held.dropLast();
    const limit = holdLimitBytes >= 0 ? holdLimitBytes : (exchange.connection?.bufferLimitBytes ?? 0);
    if (held.bytes > limit && !this.pausesRequest) {
      this.pausesRequest = true;
      exchange.pauseRequest();
    }
  }

  onRequestTrailers(trailers: HeaderBlock): void {
    if (this.chain === null || this.reach === ALL) {
      this.passRequestTrailers(trailers);
      return;
    }
    this.heldEnds = true;
    // Those that have seen the head see the end of the request, too: one of them may have waited for it.
    this.showRequestTrailers(this.held.addTrailers(trailers), this.reach);
  }

  private passRequestTrailers(trailers: HeaderBlock): void {
    const { pass } = this;
    if (!this.showRequestTrailers(trailers, ALL)) {
      this.owesRequest = true;
      this.requestTrailers = copied(trailers);
    } else if (this.pass === pass) {
      this.owesRequest = false;
      this.exchange.router.onRequestTrailers(trailers);
    }
  }

  /** To the filters before a position that have not seen them. False if one of them keeps them. */
  private showRequestTrailers(trailers: HeaderBlock, to: number): boolean {
    const { chain, exchange, pass } = this;
    const entries = chain === null ? [] : chain.requestTrailers;
    for (let i = 0; i < entries.length; i++) {
      const { position, filter } = entries[i];
      if (position < this.trailersReach || position >= to) continue;
      this.trailersReach = position + 1;
      const config = routeConfig(entries[i], exchange);
      if (config === FILTER_DISABLED) continue;
      const status = filter.onRequestTrailers?.(exchange, trailers, config);
      if (this.pass !== pass) return true;
      if (status === STOP && to === ALL) return false;
    }
    return true;
  }

  /** Sends bytes on to the filters after this one, from a filter that has taken what came. */
  sendRequestData(filter: HttpFilter, buffer: ReadBuffer, start: number, end: number, endStream: boolean): void {
    const { chain, exchange } = this;
    if (chain === null) return;
    const from = positionOf(chain.requestData, filter) + 1;
    if (!showRequestData(chain, exchange, from, ALL, buffer, start, end, endStream)) return;
    if (endStream) this.owesRequest = false;
    exchange.router.onRequestData(buffer, start, end, endStream);
  }

  /** Ends a body that had no trailers with these, from a filter that has taken its end. */
  sendRequestTrailers(filter: HttpFilter, trailers: HeaderBlock): void {
    const { chain } = this;
    if (chain === null) return;
    this.trailersReach = positionOf(chain.requestTrailers, filter) + 1;
    this.passRequestTrailers(trailers);
  }

  /** What a filter has to add to trailers that it keeps. */
  addToTrailers(ofRequest: boolean, add: (trailers: HeaderBlock) => void): void {
    const trailers = ofRequest ? this.requestTrailers : (this.responseTrailers?.block ?? null);
    if (trailers !== null) add(trailers);
  }

  /** Trailers that a filter has kept go on. */
  continueRequestTrailers(): void {
    const { requestTrailers } = this;
    this.requestTrailers = null;
    if (requestTrailers !== null) this.passRequestTrailers(requestTrailers);
  }

  // The response

  onResponse(chain: FilterChain, endStream: boolean): void {
    const { exchange } = this;
    const { response } = chain;
    this.chain = chain;
    for (let i = 0; i < response.length; i++) {
      const config = routeConfig(response[i], exchange);
      if (config !== FILTER_DISABLED) response[i].filter.onResponse?.(exchange, config, endStream);
    }
  }

  onResponseData(buffer: ReadBuffer, start: number, end: number, endStream: boolean): void {
    const { chain } = this;
    if (chain !== null && chain.responseData.length > 0) this.showResponseData(chain, 0, buffer, start, end, endStream);
    else this.exchange.encodeResponseData(buffer, start, end, endStream);
  }

  private showResponseData(
    chain: FilterChain,
    from: number,
    buffer: ReadBuffer,
    start: number,
    end: number,
    endStream: boolean,
  ): void {
    const { exchange } = this;
    const { responseData } = chain;
    for (let i = from; i < responseData.length; i++) {
      const entry = responseData[i];
      if (routeConfig(entry, exchange) === FILTER_DISABLED) continue;
      if (entry.filter.onResponseData?.(exchange, buffer, start, end, endStream) === STOP) return;
    }
    exchange.encodeResponseData(buffer, start, end, endStream);
  }

  /** As `sendRequestData`. */
  sendResponseData(filter: HttpFilter, buffer: ReadBuffer, start: number, end: number, endStream: boolean): void {
    const { chain } = this;
    if (chain === null) return;
    const from = chain.responseData.findIndex((entry) => entry.filter === filter) + 1;
    this.showResponseData(chain, from, buffer, start, end, endStream);
  }

  onResponseTrailers(trailers: HeaderBlock): void {
    this.showResponseTrailers(trailers, 0);
  }

  private showResponseTrailers(trailers: HeaderBlock, from: number): void {
    const { chain, exchange } = this;
    const entries = chain === null ? [] : chain.responseTrailers;
    for (let i = from; i < entries.length; i++) {
      const config = routeConfig(entries[i], exchange);
      if (config === FILTER_DISABLED) continue;
      if (entries[i].filter.onResponseTrailers?.(exchange, trailers, config) !== STOP) continue;
      this.responseTrailers = kept(trailers, i + 1);
      return;
    }
    exchange.encodeResponseTrailers(trailers);
  }

  /** As `sendRequestTrailers`. */
  sendResponseTrailers(filter: HttpFilter, trailers: HeaderBlock): void {
    const { chain } = this;
    if (chain === null) return;
    this.showResponseTrailers(trailers, chain.responseTrailers.findIndex((entry) => entry.filter === filter) + 1);
  }

  continueResponseTrailers(): void {
    const { responseTrailers } = this;
    this.responseTrailers = null;
    if (responseTrailers !== null) this.showResponseTrailers(responseTrailers.block, responseTrailers.next);
  }

  /** What waits in a filter is too much: the upstream is not read until every pause has been taken back. */
  pauseResponse(): void {
    if (this.responsePauses++ === 0) this.exchange.router.pauseResponse();
  }

  resumeResponse(): void {
    if (this.responsePauses === 0 || --this.responsePauses > 0) return;
    if (this.exchange.encoder?.aboveWatermark === false) this.exchange.router.resumeResponse();
  }

  get pausesResponse(): boolean {
    return this.responsePauses > 0;
  }

  // The end

  /** What a filter does wrong here costs what it was to count or to tell, not the exchange, which ends with it. */
  complete(chain: FilterChain): void {
    const { exchange } = this;
    const { complete } = chain;
    for (let i = 0; i < complete.length; i++) {
      try {
        complete[i].filter.onComplete?.(exchange);
      } catch (error) {
        exchange.reportBug(error);
      }
    }
  }

  reset(): void {
    this.pass++;
    this.chain = null;
    this.asked = 0;
    this.reach = 0;
    this.holdLimitBytes = -1;
    this.held.clear();
    this.heldEnds = false;
    this.pausesRequest = false;
    this.states = null;
    this.trailersReach = 0;
    this.owesRequest = false;
    this.requestTrailers = null;
    this.responseTrailers = null;
    this.responsePauses = 0;
  }
}

/** Shows bytes to the filters from one position up to another. False if one of them has taken them, or has answered. */
function showRequestData(
  { requestData }: FilterChain,
  exchange: Exchange,
  from: number,
  to: number,
  buffer: ReadBuffer,
  start: number,
  end: number,
  endStream: boolean,
): boolean {
  for (let i = 0; i < requestData.length; i++) {
    const entry = requestData[i];
    if (entry.position < from || entry.position >= to || routeConfig(entry, exchange) === FILTER_DISABLED) continue;
    if (entry.filter.onRequestData?.(exchange, buffer, start, end, endStream) === STOP) return false;
  }
  return true;
}

function positionOf(entries: readonly FilterEntry[], filter: HttpFilter): number {
  return entries.find((entry) => entry.filter === filter)?.position ?? -1;
}

/** Trailers, and the first of the filters that have not seen them. */
interface KeptTrailers {
  readonly block: HeaderBlock;
  readonly next: number;
}

function kept(trailers: HeaderBlock, next: number): KeptTrailers {
  return { block: copied(trailers), next };
}

function copied(trailers: HeaderBlock): HeaderBlock {
  const block = new HeaderBlock();
  block.copyFrom(trailers);
  return block;
}
