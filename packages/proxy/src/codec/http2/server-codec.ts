import type { BytesMeter } from "../bytes-meter.ts";
import { HeaderBlock } from "../header-block.ts";
import { CONTENT_LENGTH } from "../header-names.ts";
import type {
  HttpProtocol,
  ByteSink,
  RequestReceiver,
  ResponseEncoder,
  ResponseHead,
  StreamReset,
} from "../messages.ts";
import { ReadBuffer } from "../read-buffer.ts";
import { Http2Connection } from "./connection.ts";
import {
  BY_RULE,
  CONNECTION_BROKEN,
  EMPTY_FRAMES,
  MESSAGE_ERRORS,
  REMOTE_REFUSED,
  REMOTE_RESET,
  reset,
} from "./errors.ts";
import { CLIENT_PREFACE, ErrorCode, MAX_STREAM_ID } from "./frames.ts";
import { REQUEST, TRAILERS } from "./header-reader.ts";
import { PSEUDO_NAMES, Pseudo } from "./hpack/field.ts";
import type { Http2Options, Http2Stats } from "./options.ts";
import type { Failure } from "./output.ts";
import { Http2Stream, TRAILER_LINES } from "./stream.ts";

/** What a server codec needs of its connection. */
export interface Http2ServerHost {
  /** What the messages are that it carries. */
  readonly messageProtocol: HttpProtocol;
  /** A request begins. The codec fills `request` of what it gets. */
  onRequestStart(encoder: ResponseEncoder): RequestReceiver;
  /** A stream has gone, whatever became of it. */
  onStreamEnd(): void;
  /** All of a response has been encoded, and its stream's window does not let it go. It may wait for ever: see `expireFlush`. */
  onFlushPending(stream: FlushingStream): void;
  /** The client broke the protocol, or sends too much of what costs us: the connection is to be closed after what has been written. Called once. */
  onBroken(failure: Failure): void;
  onUnderscore(rejected: boolean): void;
  /** A PING of ours has been answered. */
  onPong(): void;
}

/** A response that waits for its client. */
export interface FlushingStream {
  /** It has left, or is not wanted any more. */
  readonly closed: boolean;
  /** It has waited too long; a no-op if it is over. */
  expireFlush(): void;
}

/** HTTP/2 as a server. */
export class Http2ServerCodec extends Http2Connection {
  readonly host: Http2ServerHost;
  /** What is left of the preface to come. */
  private preface = CLIENT_PREFACE.length;
  private prefaceFailed = false;
  /** Streams that were answered before their requests had been read. */
  private readonly answered: Http2Stream[] = [];
  /** GOAWAY has been sent with an id: later streams are not taken. −1: not yet. */
  private lastTaken = -1;

  constructor(host: Http2ServerHost, sink: ByteSink, options: Http2Options, stats: Http2Stats) {
    super(sink, options, stats, true);
    this.host = host;
    this.sendSettings(true);
  }

  /** No request is being read or answered. */
  get idle(): boolean {
    return this.streams.size === 0;
  }

  override receive(buffer: ReadBuffer, start: number, end: number): void {
    if (this.preface > 0) {
      start = this.readPreface(buffer.bytes, start, end);
      if (this.prefaceFailed) return;
    }
    super.receive(buffer, start, end);
  }

  private readPreface(bytes: Buffer, i: number, end: number): number {
    while (this.preface > 0 && i < end) {
      if (bytes[i] !== CLIENT_PREFACE.charCodeAt(CLIENT_PREFACE.length - this.preface)) {
        this.prefaceFailed = true;
        this.fail("protocol", ErrorCode.protocol, "bad client magic byte string");
        return i;
      }
      i++;
      this.preface--;
    }
    return i;
  }

  /** Says that the connection is going to be drained; requests that are on their way are still taken. */
  announceDrain(): void {
    if (!this.failed && this.lastTaken < 0) this.sendGoAway(MAX_STREAM_ID, ErrorCode.noError);
  }

  /** No request is taken any more but those that have begun. */
  goAway(): void {
    if (this.failed || this.lastTaken >= 0) return;
    this.lastTaken = this.lastPeerStream;
    this.sendGoAway(this.lastPeerStream, ErrorCode.noError);
  }

  protected isIdle(id: number): boolean {
    return id > this.lastPeerStream || id % 2 === 0;
  }

