import type { BytesMeter } from "../bytes-meter.ts";
import { HeaderBlock } from "../header-block.ts";
import { CONNECTION, CONTENT_LENGTH, UPGRADE } from "../header-names.ts";
import type {
  ByteSink,
  MultiplexingClientCodec,
  MultiplexingClientHost,
  RequestEncoder,
  RequestHead,
  ResponseReceiver,
  StreamReset,
  StreamResetReason,
} from "../messages.ts";
import type { ReadBuffer } from "../read-buffer.ts";
import { Http2Connection } from "./connection.ts";
import { MESSAGE_ERRORS } from "./errors.ts";
import { CLIENT_PREFACE, ErrorCode, MAX_STREAM_ID } from "./frames.ts";
import { RESPONSE, TRAILERS } from "./header-reader.ts";
import { PSEUDO_NAMES, Pseudo } from "./hpack/field.ts";
import type { Http2Options, Http2Stats } from "./options.ts";
import { Http2Stream, TRAILER_LINES } from "./stream.ts";

/** HTTP/2 as a client. */
export class Http2ClientCodec extends Http2Connection implements MultiplexingClientCodec {
  readonly host: MultiplexingClientHost;
  activeStreams = 0;
  private nextId = 1;
  private goneAway = false;

  constructor(host: MultiplexingClientHost, sink: ByteSink, options: Http2Options, stats: Http2Stats) {
    super(sink, options, stats, false);
    this.host = host;
  }

  begin(): void {
    this.writer.preface(CLIENT_PREFACE);
    this.sendSettings(false);
  }

  get maxStreams(): number {
    return Math.min(this.options.maxConcurrentStreams, this.peerMaxStreams);
  }

  get draining(): boolean {
    return this.failed || this.goneAway || this.nextId > MAX_STREAM_ID;
  }

  start(receiver: ResponseReceiver, expect100: boolean): RequestEncoder {
    this.activeStreams++;
    this.stats.streamsActive.value++;
    this.limits.streams++;
    return new Http2ClientStream(this, receiver, expect100);
  }

  /** The stream's request begins. */
  open(stream: Http2ClientStream): void {
    stream.id = this.nextId;
    this.nextId += 2;
    this.streams.set(stream.id, stream);
    if (this.transportAbove) stream.setAboveTransport(true);
  }

  goAway(): void {
    if (this.failed) return;
    this.goneAway = true;
    this.sendGoAway(0, ErrorCode.noError);
  }

  receiveEnd(): boolean {
    this.endAll("connection termination");
    return false;
  }

  receiveFailure(): void {
    this.endAll("connection termination");
  }

  detach(): void {
    // Its exchanges are cancelled one by one.
  }

  private endAll(reason: StreamResetReason): void {
    this.failed = true;
    for (const stream of this.streams.values()) this.endStream(stream, reason);
  }

  private endStream(stream: Http2Stream, reason: StreamResetReason): void {
    this.remove(stream);
    if (stream instanceof Http2ClientStream) stream.fail(reason);
  }

  protected isIdle(id: number): boolean {
    return id >= this.nextId || id % 2 === 0;
  }

  protected streamFor(id: number): Http2Stream | null {
    const stream = this.streams.get(id);
    if (stream !== undefined) return stream;
    if (this.isIdle(id)) this.fail("protocol", ErrorCode.protocol, "response HEADERS: stream in idle");
    return null;
  }

  protected onReadOver(): void {
    // Nothing has waited for it.
  }

  protected onSettings(): void {
    this.host.onSettings();
  }

  protected onPong(): void {
    this.host.onPong();
  }

  protected onGoAway(lastStreamId: number, code: number): void {
    const first = !this.goneAway;
    this.goneAway = true;
    if (first) this.host.onGoAway(code === ErrorCode.noError);
    for (const stream of this.streams.values()) {
      if (stream.id > lastStreamId) this.endStream(stream, "remote refused stream reset");
    }
  }

  protected onRemoved(stream: Http2Stream): void {
    this.activeStreams--;
    this.host.onStreamEnd(!stream.localEnded);
  }

