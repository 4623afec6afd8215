/**
 * The contract between a codec and what is above it, the same for every HTTP version. A codec turns bytes into these events
 * and these calls into bytes; it has no socket and no clock. Nothing above a codec knows which version it speaks.
 */
import type { JsonObject } from "@bufbuild/protobuf";
import type { BytesMeter } from "./bytes-meter.ts";
import { HeaderBlock } from "./header-block.ts";
import type { ReadBuffer } from "./read-buffer.ts";

/** As Envoy writes it (`%PROTOCOL%`). */
export type HttpProtocol = "HTTP/1.0" | "HTTP/1.1" | "HTTP/2";

/**
 * Also what matchers and header formats read: it has the shape of plan/request-views.ts's `RequestView`. A request that asks for another
 * protocol looks as in HTTP/1.1 whatever it came by: extended CONNECT (RFC 8441) is a GET with `upgrade`.
 */
export class RequestHead {
  method = "";
  path = "";
  authority = "";
  /** From the request target; "" until the connection manager has decided. */
  scheme = "";
  protocol: HttpProtocol = "HTTP/1.1";
  /** Whether the head names an authority: HTTP/1.1 without Host has none. */
  hasAuthority = false;
  /** The target was in absolute form. */
  absoluteForm = false;
  /** Protocol that the client wants to switch to ("" = none); `CONNECT` asks for a tunnel without naming one. */
  upgrade = "";
  /** The client's address as trusted proxies before us tell it; "" where it is the connection's peer. */
  forwardedFor = "";
  /** What is known of it beside the message, where it was routed: by namespace. */
  dynamicMetadata: Readonly<Record<string, JsonObject>> | null = null;
  readonly headers = new HeaderBlock();

  /** What follows the head is no HTTP, if the other side agrees: bytes both ways, until one side closes. */
  get switchesProtocol(): boolean {
    return this.upgrade !== "" || this.method === "CONNECT";
  }

  header(name: string): string | undefined {
    return this.headers.find(name);
  }

  someHeader(name: string, test: (value: string) => boolean): boolean | undefined {
    return this.headers.some(name, test);
  }

  /** Adds the value of each line of that name. */
  collect(name: string, values: string[]): void {
    this.headers.collect(name, values);
  }

  firstHeader(name: string): string | undefined {
    return this.headers.first(name);
  }

  /** Becomes a copy of another head. */
  copyFrom(other: RequestHead): void {
    this.method = other.method;
    this.path = other.path;
    this.authority = other.authority;
    this.scheme = other.scheme;
    this.protocol = other.protocol;
    this.hasAuthority = other.hasAuthority;
    this.absoluteForm = other.absoluteForm;
    this.upgrade = other.upgrade;
    this.headers.copyFrom(other.headers);
  }

  reset(): void {
    this.method = "";
    this.path = "";
    this.authority = "";
    this.scheme = "";
    this.protocol = "HTTP/1.1";
    this.hasAuthority = false;
    this.absoluteForm = false;
    this.upgrade = "";
    this.forwardedFor = "";
    this.dynamicMetadata = null;
    this.headers.reset();
  }
}

/** Also what matchers read of a response: it has the shape of plan/request-views.ts's `ResponseView`. */
export class ResponseHead {
  status = 0;
  readonly headers = new HeaderBlock();

  header(name: string): string | undefined {
    return this.headers.find(name);
  }

  someHeader(name: string, test: (value: string) => boolean): boolean | undefined {
    return this.headers.some(name, test);
  }

  reset(): void {
    this.status = 0;
    this.headers.reset();
  }
}

/** Why a codec refuses what it read; one object per reason, see http1/protocol-errors.ts. */
export interface ProtocolError {
  /** What the client is answered if it can still be answered. */
  readonly status: number;
  /** Envoy's response code details, such as `http1.codec_error`. */
  readonly details: string;
}

/** Why a request ended before its response did. */
export interface StreamReset {
  /** Envoy's response code details, such as `http2.remote_reset`. */
  readonly details: string;
  /** Who ended it: the client (Envoy's flag DR), we, as it broke the protocol (DPE), the connection that was lost (DC), or we for other reasons (none). */
  readonly cause: "client" | "protocol" | "connection" | "us";
}

/** Where a codec puts its bytes. They leave when the turn, or under load the round, ends: as few writes as possible. */
export interface ByteSink {
  /** Of what was written, what the network has not taken yet. */
  readonly waitingBytes: number;
  writeText(latin1: string): void;
  /** Takes bytes `start` to `end`; copies them if the buffer is shared. */
  writeBytes(buffer: ReadBuffer, start: number, end: number): void;
}