  protected streamFor(id: number): Http2Stream | null {
    const open = this.streams.get(id);
    if (open !== undefined) {
      this.stats.trailers.value++;
      return open;
    }
    if (id % 2 === 0) {
      this.fail("protocol", ErrorCode.protocol, "request HEADERS: invalid stream_id");
      return null;
    }
    // Of a stream that is over, or that a GOAWAY of ours has not covered.
    if (id <= this.lastPeerStream || (this.lastTaken >= 0 && id > this.lastTaken)) return null;
    this.lastPeerStream = id;
    this.limits.streams++;
    if (this.streams.size >= this.options.maxConcurrentStreams) {
      // Once it has agreed to the limit there is no excuse.
      if (this.settingsAcknowledged) {
        this.fail("protocol", ErrorCode.protocol, "request HEADERS: max concurrent streams exceeded");
        return null;
      }
      this.stats.streamRefusedErrors.value++;
      this.writeReset(id, ErrorCode.refusedStream);
      return null;
    }
    const stream = new Http2ServerStream(this);
    stream.id = id;
    this.streams.set(id, stream);
    this.stats.streamsActive.value++;
    if (this.transportAbove) stream.setAboveTransport(true);
    stream.begin();
    return stream;
  }

  /** What is still to come of the request is of no use: the client is told so, unless it has come by then. */
  onAnswered(stream: Http2Stream): void {
    if (this.reading) this.answered.push(stream);
    else stream.cancelWith(ErrorCode.noError);
  }

  protected onReadOver(): void {
    const { answered } = this;
    for (let i = 0; i < answered.length; i++) answered[i].cancelWith(ErrorCode.noError);
    answered.length = 0;
  }

  protected onSettings(): void {
    // Nothing here depends on them.
  }

  protected onGoAway(): void {
    // It is about streams of ours, of which there are none (Envoy takes no notice either).
  }

  protected onPong(): void {
    this.host.onPong();
  }

  protected onRemoved(): void {
    this.host.onStreamEnd();
  }

  onFlushPending(stream: Http2Stream): void {
    this.host.onFlushPending(stream);
  }

  messageError(stream: Http2Stream, error: string): void {
    const { stats, options } = this;
    if (error === MESSAGE_ERRORS.header || error === MESSAGE_ERRORS.messaging) {
      stats.rxMessagingError.value++;
      if (options.streamErrorOnInvalidMessage) stream.cancelWith(ErrorCode.protocol);
      else this.remove(stream);
      stream.onReset(reset(error, "protocol"));
      if (!options.streamErrorOnInvalidMessage) this.fail("protocol", ErrorCode.protocol, error);
      return;
    }
    if (error === MESSAGE_ERRORS.tooManyHeaders) stats.headerOverflow.value++;
    else if (error === MESSAGE_ERRORS.headersTooLarge) stats.headersTooLarge.value++;
    // Envoy logs these as if the client had done it (DR).
    stream.cancelWith(ErrorCode.internal);
    stream.onReset(reset(error, "client"));
  }

  protected resetByRule(stream: Http2Stream, code: number): void {
    stream.cancelWith(code);
    stream.onReset(BY_RULE);
  }

  protected onPeerReset(stream: Http2Stream, code: number): void {
    stream.onReset(code === ErrorCode.refusedStream ? REMOTE_REFUSED : REMOTE_RESET);
  }

  protected onFlooded(stream: Http2Stream): void {
    this.remove(stream);
    stream.onReset(EMPTY_FRAMES);
  }

  protected onFailure(failure: Failure, details: string): void {
    const why =
      failure === "protocol" ? CONNECTION_BROKEN : reset(`codec_error:${details.replaceAll(" ", "_")}`, "protocol");
    this.host.onBroken(failure);
    this.endAll(why);
  }

  /** The connection is lost, or is to be closed: no stream can go on. */
  endAll(why: StreamReset): void {
    this.failed = true;
    for (const stream of this.streams.values()) {
      this.remove(stream);
      stream.onReset(why);
    }
  }
}

/** The server's side of one request. */
class Http2ServerStream extends Http2Stream implements ResponseEncoder {
  private readonly codec: Http2ServerCodec;
  private receiver: RequestReceiver | null = null;
  private headDone = false;
  private isHead = false;
  private isUpgrade = false;
  /** What is encoded after the head is dropped: there is no body. */
  private dropsBody = false;

  constructor(codec: Http2ServerCodec) {
    super(codec);
    this.codec = codec;
  }

  begin(): void {
    this.receiver = this.codec.host.onRequestStart(this);
    this.receiver.request.protocol = this.codec.host.messageProtocol;
  }

  get meter(): BytesMeter | null {
    return this.receiver === null ? null : this.receiver.downstreamBytes;
  }