  onFlushPending(): void {
    // Requests have deadlines.
  }

  messageError(stream: Http2Stream, error: string): void {
    const { stats, options } = this;
    if (error === MESSAGE_ERRORS.header || error === MESSAGE_ERRORS.messaging) {
      stats.rxMessagingError.value++;
      if (!options.streamErrorOnInvalidMessage) {
        this.fail("protocol", ErrorCode.protocol, error);
        return;
      }
      this.sendReset(stream, ErrorCode.protocol);
      this.endStream(stream, "protocol error");
      return;
    }
    if (error === MESSAGE_ERRORS.tooManyHeaders) stats.headerOverflow.value++;
    else stats.headersTooLarge.value++;
    this.resetByRule(stream, ErrorCode.internal);
  }

  /** To Envoy it looks as if the peer had done it. */
  protected resetByRule(stream: Http2Stream, code: number): void {
    this.sendReset(stream, code);
    this.endStream(stream, reasonOf(code));
  }

  protected onPeerReset(stream: Http2Stream, code: number): void {
    if (stream instanceof Http2ClientStream) stream.fail(reasonOf(code));
  }

  protected onFlooded(): void {
    // It ends with the others.
  }

  protected onFailure(): void {
    this.host.onBroken();
    this.endAll("protocol error");
  }
}

/** The client's side of one request. */
class Http2ClientStream extends Http2Stream implements RequestEncoder {
  private readonly codec: Http2ClientCodec;
  private receiver: ResponseReceiver | null;
  private wantsInterim: boolean;
  private headDone = false;
  private isHead = false;
  private isConnect = false;
  private upgrade = "";

  constructor(codec: Http2ClientCodec, receiver: ResponseReceiver, wantsInterim: boolean) {
    super(codec);
    this.codec = codec;
    this.receiver = receiver;
    this.wantsInterim = wantsInterim;
  }

  get meter(): BytesMeter | null {
    return this.receiver === null ? null : this.receiver.upstreamBytes;
  }

  // RequestEncoder

  encodeHead(head: RequestHead, endStream: boolean): void {
    if (this.closed) return;
    const { codec } = this;
    const { writer } = codec;
    const { headers, upgrade } = head;
    const isConnect = head.method === "CONNECT";
    this.isConnect = isConnect;
    this.isHead = head.method === "HEAD";
    this.upgrade = upgrade;
    codec.open(this);
    if (upgrade !== "" && headers.get(CONTENT_LENGTH) === "0") headers.remove(CONTENT_LENGTH);
    writer.beginBlock();
    writer.pseudo(Pseudo.method, METHOD_NAME, upgrade === "" ? head.method : "CONNECT");
    if (upgrade !== "") writer.pseudo(Pseudo.protocol, PROTOCOL_NAME, upgrade);
    if (!isConnect) writer.pseudo(Pseudo.scheme, SCHEME_NAME, head.scheme === "" ? "http" : head.scheme);
    writer.pseudo(Pseudo.authority, AUTHORITY_NAME, head.authority);
    if (!isConnect) writer.pseudo(Pseudo.path, PATH_NAME, head.path);
    writer.fields(headers);
    codec.sendBlock(this, endStream);
    if (!endStream) return;
    this.ending = true;
    this.endLocal();
  }

  encodeData(buffer: ReadBuffer, start: number, end: number, endStream: boolean): void {
    this.send(buffer, start, end, endStream);
  }

  encodeTrailers(trailers: HeaderBlock): void {
    this.sendTrailers(trailers);
  }

  protected onLocalEnd(): void {
    // The response is still to come.
  }

  cancel(): void {
    this.receiver = null;
    // What Envoy says to upstreams that it has no more interest in.
    this.cancelWith(ErrorCode.internal);
  }

  pauseResponse(): void {
    this.pause();
  }

  resumeResponse(): void {
    this.resume();
  }

  protected onAbove(): void {
    this.receiver?.onUpstreamAboveWatermark();
  }

  protected onBelow(): void {
    this.receiver?.onUpstreamBelowWatermark();
  }

  // Received

  get blockKind(): number {
    return this.headDone ? TRAILERS : RESPONSE;
  }

