import type { HeaderBlock } from "./header-block.ts";
import type {
  ByteSink,
  ClientCodec,
  ClientCodecHost,
  RequestEncoder,
  RequestHead,
  ResponseReceiver,
} from "./messages.ts";
import { ReadBuffer } from "./read-buffer.ts";

/** What a tunnel needs of its connection beside what every codec does. */
export interface TunnelHost extends ClientCodecHost {
  /** Nothing more is going to be written. */
  endWriting(): void;
  /** Nothing is read for now, and again. */
  holdReading(): void;
  releaseReading(): void;
  /** Both sides have said their last byte. @param byUs ours was the last */
  onTunnelOver(byUs: boolean): void;
}

/** A read of so many bytes is taken for part of a long transfer. */
const LONG_READ_BYTES = 16 * 1024;

/**
 * No HTTP towards the upstream: what follows a request's head goes as it is, and what comes back is the body of a response that begins when
 * the connection is there. Envoy `source/extensions/upstreams/http/tcp/upstream_request.cc`, and `source/common/tcp_proxy/upstream.cc` for
 * connections that had no request to begin with.
 */
export class TunnelCodec implements ClientCodec, RequestEncoder {
  private readonly host: TunnelHost;
  private readonly sink: ByteSink;
  private receiver: ResponseReceiver | null = null;
  private requestEnded = false;
  /** Each direction ends by itself. Set before `start`. */
  keepsHalfOpen = false;
  private responseEnded = false;
  private lastRead = 0;
  /** Somebody is there, or was. */
  private started = false;
  /** What came before that: no more than one read. */
  private held: ReadBuffer | null = null;
  private heldBytes = 0;

  constructor(host: TunnelHost, sink: ByteSink) {
    this.host = host;
    this.sink = sink;
  }

  get readingLongBody(): boolean {
    return this.lastRead >= LONG_READ_BYTES;
  }

  start(receiver: ResponseReceiver): RequestEncoder {
    this.receiver = receiver;
    this.started = true;
    return this;
  }

  /** The request has its connection: the response begins. */
  open(): void {
    const { receiver } = this;
    if (receiver === null) return;
    receiver.response.status = 200;
    receiver.onResponseHead(false);
    const { held } = this;
    if (held === null) return;
    this.held = null;
    this.host.releaseReading();
    this.receive(held, 0, this.heldBytes);
  }

  // RequestEncoder

  encodeHead(_head: RequestHead, endStream: boolean): void {
    if (endStream) this.endRequest();
  }

  encodeData(buffer: ReadBuffer, start: number, end: number, endStream: boolean): void {
    if (this.receiver !== null) this.receiver.upstreamBytes.wireSent += end - start;
    if (end > start) this.sink.writeBytes(buffer, start, end);
    if (endStream) this.endRequest();
  }

  encodeTrailers(_trailers: HeaderBlock): void {
    this.endRequest();
  }

  private endRequest(): void {
    if (this.requestEnded) return;
    this.requestEnded = true;
    this.host.endWriting();
    if (!this.responseEnded) return;
    this.receiver = null;
    this.host.onTunnelOver(true);
  }

  /** One direction has ended, the other goes on. */
  get isHalfOpen(): boolean {
    return this.responseEnded && this.receiver !== null;
  }

  detach(): void {
    this.receiver = null;
  }

  cancel(): void {
    if (this.receiver === null) return;
    this.receiver = null;
    this.host.onBroken(false);
  }

  pauseResponse(): void {
    this.host.pauseReading();
  }

  resumeResponse(): void {
    this.host.resumeReading();
  }

  // From the socket

  receive(buffer: ReadBuffer, start: number, end: number): void {
    const { receiver } = this;
    if (!this.started) this.hold(buffer, start, end);
    if (receiver === null) return;
    this.lastRead = end - start;
    receiver.upstreamBytes.wireReceived += end - start;
    receiver.onResponseData(buffer, start, end, false);
  }

  /** The server speaks first, on a connection that nobody has needed yet. */
  private hold(buffer: ReadBuffer, start: number, end: number): void {
    const { held, heldBytes } = this;
    this.heldBytes = heldBytes + end - start;
    this.held = new ReadBuffer(this.heldBytes);
    held?.bytes.copy(this.held.bytes, 0, 0, heldBytes);
    buffer.bytes.copy(this.held.bytes, heldBytes, start, end);
    if (held === null) this.host.holdReading();
  }

  /** A tunnel does not outlive either direction, except that a request may have been complete before. */
  receiveEnd(): boolean {
    const { receiver } = this;
    if (receiver === null) return false;
    if (this.keepsHalfOpen && !this.requestEnded) {
      this.responseEnded = true;
      receiver.onResponseData(EMPTY, 0, 0, true);
      return false;
    }
    this.receiver = null;
    if (this.requestEnded) this.host.onTunnelOver(false);
    else this.host.onBroken(false);
    receiver.onResponseData(EMPTY, 0, 0, true);
    return false;
  }

  receiveFailure(byReset: boolean): void {
    const { receiver } = this;
    this.receiver = null;
    receiver?.onResponseReset(this.keepsHalfOpen && byReset ? "remote reset" : "connection termination");
  }
}

const EMPTY = new ReadBuffer(0);
