import { CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderClass, UPGRADE } from "../header-names.ts";
import type { HeaderBlock, HeaderCasing } from "../header-block.ts";
import type {
  ByteSink,
  ProtocolError,
  RequestHead,
  RequestReceiver,
  ResponseEncoder,
  ResponseHead,
  ServerCodec,
  StreamReset,
} from "../messages.ts";
import { ReadBuffer } from "../read-buffer.ts";
import { type BodyReceiver, BodyReader } from "./body-reader.ts";
import { CR, LF } from "./characters.ts";
import {
  BAD_CONNECTION,
  BAD_FRAMING,
  CHUNKED,
  CLOSE_TOKEN,
  KEEP_ALIVE_TOKEN,
  UPGRADE_TOKEN,
  connectionTokens,
  framingError,
  hasRepeated,
  messageLength,
  sanitizeConnection,
} from "./framing.ts";
import { HeadReader } from "./head-reader.ts";
import { INCOMPLETE, scanRequestLine, startLine } from "./head-scanner.ts";
import { MessageWriter } from "./message-writer.ts";
import { type HeaderCase, ownCasing } from "./header-case.ts";
import { readMethod } from "./methods.ts";
import { HTTP1_ERRORS } from "./protocol-errors.ts";
import { isTarget, isValidAuthority, readTarget } from "./request-target.ts";
import { statusLine } from "./status-lines.ts";

/** What the connection manager's configuration decides about the codec (Envoy `Http1Settings` and common options). */
export interface Http1ServerOptions {
  readonly maxRequestHeadersBytes: number;
  readonly maxRequestHeadersCount: number;
  readonly acceptHttp10: boolean;
  readonly defaultHostForHttp10: string;
  readonly allowAbsoluteUrl: boolean;
  /** Clients are edge clients: nobody in front of us has ended TLS. */
  readonly refusesHttpsUrl: boolean;
  readonly allowChunkedLength: boolean;
  readonly enableTrailers: boolean;
  readonly headerCase: HeaderCase;
  readonly headersWithUnderscores: "allow" | "reject" | "drop";
}

/** What a server codec needs of its connection. */
export interface ServerCodecHost {
  /** The first byte of a request is there. The codec fills `request` of what it gets. */
  onRequestStart(encoder: ResponseEncoder): RequestReceiver;
  /** Response and request are over; a keep-alive connection may take its next request. */
  onExchangeEnd(): void;
  /** The last response has been encoded: flush, then close. `delayed`: the request is unfinished, see Envoy's FlushWriteAndDelay. */
  onCloseAfterFlush(delayed: boolean): void;
  /** A header's name has an underscore, which the options do not let pass. */
  onUnderscore(rejected: boolean): void;
  /** A response was cut off. */
  onAbort(): void;
  pauseReading(): void;
  resumeReading(): void;
}

/** So many pipelined bytes, and the connection is not read until they are used up. */
const MAX_WAITING_BYTES = 16 * 1024;

/** Reading state of the request. */
const IDLE = 0;
const HEAD = 1;
const BODY = 2;
/** The request has ended; its response has not. */
const COMPLETE = 3;
/** Whatever comes is dropped: the connection closes after the response. */
const DISCARD = 4;
/** The request asks for another protocol (upgrade, CONNECT): all that follows its head is not ours to understand. */
const TUNNEL = 5;

/**
 * HTTP/1.1 as a server: requests in, responses out, one at a time. Requests that arrive before the response to the last one
 * has ended (pipelining) wait in a copy; the connection is read on, so that it is noticed when the client goes, but not without bound.
 */
