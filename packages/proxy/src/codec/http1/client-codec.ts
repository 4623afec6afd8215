import type { HeaderBlock, HeaderCasing } from "../header-block.ts";
import { CONTENT_LENGTH, HeaderClass, UPGRADE } from "../header-names.ts";
import type {
  ByteSink,
  ClientCodec,
  ClientCodecHost,
  RequestEncoder,
  RequestHead,
  ResponseReceiver,
} from "../messages.ts";
import { ReadBuffer } from "../read-buffer.ts";
import { type BodyReceiver, BodyReader } from "./body-reader.ts";
import {
  BAD_FRAMING,
  CHUNKED,
  CLOSE_TOKEN,
  KEEP_ALIVE_TOKEN,
  UPGRADE_TOKEN,
  connectionTokens,
  messageLength,
} from "./framing.ts";
import { HeadReader } from "./head-reader.ts";
import { INCOMPLETE, scanStatusLine, startLine } from "./head-scanner.ts";
import { MessageWriter } from "./message-writer.ts";
import { type HeaderCase, ownCasing } from "./header-case.ts";
import { usuallyHasNoBody } from "./methods.ts";

export interface Http1ClientOptions {
  readonly maxResponseHeadersBytes: number;
  readonly maxResponseHeadersCount: number;
  readonly enableTrailers: boolean;
  readonly headerCase: HeaderCase;
}

/** Nothing is expected: whatever comes breaks the protocol. */
const IDLE = 0;
const HEAD = 1;
const BODY = 2;
/** The response is complete; whether the connection is free is known when the read is used up. */
const ENDED = 3;
const BROKEN = 4;

/** HTTP/1.1 as a client: one request out, its response in, then perhaps the next. */
export class Http1ClientCodec implements ClientCodec, RequestEncoder, BodyReceiver {
  private readonly host: ClientCodecHost;
  private readonly options: Http1ClientOptions;
  private readonly sink: ByteSink;
  private readonly writer: MessageWriter;
  private readonly heads: HeadReader;
  private readonly casing: HeaderCasing | null;
  private readonly body: BodyReader;
  private receiver: ResponseReceiver | null = null;
  private state = IDLE;
  private requestEnded = true;
  private isHead = false;
  private isConnect = false;
  /** The request wants another protocol to be spoken from the response on. */
  private asksSwitch = false;
  private wantsInterim = false;
  private reusable = true;
  /** Where the bytes of this read end. */
  private readEnd = 0;

  constructor(host: ClientCodecHost, sink: ByteSink, options: Http1ClientOptions) {
    this.host = host;
    this.options = options;
    this.sink = sink;
    this.writer = new MessageWriter(sink);
    this.heads = new HeadReader(scanStatusLine, options.headerCase);
    this.casing = ownCasing(options.headerCase);
    this.body = new BodyReader(this, options.maxResponseHeadersBytes, options.maxResponseHeadersCount);
  }

  get readingLongBody(): boolean {
    return this.state === BODY && this.body.long && !this.asksSwitch;
  }

  /** Begins an exchange. `passesInterim`: the first 1xx is wanted (`proxy_100_continue`). */
  start(receiver: ResponseReceiver, passesInterim: boolean): RequestEncoder {
    this.receiver = receiver;
    this.state = HEAD;
    this.requestEnded = false;
    this.reusable = true;
    this.wantsInterim = passesInterim;
    return this;
  }

  // RequestEncoder

  encodeHead(head: RequestHead, endStream: boolean): void {
    const { method, headers } = head;
    this.isHead = method === "HEAD";
    // Joined by "+": a template would ask each part whether it is a string.
    const target = method === "CONNECT" ? head.authority : head.path;
    const startLine = method + " " + target + " HTTP/1.1\r\n";
    let text = startLine + "host: " + head.authority + "\r\n" + headers.serialize();
    this.writer.start();
    this.asksSwitch = head.switchesProtocol;
    this.isConnect = method === "CONNECT";
    if (headers.slots[CONTENT_LENGTH] < 0 && !this.asksSwitch) {
      if (!endStream) {
        text += "transfer-encoding: chunked\r\n";
        this.writer.chunked = true;
      } else if (!usuallyHasNoBody(method)) text += "content-length: 0\r\n";
    }
    const casing = headers.casing ?? this.casing;
    if (casing !== null) text = startLine + casing.apply(text.slice(startLine.length));
    this.sink.writeText(text + "\r\n");
    this.receiver?.upstreamBytes.countHead(text.length - startLine.length, startLine.length + 2);
    this.requestEnded = endStream;
  }

  encodeData(buffer: ReadBuffer, start: number, end: number, endStream: boolean): void {
    this.countSent(this.writer.writeData(buffer, start, end, endStream));
    if (endStream) this.requestEnded = true;
  }

  encodeTrailers(trailers: HeaderBlock): void {
    const lines = this.options.enableTrailers ? trailers.serialize() : "";
    const written = this.writer.writeTrailers(lines);
    if (written > 0) this.receiver?.upstreamBytes.countHead(lines.length, written - lines.length);
    this.requestEnded = true;
  }

  private countSent(bytes: number): void {
    if (this.receiver !== null) this.receiver.upstreamBytes.wireSent += bytes;
  }

  cancel(): void {
    this.break(false);
  }

  pauseResponse(): void {
    this.host.pauseReading();
  }

  resumeResponse(): void {
    this.host.resumeReading();
  }

  receive(buffer: ReadBuffer, start: number, end: number): void {
    let i = start;
    this.readEnd = end;
    if (this.receiver !== null) this.receiver.upstreamBytes.wireReceived += end - start;
    while (i < end) {
      if (this.state === HEAD) {
        i = this.parseHead(buffer, i, end);
        if (i < 0) return;
      } else if (this.state === BODY) {
        i = this.body.read(buffer, i, end);
        if (i < 0) {
          this.break(true);
          return;
        }
      } else {
        // Bytes that no request asked for: never taken for the answer to the next one.
        if (this.state !== BROKEN) this.break(true);
        return;
      }
    }
    if (this.state === ENDED) this.release();
  }

