import type { HeaderBlock } from "../../codec/header-block.ts";
import { CONTENT_LENGTH } from "../../codec/header-names.ts";
import type { BufferPlan } from "../../plan/filters/buffer.ts";
import type { Exchange } from "../exchange.ts";
import { localReply } from "../local-replies.ts";
import { CONTINUE, type FilterStatus, type HttpFilter, STOP } from "./filter.ts";

const TOO_LARGE = localReply(413, "Payload Too Large", "", "request_payload_too_large");

/** A request that waits. */
interface Waiting {
  readonly limit: number;
  bytes: number;
}

/** Requests wait until they are complete: Envoy `source/extensions/filters/http/buffer/buffer_filter.cc`. */
export class BufferFilter implements HttpFilter {
  private readonly limit: BufferPlan;

  constructor(limit: BufferPlan) {
    this.limit = limit;
  }

  onRequest(exchange: Exchange, routeConfig: unknown): FilterStatus {
    const limit = routeConfig === null ? this.limit : (routeConfig as BufferPlan);
    if (limit === 0 || exchange.requestEnded || exchange.switchesProtocol) return CONTINUE;
    const waiting: Waiting = { limit, bytes: 0 };
    exchange.filters.keepState(this, waiting);
    exchange.filters.holdLimitBytes = limit;
    return STOP;
  }

  onRequestData(exchange: Exchange, _buffer: unknown, start: number, end: number, endStream: boolean): FilterStatus {
    const waiting = exchange.filters.stateOf(this) as Waiting | undefined;
    if (waiting === undefined) return CONTINUE;
    waiting.bytes += end - start;
    if (waiting.bytes > waiting.limit) {
      exchange.connection?.closeAfterResponse();
      exchange.reply(TOO_LARGE);
      return STOP;
    }
    if (endStream) this.letGo(exchange, waiting);
    return CONTINUE;
  }

  onRequestTrailers(exchange: Exchange, _trailers: HeaderBlock): FilterStatus {
    const waiting = exchange.filters.stateOf(this) as Waiting | undefined;
    if (waiting !== undefined) this.letGo(exchange, waiting);
    return CONTINUE;
  }

  private letGo(exchange: Exchange, { bytes }: Waiting): void {
    const { headers } = exchange.request;
    if (!headers.has(CONTENT_LENGTH)) headers.append(CONTENT_LENGTH, String(bytes));
    exchange.filters.continueRequest();
  }
}