export class Http1ServerCodec implements ServerCodec, ResponseEncoder, BodyReceiver {
  private readonly host: ServerCodecHost;
  private readonly options: Http1ServerOptions;
  private readonly sink: ByteSink;
  private readonly writer: MessageWriter;
  private readonly heads: HeadReader;
  private readonly casing: HeaderCasing | null;
  private readonly body: BodyReader;
  aboveWatermark = false;
  private receiver: RequestReceiver | null = null;
  private state = IDLE;
  private responseEnded = true;
  /** No request after this one: it, the configuration or a drain asked for it. */
  private closing = false;
  private isHead = false;
  private isConnect = false;
  private isHttp11 = true;
  /** An HTTP/1.0 client that asked to be kept. */
  private keepAlive10 = false;
  private parsing = false;
  /** Pipelined bytes. */
  private waiting: ReadBuffer | null = null;
  private waitingStart = 0;
  private waitingEnd = 0;
  private waitingPaused = false;
  /** Bytes of empty lines since the last request, which Envoy counts to the next one. */
  private emptyLines = 0;
  /** Up to where the bytes being read have been counted. */
  private countedTo = 0;

  constructor(host: ServerCodecHost, sink: ByteSink, options: Http1ServerOptions) {
    this.host = host;
    this.options = options;
    this.sink = sink;
    this.writer = new MessageWriter(sink);
    this.heads = new HeadReader(scanRequestLine, options.headerCase);
    this.casing = ownCasing(options.headerCase);
    this.body = new BodyReader(this, options.maxRequestHeadersBytes, options.maxRequestHeadersCount);
  }

  /** No request is being read or answered. */
  get idle(): boolean {
    return this.state === IDLE && this.waiting === null;
  }

  /** Whether part of a request head has arrived, and not all of it. */
  get readingHead(): boolean {
    return this.state === HEAD;
  }

  /** Whether a body longer than one read is coming. */
  get readingLongBody(): boolean {
    return this.state === BODY && this.body.long;
  }

  /** After the response now or next being sent, the connection closes. */
  closeAfterResponse(): void {
    this.closing = true;
  }

  endAll(why: StreamReset): void {
    const { receiver } = this;
    this.receiver = null;
    this.state = DISCARD;
    receiver?.onRequestReset(why);
  }

  onTransportAboveWatermark(): void {
    this.aboveWatermark = true;
    // A client that does not read its responses is not read for further requests either.
    this.host.pauseReading();
    this.receiver?.onDownstreamAboveWatermark();
  }

  onTransportBelowWatermark(): void {
    this.aboveWatermark = false;
    this.host.resumeReading();
    this.receiver?.onDownstreamBelowWatermark();
  }

  /** Bytes from the socket. */
  receive(buffer: ReadBuffer, start: number, end: number): void {
    if (this.waiting !== null) {
      this.keepWaiting(buffer, start, end);
      return;
    }
    this.parse(buffer, start, end);
  }

  private parse(buffer: ReadBuffer, start: number, end: number): void {
    this.parsing = true;
    this.countedTo = start;
    let i = start;
    while (i < end) {
      if (this.state === BODY) {
        i = this.body.read(buffer, i, end);
        if (i < 0) {
          this.countReceived(end);
          this.fail(this.body.error);
          break;
        }
      } else if (this.state === TUNNEL) {
        this.receiver?.onRequestData(buffer, i, end, false);
        i = end;
      } else if (this.state === COMPLETE) {
        this.keepWaiting(buffer, i, end);
        break;
      } else if (this.state === DISCARD) {
        break;
      } else {
        i = this.parseHead(buffer, i, end);
        if (i < 0) break;
      }
    }
    if (this.state === BODY) this.countReceived(end);
    this.parsing = false;
  }

  /** The bytes up to here are the present request's. */
  private countReceived(to: number): void {
    if (this.receiver !== null) this.receiver.downstreamBytes.wireReceived += to - this.countedTo;
    this.countedTo = to;
  }

