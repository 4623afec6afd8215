import { BytesMeter } from "../../codec/bytes-meter.ts";
import { Http1ClientCodec, type Http1ClientOptions } from "../../codec/http1/client-codec.ts";
import { type ClientCodecHost, RequestHead, ResponseHead, type ResponseReceiver } from "../../codec/messages.ts";
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

/** Sends a request and looks at the status of its response. Source: Envoy `source/extensions/health_checkers/http/health_checker_impl.cc`. */
export class HttpProbe implements ProbeConnection, TransportHandler, ClientCodecHost, ResponseReceiver {
  readonly response = new ResponseHead();
  readonly upstreamBytes = new BytesMeter();
  private readonly plan: HttpProbePlan;
  private readonly owner: ProbeOwner;
  private readonly reuse: boolean;
  private readonly transport: Transport;
  private readonly codec: Http1ClientCodec;
  private readonly request = new RequestHead();
  private connected = false;
  private over = false;
  /** A response is awaited. */
  private waiting = false;
  /** After the response the connection can take another request. */
  private reusable = false;

  constructor(
    plan: HttpProbePlan,
    owner: ProbeOwner,
    net: NetContext,
    open: OpenSocket,
    security: TransportSecurity | null,
    preamble: Preamble | null,
    options: Http1ClientOptions & { readonly reuseConnection: boolean; readonly authority: string },
  ) {
    this.plan = plan;
    this.owner = owner;
    this.reuse = options.reuseConnection;
    this.transport = new Transport(net, this, UNCOUNTED, HIGH_WATERMARK, open, null, security, preamble);
    this.codec = new Http1ClientCodec(this, this.transport, options);
    const { request } = this;
    request.method = plan.method;
    request.path = plan.path;
    request.authority = options.authority;
    for (const [name, value] of plan.headers) request.headers.appendNamed(name, value);
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
    this.transport.destroy();
  }

  giveUp(): void {
    this.close();
  }

  private send(): void {
    this.response.reset();
    this.reusable = false;
    this.codec.start(this, false).encodeHead(this.request, true);
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

  onResponseHead(endStream: boolean): void {
    if (endStream) this.onResponseEnd();
  }

  onResponseData(_buffer: ReadBuffer, _start: number, _end: number, endStream: boolean): void {
    if (endStream) this.onResponseEnd();
  }

  onResponseTrailers(): void {
    this.onResponseEnd();
  }

  onResponseReset(): void {
    this.fail("network");
  }

  private onResponseEnd(): void {
    this.waiting = false;
    if (!this.reuse || !this.reusable) this.close();
    judge(this.plan, this.response, this.owner);
  }

  // ClientCodecHost

  /** Comes before the end of the response, unless more bytes follow it, which are none of ours. */
  onCloseNotify(): void {
    // The connection is not asked for another probe.
  }

  onExchangeEnd(reusable: boolean): void {
    this.reusable = reusable;
  }

  onBroken(): void {
    this.fail("network");
  }

  pauseReading(): void {
    this.transport.pauseReading();
  }

  resumeReading(): void {
    this.transport.resumeReading();
  }
}
