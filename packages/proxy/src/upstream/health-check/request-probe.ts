import { BytesMeter } from "../../codec/bytes-meter.ts";
import type { HeaderBlock } from "../../codec/header-block.ts";
import { Http1ClientCodec, type Http1ClientOptions } from "../../codec/http1/client-codec.ts";
import { Http2ClientCodec } from "../../codec/http2/client-codec.ts";
import type { Http2Options, Http2Stats } from "../../codec/http2/options.ts";
import {
  type ClientCodec,
  type ClientCodecHost,
  type MultiplexingClientHost,
  type RequestEncoder,
  RequestHead,
  ResponseHead,
  type ResponseReceiver,
} from "../../codec/messages.ts";
import { ReadBuffer } from "../../codec/read-buffer.ts";
import type { ProbeHeaders } from "../../plan/cluster-plan.ts";
import { ConnectionProbe, type ProbeTarget } from "./connection-probe.ts";
import type { ProbeOwner } from "./probe.ts";

export interface ProbeRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: ProbeHeaders;
  /** Null: it has none. */
  readonly body: Uint8Array | null;
}

export interface RequestProbeOptions {
  readonly http1: Http1ClientOptions;
  /** Null: requests go over HTTP/1.1. */
  readonly http2: Http2Options | null;
  readonly http2Stats: () => Http2Stats;
  readonly reuseConnection: boolean;
  readonly authority: string;
}

/** A connection that speaks HTTP; what an answer comes to is for those who extend it. */
export abstract class RequestProbe
  extends ConnectionProbe
  implements ClientCodecHost, MultiplexingClientHost, ResponseReceiver
{
  readonly keepsHalfOpen = false;
  readonly response = new ResponseHead();
  readonly upstreamBytes = new BytesMeter();
  private readonly request = new RequestHead();
  private readonly body: ReadBuffer | null;
  private readonly bodyBytes: number;
  private readonly reuse: boolean;
  private readonly codec: ClientCodec;
  /** The codec, where it speaks HTTP/2. */
  private readonly http2: Http2ClientCodec | null;
  private encoder: RequestEncoder | null = null;
  /** The connection can take another request than the present one. */
  private usable = false;

  constructor(
    { method, path, headers, body }: ProbeRequest,
    owner: ProbeOwner,
    target: ProbeTarget,
    { http1, http2, http2Stats, reuseConnection, authority }: RequestProbeOptions,
  ) {
    super(owner, target);
    this.reuse = reuseConnection;
    const { transport, request } = this;
    this.http2 = http2 === null ? null : new Http2ClientCodec(this, transport, http2, http2Stats());
    this.codec = this.http2 ?? new Http1ClientCodec(this, transport, http1);
    request.method = method;
    request.path = path;
    request.authority = authority;
    request.scheme = target.security === null ? "http" : "https";
    for (const [name, value] of headers) request.headers.appendNamed(name, value);
    this.body = body === null ? null : new ReadBuffer(body.length);
    this.bodyBytes = body === null ? 0 : body.length;
    if (body !== null) this.body?.bytes.set(body);
  }

  protected override begin(): void {
    if (this.http2 === null) return;
    this.http2.begin();
    this.usable = true;
  }

  protected send(): void {
    const { body, bodyBytes, request } = this;
    this.response.reset();
    if (this.http2 === null) this.usable = false;
    this.encoder = this.codec.start(this, false);
    this.encoder.encodeHead(request, body === null);
    if (body !== null) this.encoder.encodeData(body, 0, bodyBytes, true);
  }

  protected receive(buffer: ReadBuffer, length: number): void {
    this.codec.receive(buffer, 0, length);
  }

  /** The verdict is known. @param cut although the answer is not over: no more of it is wanted */
  protected settle(cut: boolean): void {
    this.waiting = false;
    if (cut) this.encoder?.cancel();
    this.encoder = null;
    if (!this.reuse || !this.usable) this.close();
  }

  override close(): void {
    const { encoder } = this;
    this.waiting = false;
    this.encoder = null;
    // Nothing more is heard of it.
    encoder?.cancel();
    super.close();
  }

  override onEnd(): void {
    if (!this.closed) this.codec.receiveEnd();
    super.onEnd();
  }

  // ResponseReceiver

  abstract onResponseHead(endStream: boolean): void;
  abstract onResponseData(buffer: ReadBuffer, start: number, end: number, endStream: boolean): void;
  abstract onResponseTrailers(trailers: HeaderBlock): void;

  onInterimResponse(): void {
    // Nothing waits for it.
  }

  /** Over HTTP/2 the connection may be of use all the same. */
  onResponseReset(): void {
    const { waiting } = this;
    this.settle(false);
    if (waiting) this.owner.onFailed("network");
  }

  onUpstreamAboveWatermark(): void {
    // A request is small.
  }

  onUpstreamBelowWatermark(): void {
    // As above.
  }

  // ClientCodecHost

  onCloseNotify(): void {
    // `onExchangeEnd` says so, too.
  }

  /** Comes before the end of the response, unless more bytes follow it, which are none of ours. */
  onExchangeEnd(reusable: boolean): void {
    this.usable = reusable;
  }

  onBroken(): void {
    this.fail();
  }

  pauseReading(): void {
    this.transport.pauseReading();
  }

  resumeReading(): void {
    this.transport.resumeReading();
  }

  // MultiplexingClientHost

  onStreamEnd(): void {
    // There is one at a time.
  }

  onSettings(): void {
    // As above.
  }

  /** What is under way may still end well, unless something has gone wrong. */
  onGoAway(graceful: boolean): void {
    this.usable = false;
    if (!graceful) this.fail();
    else if (!this.waiting) this.close();
  }

  onPong(): void {
    // It is not asked for.
  }
}
