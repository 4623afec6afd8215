import type { HeaderBlock } from "../../codec/header-block.ts";
import {
  ACCEPT_ENCODING,
  CACHE_CONTROL,
  CONTENT_ENCODING,
  CONTENT_LENGTH,
  CONTENT_TYPE,
  ETAG,
  VARY,
} from "../../codec/header-names.ts";
import type { ReadBuffer } from "../../codec/read-buffer.ts";
import type { NetContext } from "../../net/context.ts";
import type { CompressedBodies, CompressorPlan, RouteCompressorPlan } from "../../plan/filters/compressor.ts";
import type { Counter, StatsRegistry } from "../../stats/index.ts";
import type { Exchange } from "../exchange.ts";
import { type EncodingChoice, chooseEncoding } from "./accept-encoding.ts";
import { compression } from "./compression.ts";
import { Recoding, type RecodingMeter } from "./recoding.ts";
import { CONTINUE, type FilterContext, type FilterStatus, type HttpFilter, STOP } from "./filter.ts";

/** What there is to know of one exchange; under the filter. */
interface State {
  /** Null: the client has not said. */
  readonly accepted: string | null;
  compression: Recoding | null;
}

/** All compressors that an exchange has passed, in the order of the configuration; under this key. */
const PASSED: HttpFilter = {};

/** Compresses responses, and requests: Envoy `source/extensions/filters/http/compressor/compressor_filter.cc`. */
export class CompressorFilter implements HttpFilter {
  private readonly plan: CompressorPlan;
  private readonly turn: NetContext["turn"];
  private readonly stats: Stats;
  /** What is kept of the request, where the filter itself stands for the response. */
  private readonly ofRequest: HttpFilter = {};

  constructor(plan: CompressorPlan, { stats, statPrefix, net }: FilterContext) {
    this.plan = plan;
    this.turn = net.turn;
    this.stats = new Stats(`http.${statPrefix}.${plan.statPrefix}`, plan.responsePrefix, stats);
  }

  onRequest(exchange: Exchange, routeConfig: unknown): FilterStatus {
    const { plan } = this;
    const { filters, request } = exchange;
    const { headers } = request;
    const route = routeConfig as RouteCompressorPlan | null;
    this.compressRequest(exchange);
    if (!isEnabled(plan, route)) return CONTINUE;
    const state: State = {
      accepted: headers.has(ACCEPT_ENCODING) ? headers.get(ACCEPT_ENCODING) : null,
      compression: null,
    };
    filters.keepState(this, state);
    const passed = filters.stateOf(PASSED) as CompressorPlan[] | undefined;
    if (passed === undefined) filters.keepState(PASSED, [plan]);
    else passed.push(plan);
    if (route?.removeAcceptEncoding ?? plan.removeAcceptEncoding) headers.remove(ACCEPT_ENCODING);
    return CONTINUE;
  }

  private compressRequest(exchange: Exchange): void {
    const { plan, stats } = this;
    const { headers } = exchange.request;
    const { request } = plan;
    const compresses =
      request !== null &&
      request.enabled.value &&
      !exchange.requestEnded &&
      !exchange.switchesProtocol &&
      isLongEnough(request, headers, stats.request) &&
      isOfType(request, headers) &&
      !headers.has(CONTENT_ENCODING);
    if (!compresses) {
      stats.request.notCompressed.value++;
      return;
    }
    stats.request.compressed.value++;
    headers.remove(CONTENT_LENGTH);
    headers.set(CONTENT_ENCODING, plan.encoding);
    const recoding = new Recoding(this, exchange, this.turn, compression(plan.compression), stats.request, true);
    exchange.filters.keepState(this.ofRequest, recoding);
  }

  onRequestData(exchange: Exchange, buffer: ReadBuffer, start: number, end: number, endStream: boolean): FilterStatus {
    const recoding = this.requestOf(exchange);
    if (recoding === undefined) return CONTINUE;
    recoding.write(buffer, start, end, endStream);
    return STOP;
  }

  onRequestTrailers(exchange: Exchange, trailers: HeaderBlock): FilterStatus {
    const recoding = this.requestOf(exchange);
    return recoding === undefined || recoding.endsWithTrailers(trailers) ? CONTINUE : STOP;
  }

  private requestOf(exchange: Exchange): Recoding | undefined {
    return exchange.filters.stateOf(this.ofRequest) as Recoding | undefined;
  }

  onResponse(exchange: Exchange, routeConfig: unknown, endStream: boolean): void {
    const { plan, stats } = this;
    const { headers } = exchange.response;
    const state = (exchange.filters.stateOf(this) as State | undefined) ?? null;
    const enabled =
      isEnabled(plan, routeConfig as RouteCompressorPlan | null) && isLongEnough(plan, headers, stats.response);
    const compressible = enabled && this.isCompressible(exchange);
    if (!endStream && enabled && this.isWanted(exchange, state) && compressible && state !== null) {
      this.weakenEtag(headers);
      headers.remove(CONTENT_LENGTH);
      headers.set(CONTENT_ENCODING, plan.encoding);
      stats.response.compressed.value++;
      const recoder = compression(plan.compression);
      state.compression = new Recoding(this, exchange, this.turn, recoder, stats.response, false);
    } else stats.response.notCompressed.value++;
    // For caches: another client may be given another form.
    if (compressible) addVary(headers);
  }

  onResponseData(exchange: Exchange, buffer: ReadBuffer, start: number, end: number, endStream: boolean): FilterStatus {
    const compression = this.compressionOf(exchange);
    if (compression === null) return CONTINUE;
    compression.write(buffer, start, end, endStream);
    return STOP;
  }