  /** Gives the offset after the head; negative if there is nothing more to do with these bytes. */
  private parseHead(buffer: ReadBuffer, i: number, end: number): number {
    let receiver = this.receiver;
    if (this.state === IDLE || receiver === null) {
      const { bytes } = buffer;
      while (i + 1 < end && bytes[i] === CR && bytes[i + 1] === LF) i += 2;
      if (i === end) {
        this.emptyLines += end - this.countedTo;
        return i;
      }
      this.state = HEAD;
      this.responseEnded = false;
      this.isHttp11 = true;
      this.isHead = false;
      this.receiver = receiver = this.host.onRequestStart(this);
      receiver.downstreamBytes.wireReceived = this.emptyLines;
      this.emptyLines = 0;
    }
    const { options } = this;
    const head = receiver.request;
    const after = this.heads.read(
      buffer,
      i,
      end,
      head.headers,
      options.maxRequestHeadersBytes,
      options.maxRequestHeadersCount,
    );
    this.countReceived(after < 0 ? end : after);
    if (after === INCOMPLETE) return INCOMPLETE;
    if (after < 0) {
      this.fail(this.heads.error);
      return after;
    }
    receiver.downstreamBytes.countReceivedHead(head.headers.receivedBytes());
    const error = this.readHead(head);
    if (error !== null) {
      this.fail(error);
      return -1;
    }
    const tunnel = head.switchesProtocol;
    const complete = this.body.complete && !tunnel;
    this.state = tunnel ? TUNNEL : complete ? COMPLETE : BODY;
    // An exchange that is answered here and now may end inside this call.
    receiver.onRequestHead(complete);
    return after;
  }

  /** What is wrong first is what Envoy finds first (`codec_impl.cc`): the target's form, underscores, framing, the URL, the version. */
  private readHead(head: RequestHead): ProtocolError | null {
    const { options } = this;
    const { headers } = head;
    const { bytes } = this.heads;
    head.method = readMethod(bytes, startLine.methodStart, startLine.methodEnd);
    if (head.method === "") return HTTP1_ERRORS.codec;
    this.isHead = head.method === "HEAD";
    this.isConnect = head.method === "CONNECT";
    const base = this.heads.headStart;
    head.path = headers.text.slice(startLine.targetStart - base, startLine.targetEnd - base);
    if (!isTarget(head.path, this.isConnect)) return HTTP1_ERRORS.codec;
    // Where HTTP/1.0 is accepted, Envoy takes every other version for it.
    const isHttp11 = startLine.major === 1 && startLine.minor === 1;
    if (!isHttp11 && options.acceptHttp10) {
      head.protocol = "HTTP/1.0";
      this.isHttp11 = false;
    }
    if (options.headersWithUnderscores !== "allow" && !this.checkUnderscores(headers)) {
      return HTTP1_ERRORS.unexpectedUnderscore;
    }
    if ((headers.classes & HeaderClass.repeated) !== 0) {
      if (hasRepeated(headers, HOST)) return HTTP1_ERRORS.repeatedHost;
      headers.joinRepeated(true);
    }
    // Before `Connection: content-length` can take the length away: the body is still there.
    const length = messageLength(headers, this.isHttp11, options.allowChunkedLength);
    if (length === BAD_FRAMING) return framingError();
    const upgrade = headers.slots[UPGRADE] < 0 ? "" : upgradeOf(headers);
    // What an upgrade's Connection nominates is the next hop's affair, too: Envoy leaves it alone.
    const asksUpgrade = upgrade !== "" && (connectionTokens(headers) & UPGRADE_TOKEN) !== 0;
    const connection = asksUpgrade ? connectionTokens(headers) : sanitizeConnection(headers);
    if ((connection & CLOSE_TOKEN) !== 0) this.closing = true;
    this.keepAlive10 = !this.isHttp11 && (connection & KEEP_ALIVE_TOKEN) !== 0;
    if (!this.isHttp11 && !this.keepAlive10) this.closing = true;
    if (asksUpgrade) head.upgrade = upgrade;

    if (this.isConnect && length === CHUNKED) return HTTP1_ERRORS.invalidTransferEncoding;
    if (this.isConnect && length >= 0) {
      if (length > 0) return HTTP1_ERRORS.codec;
      headers.remove(CONTENT_LENGTH);
    }
    if (!head.switchesProtocol) {
      if (length === CHUNKED) this.body.startChunked();
      else if (length > 0) this.body.startFixed(length);
    }

    if (headers.slots[HOST] >= 0) {
      head.authority = headers.get(HOST);
      head.hasAuthority = true;
    } else if (!this.isHttp11 && options.defaultHostForHttp10 !== "") {
      head.authority = options.defaultHostForHttp10;
      head.hasAuthority = true;
    }
    // The encoder writes Host first, from `authority`.
    headers.remove(HOST);
    const error = readTarget(head, options);
    if (error !== null) return error;
    if (!isHttp11 && !options.acceptHttp10) return HTTP1_ERRORS.lowVersion;
    if (connection === BAD_CONNECTION) return HTTP1_ERRORS.connectionHeader;
    return isValidAuthority(head.authority) ? null : HTTP1_ERRORS.invalidAuthority;
  }

