import { BytesMeter } from "../../codec/bytes-meter.ts";
import type { HeaderBlock } from "../../codec/header-block.ts";
import { Http2ClientCodec } from "../../codec/http2/client-codec.ts";
import type { Http2Options, Http2Stats } from "../../codec/http2/options.ts";
import {
  type MultiplexingClientHost,
  type RequestEncoder,
  RequestHead,
  ResponseHead,
  type ResponseReceiver,
} from "../../codec/messages.ts";
import type { ReadBuffer } from "../../codec/read-buffer.ts";
import type { OpenSocket } from "../../net/accepted-socket.ts";
import type { NetContext } from "../../net/context.ts";
import {
  type Preamble,
  Transport,
  type TransportHandler,
  type TransportSecurity,
  UNCOUNTED,
} from "../../net/transport.ts";
import type { HttpProbePlan } from "../../plan/cluster-plan.ts";
import { judge } from "./http-verdict.ts";
import type { ProbeConnection, ProbeFailure, ProbeOwner } from "./probe.ts";

const HIGH_WATERMARK = 65_536;

export interface Http2ProbeOptions {
  readonly http2: Http2Options;
  readonly http2Stats: () => Http2Stats;
  readonly reuseConnection: boolean;
  readonly authority: string;
}

/** A connection that speaks HTTP/2, with one probe on it at a time; what answers come to is for those who extend it. */
export abstract class Http2Probe
  implements ProbeConnection, TransportHandler, MultiplexingClientHost, ResponseReceiver
{
  readonly response = new ResponseHead();
  readonly upstreamBytes = new BytesMeter();
  protected readonly request = new RequestHead();
  protected readonly owner: ProbeOwner;
  /** Of the request; null: it has none. */
  protected body: ReadBuffer | null = null;
  protected bodyBytes = 0;
  private readonly reuse: boolean;
  private readonly transport: Transport;
  private readonly codec: Http2ClientCodec;
  private encoder: RequestEncoder | null = null;
  private connected = false;
  private over = false;
  /** A verdict is awaited. */
  private waiting = false;
  private goneAway = false;

  constructor(
    owner: ProbeOwner,
    net: NetContext,
    open: OpenSocket,
    security: TransportSecurity | null,
    preamble: Preamble | null,
    { http2, http2Stats, reuseConnection, authority }: Http2ProbeOptions,
  ) {
    this.owner = owner;
    this.reuse = reuseConnection;
    this.transport = new Transport(net, this, UNCOUNTED, HIGH_WATERMARK, open, null, security, preamble);
    this.codec = new Http2ClientCodec(this, this.transport, http2, http2Stats());
    this.request.authority = authority;
    this.request.scheme = security === null ? "http" : "https";
    this.transport.awaitConnect();
  }

  get closed(): boolean {
    return this.over;
  }

  probe(): void {
    this.waiting = true;
    if (this.connected) this.send();
  }

  close(): void {
    if (this.over) return;
    this.over = true;
    this.waiting = false;
    // Nothing more is heard of it.
    this.encoder?.cancel();
    this.encoder = null;
    this.transport.destroy();
  }

  giveUp(): void {
    this.close();
  }

  protected send(): void {
    const { body, bodyBytes, request } = this;
    this.response.reset();
    this.encoder = this.codec.start(this, false);
    this.encoder.encodeHead(request, body === null);
    if (body !== null) this.encoder.encodeData(body, 0, bodyBytes, true);
  }

  /** The verdict is known. @param cut although the answer is not over: no more of it is wanted */
  protected settle(cut: boolean): void {
    this.waiting = false;
    if (cut) this.encoder?.cancel();
    this.encoder = null;
    if (!this.reuse || this.goneAway || !this.connected) this.close();
  }

  private fail(failure: ProbeFailure): void {
    const { waiting } = this;
    this.close();
    if (waiting) this.owner.onFailed(failure);
  }

  // TransportHandler

  onConnect(): void {
    if (this.over) return;
    this.connected = true;
    this.codec.begin();
    this.transport.start();
    this.send();
  }

  onRead(buffer: ReadBuffer, length: number): void {
    if (!this.over) this.codec.receive(buffer, 0, length);
  }

  onEnd(): void {
    if (this.over) return;
    this.codec.receiveEnd();
    this.fail("network");
  }

  onClose(): void {
    this.fail("network");
  }

  onAboveWatermark(): void {
    // A probe's request is small.
  }

  onBelowWatermark(): void {
    // As above.
  }

  onUpstreamAboveWatermark(): void {
    // As above.
  }

  onUpstreamBelowWatermark(): void {
    // As above.
  }

  // ResponseReceiver

  onInterimResponse(): void {
    // Nothing waits for it.
  }

  abstract onResponseHead(endStream: boolean): void;
  abstract onResponseData(buffer: ReadBuffer, start: number, end: number, endStream: boolean): void;
  abstract onResponseTrailers(trailers: HeaderBlock): void;

  /** The connection may be of use all the same. */
  onResponseReset(): void {
    const { waiting } = this;
    this.settle(false);
    if (waiting) this.owner.onFailed("network");
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
    this.goneAway = true;
    if (!graceful) this.fail("network");
    else if (!this.waiting) this.close();
  }

  onBroken(): void {
    this.fail("network");
  }

  onPong(): void {
    // It is not asked for.
  }
}

/** Sends a request over HTTP/2 and looks at the status of its response. */
export class HttpOverHttp2Probe extends Http2Probe {
  private readonly plan: HttpProbePlan;

  constructor(
    plan: HttpProbePlan,
    owner: ProbeOwner,
    net: NetContext,
    open: OpenSocket,
    security: TransportSecurity | null,
    preamble: Preamble | null,
    options: Http2ProbeOptions,
  ) {
    super(owner, net, open, security, preamble, options);
    this.plan = plan;
    const { request } = this;
    request.method = plan.method;
    request.path = plan.path;
    for (const [name, value] of plan.headers) request.headers.appendNamed(name, value);
  }

  onResponseHead(endStream: boolean): void {
    if (endStream) this.onResponseEnd();
  }

  onResponseData(_buffer: ReadBuffer, _start: number, _end: number, endStream: boolean): void {
    if (endStream) this.onResponseEnd();
  }

  onResponseTrailers(): void {
    this.onResponseEnd();
  }

  private onResponseEnd(): void {
    this.settle(false);
    judge(this.plan, this.response, this.owner);
  }
}