  // Received

  get blockKind(): number {
    return this.headDone ? TRAILERS : REQUEST;
  }

  get takesData(): boolean {
    return this.headDone;
  }

  blockFor(): HeaderBlock {
    if (this.receiver === null) return new HeaderBlock(TRAILER_LINES);
    return this.headDone ? new HeaderBlock(TRAILER_LINES) : this.receiver.request.headers;
  }

  onBlock(endStream: boolean, block: HeaderBlock): void {
    const { receiver, codec } = this;
    const reader = codec.headers;
    if (reader.dropped > 0) {
      const rejected = reader.error === MESSAGE_ERRORS.underscore;
      for (let i = 0; i < reader.dropped; i++) codec.host.onUnderscore(rejected);
    }
    if (receiver === null) return;
    if (this.headDone) {
      const complete = this.expectedLength < 0 || this.receivedLength === this.expectedLength;
      if (!reader.finishTrailers()) codec.messageError(this, reader.error);
      else if (!endStream || !complete) codec.messageError(this, MESSAGE_ERRORS.messaging);
      else receiver.onRequestTrailers(block);
      return;
    }
    const { request } = receiver;
    if (!reader.finishRequest(request)) {
      codec.messageError(this, reader.error);
      return;
    }
    this.expectedLength = reader.contentLength;
    if (endStream && this.expectedLength > 0) {
      codec.messageError(this, MESSAGE_ERRORS.messaging);
      return;
    }
    this.headDone = true;
    this.isHead = request.method === "HEAD";
    this.isUpgrade = request.upgrade !== "";
    receiver.onRequestHead(endStream);
  }

  onData(buffer: ReadBuffer, start: number, end: number, endStream: boolean): void {
    if (end > start || endStream) this.receiver?.onRequestData(buffer, start, end, endStream);
  }

  onReset(why: StreamReset): void {
    const { receiver } = this;
    this.receiver = null;
    receiver?.onRequestReset(why);
  }

  protected onAbove(): void {
    this.receiver?.onDownstreamAboveWatermark();
  }

  protected onBelow(): void {
    this.receiver?.onDownstreamBelowWatermark();
  }

  // ResponseEncoder

  encodeInterim(status: number, headers: HeaderBlock): void {
    if (this.closed || this.ending) return;
    this.writeHead(status, headers, false);
  }

  encodeHead(head: ResponseHead, endStream: boolean): void {
    if (this.closed || this.ending) return;
    const { headers } = head;
    let { status } = head;
    if (this.isUpgrade && status === 101) {
      // Envoy `Utility::transformUpgradeResponseFromH1toH2`.
      status = 200;
      if (headers.slots[CONTENT_LENGTH] >= 0 && headers.get(CONTENT_LENGTH) === "0") headers.remove(CONTENT_LENGTH);
    }
    const ends = endStream || this.isHead || status === 204 || status === 304;
    this.dropsBody = ends;
    this.writeHead(status, headers, ends);
    if (endStream) this.receiver = null;
    if (!ends) return;
    this.ending = true;
    this.endLocal();
  }

  private writeHead(status: number, headers: HeaderBlock, endStream: boolean): void {
    const { writer } = this.codec;
    writer.beginBlock();
    writer.pseudo(Pseudo.status, STATUS_NAME, status === 200 ? "200" : String(status));
    writer.fields(headers);
    this.codec.sendBlock(this, endStream);
  }

  encodeData(buffer: ReadBuffer, start: number, end: number, endStream: boolean): void {
    if (!this.dropsBody) this.send(buffer, start, end, endStream);
    if (endStream) this.receiver = null;
  }

  encodeText(latin1: string, endStream: boolean): void {
    if (this.dropsBody || this.closed || this.ending) {
      if (endStream) this.receiver = null;
      return;
    }
    const buffer = new ReadBuffer(latin1.length);
    buffer.bytes.write(latin1, "latin1");
    this.send(buffer, 0, latin1.length, endStream);
    if (endStream) this.receiver = null;
  }

  encodeTrailers(trailers: HeaderBlock): void {
    if (!this.dropsBody) this.sendTrailers(trailers);
    this.receiver = null;
  }

  protected onLocalEnd(): void {
    this.codec.onAnswered(this);
  }

  abort(): void {
    this.receiver = null;
    this.cancelWith(ErrorCode.internal);
  }

  pauseRequest(): void {
    this.pause();
  }

  resumeRequest(): void {
    this.resume();
  }
}

const STATUS_NAME = PSEUDO_NAMES[Pseudo.status];