/** One request as it is decoded. `start` and `end` delimit the bytes in `buffer`; an empty piece may carry `endStream`. */
export interface RequestReceiver {
  /** Filled by the codec before `onRequestHead`. */
  readonly request: RequestHead;
  /** The codec counts here what it reads and writes for this request. */
  readonly downstreamBytes: BytesMeter;
  onRequestHead(endStream: boolean): void;
  onRequestData(buffer: ReadBuffer, start: number, end: number, endStream: boolean): void;
  /** Ends the request. */
  onRequestTrailers(trailers: HeaderBlock): void;
  /** The request is malformed; nothing more of it will come. */
  onRequestError(error: ProtocolError): void;
  /** It can neither be read nor answered any more. */
  onRequestReset(reset: StreamReset): void;
  /** What was written of the response waits: for the peer's window or for the connection. Then that it does not any more. */
  onDownstreamAboveWatermark(): void;
  onDownstreamBelowWatermark(): void;
}

/** The server's side of one request: its response. */
export interface ResponseEncoder {
  /** The receiver has been told that what it writes waits, and not yet that it does not. */
  readonly aboveWatermark: boolean;
  /** @param headers beside which nothing is said */
  encodeInterim(status: number, headers: HeaderBlock): void;
  /** A final response's head. What follows a HEAD request's is dropped. */
  encodeHead(head: ResponseHead, endStream: boolean): void;
  encodeData(buffer: ReadBuffer, start: number, end: number, endStream: boolean): void;
  encodeText(latin1: string, endStream: boolean): void;
  encodeTrailers(trailers: HeaderBlock): void;
  /** The response cannot be completed: the peer must notice. */
  abort(): void;
  /** Stops and restarts the flow of request data (calls are counted by the transport). */
  pauseRequest(): void;
  resumeRequest(): void;
}

/** The server's side of a connection: requests in, responses out; one at a time in HTTP/1, many in HTTP/2. */
export interface ServerCodec {
  /** No request is being read or answered. */
  readonly idle: boolean;
  /** Whether part of a request head has arrived, and not all of it. */
  readonly readingHead: boolean;
  /** A body longer than one read is coming. */
  readonly readingLongBody: boolean;
  /** Bytes from the socket. */
  receive(buffer: ReadBuffer, start: number, end: number): void;
  /** The connection closes after the response now or next being sent. HTTP/1 only: there it has to be said in that response. */
  closeAfterResponse(): void;
  /** The last exchange has been counted and logged: on with a request that had to wait. */
  readOn(): void;
  /** The connection is of no use any more: the requests under way end. */
  endAll(why: StreamReset): void;
  /** The transport has too much to write, or not any more. */
  onTransportAboveWatermark(): void;
  onTransportBelowWatermark(): void;
}

/** One response as it is decoded. */
export interface ResponseReceiver {
  /** Filled by the codec before `onResponseHead`. */
  readonly response: ResponseHead;
  /** The codec counts here what it reads and writes for this response's request. */
  readonly upstreamBytes: BytesMeter;
  /** Where no HTTP is spoken, and in HTTP/2: the end of the response does not end the request. */
  readonly keepsHalfOpen: boolean;
  /** A 1xx that says something of the response to come. @param wanted the first, where it is passed on */
  onInterimResponse(status: number, headers: HeaderBlock, wanted: boolean): void;
  onResponseHead(endStream: boolean): void;
  onResponseData(buffer: ReadBuffer, start: number, end: number, endStream: boolean): void;
  onResponseTrailers(trailers: HeaderBlock): void;
  /** The response will not be completed. */
  onResponseReset(reason: StreamResetReason): void;
  /** What was written of the request waits: for the peer's window or for the connection. Then that it does not any more. */
  onUpstreamAboveWatermark(): void;
  onUpstreamBelowWatermark(): void;
}

/** The client's side of one request, on an upstream connection. */
export interface RequestEncoder {
  encodeHead(head: RequestHead, endStream: boolean): void;
  encodeData(buffer: ReadBuffer, start: number, end: number, endStream: boolean): void;
  encodeTrailers(trailers: HeaderBlock): void;
  /** The exchange has no more interest: the response is dropped, and what the connection cannot do without it, with it. */
  cancel(): void;
  pauseResponse(): void;
  resumeResponse(): void;
}

