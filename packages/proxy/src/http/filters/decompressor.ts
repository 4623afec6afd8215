import type { HeaderBlock } from "../../codec/header-block.ts";
import { ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH } from "../../codec/header-names.ts";
import type { ReadBuffer } from "../../codec/read-buffer.ts";
import type { NetContext } from "../../net/context.ts";
import type { DecompressorPlan, DirectionPlan } from "../../plan/filters/decompressor.ts";
import type { Counter, StatsRegistry } from "../../stats/index.ts";
import type { Exchange } from "../exchange.ts";
import { Decompression } from "./decompression.ts";
import { CONTINUE, type FilterContext, type FilterStatus, type HttpFilter, STOP } from "./filter.ts";
import { Recoding, type RecodingMeter } from "./recoding.ts";

/** What there is of one exchange; under the filter. */
interface State {
  request: Recoding | null;
  response: Recoding | null;
}

/** Bodies go on without their compression: Envoy `source/extensions/filters/http/decompressor/decompressor_filter.cc`. */
export class DecompressorFilter implements HttpFilter {
  private readonly plan: DecompressorPlan;
  private readonly turn: NetContext["turn"];
  private readonly request: Stats;
  private readonly response: Stats;

  constructor(plan: DecompressorPlan, { stats, statPrefix, net }: FilterContext) {
    this.plan = plan;
    this.turn = net.turn;
    const prefix = `http.${statPrefix}.${plan.statPrefix}`;
    this.request = new Stats(`${prefix}request.`, stats);
    this.response = new Stats(`${prefix}response.`, stats);
  }

  onRequest(exchange: Exchange): FilterStatus {
    const { plan } = this;
    const { headers } = exchange.request;
    // The upstream may compress, whatever the client understands.
    if (plan.advertises && plan.response.enabled.value) headers.set(ACCEPT_ENCODING, plan.accepting(headers.get(ACCEPT_ENCODING))); // prettier-ignore
    const ends = exchange.requestEnded && !exchange.switchesProtocol;
    const recoding = this.begin(exchange, headers, plan.request, this.request, ends, true);
    if (recoding !== null) this.stateOf(exchange).request = recoding;
    return CONTINUE;
  }

  onRequestData(exchange: Exchange, buffer: ReadBuffer, start: number, end: number, endStream: boolean): FilterStatus {
    return passOn(this.known(exchange)?.request, buffer, start, end, endStream);
  }

  onRequestTrailers(exchange: Exchange, trailers: HeaderBlock): FilterStatus {
    return endOf(this.known(exchange)?.request, trailers);
  }

  onResponse(exchange: Exchange, _: unknown, endStream: boolean): void {
    const { headers } = exchange.response;
    const recoding = this.begin(exchange, headers, this.plan.response, this.response, endStream, false);
    if (recoding !== null) this.stateOf(exchange).response = recoding;
  }

  onResponseData(exchange: Exchange, buffer: ReadBuffer, start: number, end: number, endStream: boolean): FilterStatus {
    return passOn(this.known(exchange)?.response, buffer, start, end, endStream);
  }

  onResponseTrailers(exchange: Exchange, trailers: HeaderBlock): FilterStatus {
    return endOf(this.known(exchange)?.response, trailers);
  }

  onComplete(exchange: Exchange): void {
    const state = this.known(exchange);
    state?.request?.stop();
    state?.response?.stop();
  }

  /** Null: what comes goes on as it is. */
  private begin(
    exchange: Exchange,
    headers: HeaderBlock,
    direction: DirectionPlan,
    stats: Stats,
    ends: boolean,
    ofRequest: boolean,
  ): Recoding | null {
    if (ends) return null;
    const encodings = headers.get(CONTENT_ENCODING);
    const comma = encodings.indexOf(",");
    const outer = (comma < 0 ? encodings : encodings.slice(0, comma)).trim();
    const { decompression } = this.plan;
    if (
      !direction.enabled.value ||
      outer.toLowerCase() !== decompression.encoding ||
      (!direction.ignoresNoTransform && headers.get(CACHE_CONTROL).toLowerCase().includes("no-transform"))
    ) {
      stats.notDecompressed.value++;
      return null;
    }
    stats.decompressed.value++;
    headers.remove(CONTENT_LENGTH);
    if (comma < 0) headers.remove(CONTENT_ENCODING);
    else headers.set(CONTENT_ENCODING, encodings.slice(comma + 1).trim());
    return new Recoding(this, exchange, this.turn, new Decompression(decompression), stats, ofRequest);
  }

  private known(exchange: Exchange): State | undefined {
    return exchange.filters.stateOf(this) as State | undefined;
  }

  private stateOf(exchange: Exchange): State {
    const known = this.known(exchange);
    if (known !== undefined) return known;
    const state: State = { request: null, response: null };
    exchange.filters.keepState(this, state);
    return state;
  }
}

function passOn(
  recoding: Recoding | null | undefined,
  buffer: ReadBuffer,
  start: number,
  end: number,
  endStream: boolean,
): FilterStatus {
  if (recoding === null || recoding === undefined) return CONTINUE;
  recoding.write(buffer, start, end, endStream);
  return STOP;
}

function endOf(recoding: Recoding | null | undefined, trailers: HeaderBlock): FilterStatus {
  return recoding === null || recoding === undefined || recoding.endsWithTrailers(trailers) ? CONTINUE : STOP;
}

class Stats implements RecodingMeter {
  readonly decompressed: Counter;
  readonly notDecompressed: Counter;
  private readonly compressedBytes: Counter;
  private readonly uncompressedBytes: Counter;

  constructor(prefix: string, registry: StatsRegistry) {
    this.decompressed = registry.counter(`${prefix}decompressed`);
    this.notDecompressed = registry.counter(`${prefix}not_decompressed`);
    this.compressedBytes = registry.counter(`${prefix}total_compressed_bytes`);
    this.uncompressedBytes = registry.counter(`${prefix}total_uncompressed_bytes`);
  }

  onBytes(taken: number, made: number): void {
    this.compressedBytes.value += taken;
    this.uncompressedBytes.value += made;
  }
}