  private checkUnderscores(headers: HeaderBlock): boolean {
    for (let i = 0; i < headers.count; i++) {
      if (headers.ids[i] !== 0 || !headers.nameAt(i).includes("_")) continue;
      const rejected = this.options.headersWithUnderscores === "reject";
      this.host.onUnderscore(rejected);
      if (rejected) return false;
      headers.removeAt(i);
    }
    return true;
  }

  onBodyData(buffer: ReadBuffer, start: number, end: number, last: boolean): void {
    this.countReceived(end);
    if (last) this.state = COMPLETE;
    this.receiver?.onRequestData(buffer, start, end, last);
  }

  onBodyTrailers(trailers: HeaderBlock, end: number): void {
    this.countReceived(end);
    if (this.receiver !== null) this.receiver.downstreamBytes.countReceivedHead(trailers.receivedBytes());
    this.state = COMPLETE;
    if (this.options.enableTrailers) this.receiver?.onRequestTrailers(trailers);
    else this.receiver?.onRequestData(EMPTY, 0, 0, true);
  }

  private fail(error: ProtocolError): void {
    const { receiver } = this;
    // Nobody trusts what a head says that is refused: the answer has a body, though the method be HEAD.
    if (this.state === HEAD) this.isHead = false;
    this.state = DISCARD;
    this.closing = true;
    this.heads.reset();
    this.body.reset();
    receiver?.onRequestError(error);
  }

  /** Pipelined bytes wait, copied, until the response has ended. */
  private keepWaiting(buffer: ReadBuffer, start: number, end: number): void {
    const kept = this.waitingEnd - this.waitingStart;
    const waiting = new ReadBuffer(kept + end - start);
    if (this.waiting !== null) this.waiting.bytes.copy(waiting.bytes, 0, this.waitingStart, this.waitingEnd);
    buffer.bytes.copy(waiting.bytes, kept, start, end);
    this.waiting = waiting;
    this.waitingStart = 0;
    this.waitingEnd = kept + end - start;
    if (this.waitingEnd < MAX_WAITING_BYTES || this.waitingPaused) return;
    this.waitingPaused = true;
    this.host.pauseReading();
  }

  // ResponseEncoder

  encodeInterim(status: number, headers: HeaderBlock): void {
    const casing = headers.casing ?? this.casing;
    const lines = headers.serialize();
    const text = this.startLine(status, casing) + (casing === null ? lines : casing.apply(lines)) + "\r\n";
    this.sink.writeText(text);
    this.countSent(text.length);
  }

  encodeHead(head: ResponseHead, endStream: boolean): void {
    const { status, headers } = head;
    const { writer } = this;
    // The rest of the request may never come: its end cannot be told from the next one's start (Envoy closes, too).
    const switched = this.state === TUNNEL && (status === 101 || (this.isConnect && status >= 200 && status < 300));
    if (this.state === BODY || this.state === HEAD) this.closing = true;
    // Envoy tunnels after any 2xx, and says that it will close after all but 200.
    if (this.state === TUNNEL && status !== 101 && (!switched || status !== 200)) this.closing = true;
    // Envoy ends an HTTP/1.0 connection after a response without a length, whether or not it needs one.
    if (this.keepAlive10 && headers.slots[CONTENT_LENGTH] < 0) this.closing = true;
    const casing = headers.casing ?? this.casing;
    const startLine = this.startLine(status, casing);
    // It is one of the response's headers, which logs may name. Of what switches protocols that is understood (Envoy `encodeHeaders`).
    if (this.closing && !(switched && status <= 200)) headers.append(CONNECTION, "close");
    let text = startLine + headers.serialize();
    if (this.keepAlive10 && !this.closing) text += "connection: keep-alive\r\n";
    const bodyless = this.isHead || status === 204 || status === 304;
    writer.start();
    if (headers.slots[CONTENT_LENGTH] < 0 && !switched && status >= 200 && status !== 204 && status !== 304) {
      if (endStream && !this.isHead) text += "content-length: 0\r\n";
      else if (this.isHttp11) {
        text += "transfer-encoding: chunked\r\n";
        writer.chunked = !bodyless;
      }
    }
    writer.dropsBody = bodyless;
    if (casing !== null) text = startLine + casing.apply(text.slice(startLine.length));
    this.sink.writeText(text + "\r\n");
    this.receiver?.downstreamBytes.countHead(text.length - startLine.length, startLine.length + 2);
    if (endStream) this.endResponse();
  }

