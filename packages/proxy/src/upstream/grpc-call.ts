import type { ClientHttp2Stream, IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http2";
import { Timer, type TimerOwner } from "../clock/timer-wheel.ts";
import { PREFIX_BYTES, grpcFrame } from "../codec/grpc/frames.ts";
import type { NetContext } from "../net/context.ts";

export interface GrpcRequest {
  readonly authority: string;
  /** `/package.Service/Method` */
  readonly path: string;
  /** As `grpc-timeout` says it; "" for none. */
  readonly timeout: string;
  /** 0 for none. */
  readonly timeoutMs: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly message: Uint8Array;
}

/** What a connection carries: a call, or a stream of messages. */
export interface CarriedCall {
  readonly headers: OutgoingHttpHeaders;
  /** There is a connection. */
  begin(stream: ClientHttp2Stream): void;
  /** There is none to be had. */
  fail(outcome: number): void;
  onHeaders(headers: IncomingHttpHeaders): void;
  onData(bytes: Buffer): void;
  onTrailers(trailers: IncomingHttpHeaders): void;
  /** All that will come has come. */
  onStreamClosed(): void;
}

/** Who has a call, before the caller hears of it. */
export interface GrpcCallOwner {
  /** An answer has begun. @param grpcStatus "" unless it has ended, too */
  onCallAnswered(status: number, grpcStatus: string): void;
  /** @param outcome the answer's status, or one of the outcomes below */
  onCallEnd(call: CarriedCall, outcome: number): void;
}

/** What gRPC's libraries take. */
const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;

/** In Envoy's order, and its scheme whatever the connection. (Envoy `source/common/grpc/common.cc`, prepareHeaders) */
export function grpcHeaders({
  authority,
  path,
  timeout,
  headers,
}: Pick<GrpcRequest, "authority" | "path" | "timeout" | "headers">): OutgoingHttpHeaders {
  return {
    ":method": "POST",
    ":path": path,
    ":authority": authority,
    ":scheme": "http",
    te: "trailers",
    ...(timeout === "" ? {} : { "grpc-timeout": timeout }),
    "content-type": "application/grpc",
    ...headers,
  };
}

/** One unary call: a message there, a message back, a status. */
export class GrpcCall implements CarriedCall, TimerOwner {
  readonly headers: OutgoingHttpHeaders;
  private readonly frame: Buffer;
  /** Null: it waits for a connection. */
  private stream: ClientHttp2Stream | null = null;
  private readonly net: NetContext;
  private readonly owner: GrpcCallOwner;
  private readonly onEnd: (message: Uint8Array | null) => void;
  private readonly timer = new Timer(this, 0);
  private httpStatus = 0;
  private grpcStatus = "";
  private readonly pieces: Buffer[] = [];
  private bytes = 0;
  private over = false;

  constructor(
    net: NetContext,
    owner: GrpcCallOwner,
    request: GrpcRequest,
    onEnd: (message: Uint8Array | null) => void,
  ) {
    const { timeoutMs } = request;
    this.net = net;
    this.owner = owner;
    this.onEnd = onEnd;
    this.headers = grpcHeaders(request);
    this.frame = grpcFrame(request.message);
    if (timeoutMs > 0) net.timers.arm(this.timer, net.turn.now, timeoutMs);
  }

  begin(stream: ClientHttp2Stream): void {
    this.stream = stream;
    stream.end(this.frame);
  }

  /** Nobody wants to know any more. */
  cancel(): void {
    if (this.over) return;
    this.finish(CANCELLED);
    this.stream?.close(CANCEL);
  }

  onTimer(): void {
    if (this.over) return;
    this.finish(this.httpStatus === 0 ? TIMED_OUT : LATE);
    this.stream?.close(CANCEL);
    this.onEnd(null);
  }

  fail(outcome: number): void {
    if (this.over) return;
    this.finish(outcome);
    this.onEnd(null);
  }

  onHeaders(headers: IncomingHttpHeaders): void {
    this.httpStatus = Number(headers[":status"] ?? 0);
    this.readStatus(headers);
    if (!this.over) this.owner.onCallAnswered(this.httpStatus, this.grpcStatus);
  }

  onTrailers(trailers: IncomingHttpHeaders): void {
    this.readStatus(trailers);
  }

  private readStatus(headers: IncomingHttpHeaders): void {
    const status = headers["grpc-status"];
    if (typeof status === "string") this.grpcStatus = status;
  }

  onData(bytes: Buffer): void {
    this.bytes += bytes.length;
    if (this.bytes > PREFIX_BYTES + MAX_MESSAGE_BYTES) this.stream?.close(CANCEL);
    else this.pieces.push(bytes);
  }

  onStreamClosed(): void {
    if (this.over) return;
    this.finish(this.httpStatus === 0 ? FAILED : this.httpStatus);
    this.onEnd(this.grpcStatus === "0" && this.httpStatus === 200 ? this.message() : null);
  }

  /** The last whole one; null where there is none, or a compressed one. (Envoy `source/common/grpc/async_client_impl.cc`, onData) */
  private message(): Uint8Array | null {
    // cold: once an answer, which has one piece
    const all = this.pieces.length === 1 ? this.pieces[0] : Buffer.concat(this.pieces);
    let last: Uint8Array | null = null;
    for (let at = 0; at + PREFIX_BYTES <= all.length;) {
      const length = all.readUInt32BE(at + 1);
      const end = at + PREFIX_BYTES + length;
      if (length > 0 && all[at] !== 0) return null;
      if (end > all.length) break;
      last = all.subarray(at + PREFIX_BYTES, end);
      at = end;
    }
    return last;
  }

  private finish(outcome: number): void {
    this.over = true;
    this.net.timers.disarm(this.timer);
    this.owner.onCallEnd(this, outcome);
  }
}

/** Outcomes other than an answer's status: by the caller's will; an answer that does not end in time; none in time; none at all; by a limit. */
export const CANCELLED = 0;
export const LATE = -1;
export const TIMED_OUT = -2;
export const FAILED = -3;
export const OVERFLOW = -4;
/** Of HTTP/2's error codes. (RFC 9113, §7) */
export const CANCEL = 8;