  receiveEnd(): boolean {
    if (this.state === BODY && this.body.untilClose) {
      this.reusable = false;
      this.body.reset();
      this.readEnd = 0;
      this.onBodyData(EMPTY, 0, 0, true);
      return false;
    }
    if (this.state === IDLE || this.state === BROKEN) return false;
    const { receiver } = this;
    // Envoy: a head or a body cut short is a protocol error, no answer at all a termination.
    const protocolError = this.heads.pending || this.state === BODY;
    this.end();
    this.state = BROKEN;
    receiver?.onResponseReset(protocolError ? "protocol error" : "connection termination");
    return protocolError;
  }

  receiveFailure(): void {
    if (this.state === IDLE || this.state === BROKEN) return;
    const { receiver } = this;
    this.end();
    this.state = BROKEN;
    receiver?.onResponseReset("connection termination");
  }

  detach(): void {
    this.end();
    this.state = BROKEN;
  }

  private parseHead(buffer: ReadBuffer, i: number, end: number): number {
    const { receiver, options } = this;
    if (receiver === null) return -1;
    const head = receiver.response;
    const after = this.heads.read(
      buffer,
      i,
      end,
      head.headers,
      options.maxResponseHeadersBytes,
      options.maxResponseHeadersCount,
    );
    if (after === INCOMPLETE) return INCOMPLETE;
    if (after >= 0) receiver.upstreamBytes.countReceivedHead(head.headers.receivedBytes());
    if (after < 0 || !this.readHead(receiver, after)) {
      this.break(true);
      return -1;
    }
    return after;
  }

  /** False if the head breaks the protocol. @param after where it ends */
  private readHead(receiver: ResponseReceiver, after: number): boolean {
    const head = receiver.response;
    const { headers } = head;
    const { status, major, minor } = startLine;
    if (major !== 1 || minor > 1 || status < 100) return false;
    head.status = status;
    if ((headers.classes & HeaderClass.repeated) !== 0) headers.joinRepeated(false);
    const length = messageLength(headers, minor === 1, false);
    if (length === BAD_FRAMING) return false;
    if (this.asksSwitch && this.agreesToSwitch(status, headers)) {
      this.reusable = false;
      this.body.startUntilClose();
      this.state = BODY;
      receiver.onResponseHead(false);
      return true;
    }
    if (status < 200) {
      // 101 is for an upgrade, which was not asked for; no 1xx has a body.
      if (status === 101 || length > 0 || length === CHUNKED) return false;
      // Envoy `HeaderUtility::isSpecial1xx`; others are dropped.
      if (status === 100 || (status >= 102 && status <= 104)) {
        const wanted = this.wantsInterim;
        this.wantsInterim = false;
        receiver.onInterimResponse(status, headers, wanted);
      }
      // Whoever heard of it may have taken the request back.
      return this.receiver === receiver;
    }
    const connection = connectionTokens(headers);
    if ((connection & CLOSE_TOKEN) !== 0 || (minor === 0 && (connection & KEEP_ALIVE_TOKEN) === 0)) {
      this.reusable = false;
      this.host.onCloseNotify();
    }
    if (status === 204) {
      if (length > 0 || length === CHUNKED) return false;
      headers.remove(CONTENT_LENGTH);
    }
    const bodyless = this.isHead || status === 204 || status === 304;
    if (bodyless || length === 0) {
      this.finish(after);
      receiver.onResponseHead(true);
      return true;
    }
    if (length === CHUNKED) this.body.startChunked();
    else if (length > 0) this.body.startFixed(length);
    else this.body.startUntilClose();
    this.state = BODY;
    receiver.onResponseHead(false);
    return true;
  }

  private agreesToSwitch(status: number, headers: HeaderBlock): boolean {
    if (this.isConnect) return status >= 200 && status < 300;
    return status === 101 && headers.has(UPGRADE) && (connectionTokens(headers) & UPGRADE_TOKEN) !== 0;
  }

  onBodyData(buffer: ReadBuffer, start: number, end: number, last: boolean): void {
    const { receiver } = this;
    if (last) this.finish(end);
    receiver?.onResponseData(buffer, start, end, last);
  }

  onBodyTrailers(trailers: HeaderBlock, end: number): void {
    const { receiver } = this;
    if (receiver !== null) receiver.upstreamBytes.countReceivedHead(trailers.receivedBytes());
    this.finish(end);
    if (this.options.enableTrailers) receiver?.onResponseTrailers(trailers);
    else receiver?.onResponseData(EMPTY, 0, 0, true);
  }

  /**
   * The response is complete. If nothing follows it, the connection is free before the exchange hears of it: a pipelined
   * request takes the same one.
   * @param at where it ends in the bytes being read
   */
  private finish(at: number): void {
    this.reusable &&= this.requestEnded;
    this.end();
    this.state = ENDED;
    if (at === this.readEnd) this.release();
  }

  private release(): void {
    this.state = this.reusable ? IDLE : BROKEN;
    this.host.onExchangeEnd(this.reusable, !this.requestEnded);
  }

  private break(protocolError: boolean): void {
    if (this.state === BROKEN) return;
    const { receiver } = this;
    this.end();
    this.state = BROKEN;
    this.host.onBroken(protocolError);
    if (protocolError) receiver?.onResponseReset("protocol error");
  }

  private end(): void {
    this.receiver = null;
    this.heads.reset();
    this.body.reset();
  }
}

const EMPTY = new ReadBuffer(0);