  onResponseTrailers(exchange: Exchange, trailers: HeaderBlock): FilterStatus {
    const compression = this.compressionOf(exchange);
    return compression === null || compression.endsWithTrailers(trailers) ? CONTINUE : STOP;
  }

  onComplete(exchange: Exchange): void {
    this.compressionOf(exchange)?.stop();
    this.requestOf(exchange)?.stop();
  }

  private compressionOf(exchange: Exchange): Recoding | null {
    const state = exchange.filters.stateOf(this) as State | undefined;
    return state === undefined ? null : state.compression;
  }

  private isCompressible({ response, switchesProtocol }: Exchange): boolean {
    const { plan, stats } = this;
    const { headers, status } = response;
    if (switchesProtocol || !isOfType(plan, headers)) return false;
    if (headers.get(CACHE_CONTROL).toLowerCase().includes("no-transform")) return false;
    if (plan.disableOnEtag && headers.has(ETAG)) {
      stats.notCompressedEtag.value++;
      return false;
    }
    return !headers.has(CONTENT_ENCODING) && !plan.uncompressibleStatuses.includes(status);
  }

  private isWanted(exchange: Exchange, state: State | null): boolean {
    const { plan, stats } = this;
    if (state === null || state.accepted === null) {
      stats.noAcceptHeader.value++;
      return false;
    }
    const { headers } = exchange.response;
    const passed = (exchange.filters.stateOf(PASSED) as readonly CompressorPlan[] | undefined) ?? [];
    const choice = chooseEncoding(
      state.accepted,
      passed.filter((each) => isOfType(each, headers)),
    );
    const wanted = choice.encoding === plan.encoding;
    stats.countChoice(choice, wanted);
    return wanted;
  }

  /** Of the compressed form the strong validator does not hold. */
  private weakenEtag(headers: HeaderBlock): void {
    const etag = headers.get(ETAG);
    if (etag === "" || etag.startsWith("W/") || etag.startsWith("w/")) return;
    if (this.plan.weakenEtag) headers.set(ETAG, `W/${etag}`);
    else headers.remove(ETAG);
  }
}

function isEnabled({ enabled }: CompressorPlan, route: RouteCompressorPlan | null): boolean {
  return route?.enabled ?? enabled.value;
}

/** What does not say how long it is may be long. */
function isLongEnough({ minContentLength }: CompressedBodies, headers: HeaderBlock, stats: DirectionStats): boolean {
  if (!headers.has(CONTENT_LENGTH) || Number(headers.get(CONTENT_LENGTH)) >= minContentLength) return true;
  stats.contentLengthTooSmall.value++;
  return false;
}

function isOfType({ contentTypes }: CompressedBodies, headers: HeaderBlock): boolean {
  if (!headers.has(CONTENT_TYPE)) return true;
  const value = headers.get(CONTENT_TYPE);
  const semicolon = value.indexOf(";");
  return contentTypes.has((semicolon < 0 ? value : value.slice(0, semicolon)).trim().toLowerCase());
}

function addVary(headers: HeaderBlock): void {
  const before = headers.get(VARY);
  if (before === "") headers.set(VARY, "Accept-Encoding");
  else if (!before.includes("Accept-Encoding")) headers.set(VARY, `${before}, Accept-Encoding`);
}

class DirectionStats implements RecodingMeter {
  readonly compressed: Counter;
  readonly notCompressed: Counter;
  readonly contentLengthTooSmall: Counter;
  private readonly uncompressedBytes: Counter;
  private readonly compressedBytes: Counter;

  constructor(prefix: string, registry: StatsRegistry) {
    const counter = (name: string): Counter => registry.counter(prefix + name);
    this.compressed = counter("compressed");
    this.notCompressed = counter("not_compressed");
    this.contentLengthTooSmall = counter("content_length_too_small");
    this.uncompressedBytes = counter("total_uncompressed_bytes");
    this.compressedBytes = counter("total_compressed_bytes");
  }

  onBytes(taken: number, made: number): void {
    this.uncompressedBytes.value += taken;
    this.compressedBytes.value += made;
  }
}

class Stats {
  readonly request: DirectionStats;
  readonly response: DirectionStats;
  readonly noAcceptHeader: Counter;
  readonly notCompressedEtag: Counter;
  private readonly identity: Counter;
  private readonly used: Counter;
  private readonly wildcard: Counter;
  private readonly overshadowed: Counter;
  private readonly notValid: Counter;

  constructor(prefix: string, response: string, registry: StatsRegistry) {
    const counter = (name: string): Counter => registry.counter(prefix + name);
    this.request = new DirectionStats(`${prefix}request.`, registry);
    this.response = new DirectionStats(prefix + response, registry);
    this.noAcceptHeader = counter("no_accept_header");
    this.notCompressedEtag = counter("not_compressed_etag");
    this.identity = counter("header_identity");
    this.used = counter("header_compressor_used");
    this.wildcard = counter("header_wildcard");
    this.overshadowed = counter("header_compressor_overshadowed");
    this.notValid = counter("header_not_valid");
  }

  countChoice({ because }: EncodingChoice, wanted: boolean): void {
    if (because === "not-valid") this.notValid.value++;
    else if (because === "identity") this.identity.value++;
    else if (because === "wildcard") this.wildcard.value++;
    else if (wanted) this.used.value++;
    else this.overshadowed.value++;
  }
}