/** The client's side of a connection: requests out, responses in; one at a time in HTTP/1, many in HTTP/2 (`MultiplexingClientCodec`). */
export interface ClientCodec {
  /** A body longer than one read is coming. */
  readonly readingLongBody: boolean;
  /** Begins an exchange. `expect100`: a 100 is passed on (`proxy_100_continue`), the first one; else 1xx are dropped, as Envoy does. */
  start(receiver: ResponseReceiver, expect100: boolean): RequestEncoder;
  /** Bytes from the socket. */
  receive(buffer: ReadBuffer, start: number, end: number): void;
  /** The peer has sent its last byte. Gives true if that cut a message short, which breaks the protocol. */
  receiveEnd(): boolean;
  /** The connection broke. @param byReset the peer has reset it */
  receiveFailure(byReset: boolean): void;
  /** Of exchanges that have a connection to themselves: who began it is told nothing any more. */
  detach(): void;
}

/** What a client codec needs of its connection. */
export interface ClientCodecHost {
  /** The response says that the connection closes after it. */
  onCloseNotify(): void;
  /** The response is over. `reusable`: the connection may take another request. `requestCut`: not all of the request has been sent. */
  onExchangeEnd(reusable: boolean, requestCut: boolean): void;
  /** The connection is of no use any more: the peer broke the protocol, or the exchange was cancelled. */
  onBroken(protocolError: boolean): void;
  pauseReading(): void;
  resumeReading(): void;
}

/**
 * The client's side of an HTTP/2 connection: many exchanges at a time. It has no clock and no socket: who owns it tells it what happens to the
 * connection, and counts time for keepalive and idleness. `receive`, `receiveEnd` and `receiveFailure` are as for every client codec; each
 * exchange under way hears of its end (`onResponseReset`).
 *
 * `start` gives one encoder per exchange. The stream is opened by `encodeHead`, which must follow before the turn ends; `cancel` before it costs
 * nothing. A response that ends before its request does ends both, unless its receiver keeps half of it open: what is still written is dropped,
 * and the peer is told (RST_STREAM).
 * @public
 */
export interface MultiplexingClientCodec extends ClientCodec {
  /** Exchanges begun by `start` that are not over. */
  readonly activeStreams: number;
  /**
   * How many exchanges may be under way at a time: the lesser of our option and what the peer's settings allow; before they have come, our option.
   * It may fall below `activeStreams`. Not enforced by `start`: the pool must not ask for more.
   */
  readonly maxStreams: number;
  /** No exchange may be started any more: GOAWAY, an error, or no stream ids are left. Those under way go on. */
  readonly draining: boolean;
  /** The connection is open: sends the preface and our settings. To be called first. */
  begin(): void;
  /** Asks for a sign of life: `onPong` follows. */
  ping(): void;
  /** Tells the peer that no more of its streams are taken (GOAWAY, NO_ERROR), before the connection is closed by us. */
  goAway(): void;
  /** The transport has too much to write, or not any more: each exchange under way is told (`onUpstreamAboveWatermark`). */
  onTransportAboveWatermark(): void;
  onTransportBelowWatermark(): void;
}

/**
 * What a multiplexing client codec needs of its connection. No call comes from within `start`.
 * @public
 */
export interface MultiplexingClientHost {
  /**
   * An exchange is over, in whatever way; its receiver hears of it next, or has heard: there may be room for another.
   * @param requestCut not all of the request had been sent
   */
  onStreamEnd(requestCut: boolean): void;
  /** The peer's settings have come, or have changed: `maxStreams` may be another. */
  onSettings(): void;
  /**
   * The peer takes no more requests here: `draining` from now on. What it has not begun with is reset next ("remote refused stream reset").
   * Called once. @param graceful by NO_ERROR
   */
  onGoAway(graceful: boolean): void;
  /**
   * The peer broke the protocol or sends too much of what costs us: the connection is to be closed after what has been written. Exchanges under way
   * hear of it ("protocol error") after this call. Called once.
   */
  onBroken(): void;
  /** A PING of ours has been answered. */
  onPong(): void;
}

/** Envoy's texts (`source/common/http/utility.cc`, `resetReasonToString`). */
export type StreamResetReason =
  | "remote connection failure"
  | "connection timeout"
  | "connection termination"
  | "protocol error"
  | "overflow"
  | "remote reset"
  /** The peer has not begun with it (REFUSED_STREAM, or a GOAWAY that does not cover it): it may be sent again. */
  | "remote refused stream reset"
  | "remote error with CONNECT request"
  | "local reset";