  get takesData(): boolean {
    return this.headDone;
  }

  blockFor(): HeaderBlock {
    if (this.headDone || this.receiver === null) return new HeaderBlock(TRAILER_LINES);
    const { headers } = this.receiver.response;
    headers.reset();
    return headers;
  }

  onBlock(endStream: boolean, block: HeaderBlock): void {
    const { receiver, codec } = this;
    const reader = codec.headers;
    if (receiver === null) return;
    if (this.headDone) {
      const complete = this.expectedLength < 0 || this.receivedLength === this.expectedLength;
      if (!reader.finishTrailers()) codec.messageError(this, reader.error);
      else if (!endStream || !complete) codec.messageError(this, MESSAGE_ERRORS.messaging);
      else {
        this.finish(receiver);
        receiver.onResponseTrailers(block);
      }
      return;
    }
    if (!reader.finishResponse(receiver.response)) codec.messageError(this, reader.error);
    else if (reader.status < 200) this.onInterim(receiver, reader.status, endStream);
    else this.onHead(receiver, reader.contentLength, endStream);
  }

  private onInterim(receiver: ResponseReceiver, status: number, endStream: boolean): void {
    if (endStream) this.codec.messageError(this, MESSAGE_ERRORS.messaging);
    // Envoy `HeaderUtility::isSpecial1xx`; others are dropped.
    else if (status === 100 || (status >= 102 && status <= 104)) {
      const wanted = this.wantsInterim;
      this.wantsInterim = false;
      receiver.onInterimResponse(status, receiver.response.headers, wanted);
    }
  }

  private onHead(receiver: ResponseReceiver, contentLength: number, endStream: boolean): void {
    const { response } = receiver;
    const { status } = response;
    this.expectedLength = this.isHead || status === 204 || status === 304 ? 0 : contentLength;
    // RFC 9110 §9.3.6: what follows is no body.
    if (this.isConnect && status >= 200 && status < 300) this.expectedLength = -1;
    if (endStream && this.expectedLength > 0) {
      this.codec.messageError(this, MESSAGE_ERRORS.messaging);
      return;
    }
    if (this.upgrade !== "" && status === 200) {
      // Envoy `Utility::transformUpgradeResponseFromH2toH1`.
      response.status = 101;
      response.headers.append(UPGRADE, this.upgrade);
      response.headers.append(CONNECTION, "upgrade");
    }
    this.headDone = true;
    if (endStream) this.finish(receiver);
    receiver.onResponseHead(endStream);
  }

  onData(buffer: ReadBuffer, start: number, end: number, endStream: boolean): void {
    const { receiver } = this;
    if (receiver === null || (end === start && !endStream)) return;
    if (endStream) this.finish(receiver);
    receiver.onResponseData(buffer, start, end, endStream);
  }

  /** The response is complete: the stream is free before its receiver hears of it. */
  private finish(receiver: ResponseReceiver): void {
    if (!this.localEnded && receiver.keepsHalfOpen) return;
    this.receiver = null;
    if (this.localEnded) this.codec.remove(this);
    else this.cancelWith(ErrorCode.internal);
  }

  /** It is gone. */
  fail(reason: StreamResetReason): void {
    const { receiver } = this;
    this.receiver = null;
    receiver?.onResponseReset(reason);
  }

  onReset(_reset: StreamReset): void {
    this.fail("remote reset");
  }
}

function reasonOf(code: number): StreamResetReason {
  if (code === ErrorCode.protocol) return "protocol error";
  if (code === ErrorCode.refusedStream) return "remote refused stream reset";
  return code === ErrorCode.connect ? "remote error with CONNECT request" : "remote reset";
}

const METHOD_NAME = PSEUDO_NAMES[Pseudo.method];
const SCHEME_NAME = PSEUDO_NAMES[Pseudo.scheme];
const AUTHORITY_NAME = PSEUDO_NAMES[Pseudo.authority];
const PATH_NAME = PSEUDO_NAMES[Pseudo.path];
const PROTOCOL_NAME = PSEUDO_NAMES[Pseudo.protocol];