  encodeData(buffer: ReadBuffer, start: number, end: number, endStream: boolean): void {
    this.countSent(this.writer.writeData(buffer, start, end, endStream));
    if (endStream) this.endResponse();
  }

  encodeText(latin1: string, endStream: boolean): void {
    this.countSent(this.writer.writeText(latin1, endStream));
    if (endStream) this.endResponse();
  }

  encodeTrailers(trailers: HeaderBlock): void {
    const lines = this.options.enableTrailers ? trailers.serialize() : "";
    const written = this.writer.writeTrailers(lines);
    if (written > 0) this.receiver?.downstreamBytes.countHead(lines.length, written - lines.length);
    this.endResponse();
  }

  private startLine(status: number, casing: HeaderCasing | null): string {
    const usual = statusLine(status, this.isHttp11);
    if (casing === null || casing.reasonPhrase === "") return usual;
    return `${usual.slice(0, AFTER_STATUS)}${casing.reasonPhrase}\r\n`;
  }

  private countSent(bytes: number): void {
    if (this.receiver !== null) this.receiver.downstreamBytes.wireSent += bytes;
  }

  abort(): void {
    this.state = DISCARD;
    this.closing = true;
    this.receiver = null;
    this.host.onAbort();
  }

  pauseRequest(): void {
    this.host.pauseReading();
  }

  resumeRequest(): void {
    this.host.resumeReading();
  }

  private endResponse(): void {
    if (this.responseEnded) return;
    this.responseEnded = true;
    const requestComplete = this.state === COMPLETE;
    this.receiver = null;
    if (this.closing || this.state === TUNNEL) {
      this.state = DISCARD;
      // Envoy delays the close, too, when the answer came from within the request's own dispatch (a local reply).
      this.host.onCloseAfterFlush(!requestComplete || this.parsing);
      return;
    }
    this.state = IDLE;
    this.host.onExchangeEnd();
  }

  /** Called when the last exchange is over: on with what had to wait. */
  readOn(): void {
    const { waiting, waitingStart, waitingEnd } = this;
    if (waiting === null || this.parsing || this.state !== IDLE) return;
    this.waiting = null;
    this.waitingStart = 0;
    this.waitingEnd = 0;
    if (this.waitingPaused) {
      this.waitingPaused = false;
      this.host.resumeReading();
    }
    this.parse(waiting, waitingStart, waitingEnd);
  }
}

/** `h2c` is no upgrade that a proxy may pass on, and Envoy ignores it where it stands alone (`codec_impl.cc`). */
function upgradeOf(headers: HeaderBlock): string {
  const value = headers.get(UPGRADE);
  return value.toLowerCase() === "h2c" ? "" : value;
}

/** Whether the client waits for `100 Continue` before it sends its body (RFC 9110 §10.1.1). */
export function expectsContinue(headers: HeaderBlock): boolean {
  return headers.slots[EXPECT] >= 0 && headers.get(EXPECT).toLowerCase() === "100-continue";
}

const EMPTY = new ReadBuffer(0);

const AFTER_STATUS = "HTTP/1.1 200 ".length;
