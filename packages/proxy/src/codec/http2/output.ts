import type { ByteSink } from "../messages.ts";
import type { ReadBuffer } from "../read-buffer.ts";
import { FrameWriter, wordText } from "./frame-writer.ts";
import { ACK, DEFAULT_WINDOW, ErrorCode, GOAWAY, PING, SETTINGS } from "./frames.ts";
import { InboundLimits } from "./inbound-limits.ts";
import type { Http2Options, Http2Stats } from "./options.ts";
import { OutboundFrames } from "./outbound.ts";
import { ownSettings } from "./settings.ts";
import type { Http2Stream } from "./stream.ts";

/** What ended a connection: the protocol was broken, or too much of what costs us has come or waits. */
export type Failure = "protocol" | "flood";

/** What a connection sends: frames, within its window, counted against those that the peer does not read. */
export abstract class Http2Output {
  readonly options: Http2Options;
  readonly stats: Http2Stats;
  readonly writer: FrameWriter;
  /** What we may send on the whole connection. */
  sendWindow = DEFAULT_WINDOW;
  protected readonly limits: InboundLimits;
  protected failed = false;
  private readonly sink: ByteSink;
  private readonly outbound: OutboundFrames;
  private readonly outboundControl: OutboundFrames;
  /** Streams that the connection's window keeps waiting, the next first. */
  private readonly waiting: Http2Stream[] = [];

  protected constructor(sink: ByteSink, options: Http2Options, stats: Http2Stats) {
    this.sink = sink;
    this.options = options;
    this.stats = stats;
    this.writer = new FrameWriter(sink, options.hpackTableSize);
    this.limits = new InboundLimits(options, stats);
    this.outbound = new OutboundFrames(options.maxOutboundFrames);
    this.outboundControl = new OutboundFrames(options.maxOutboundControlFrames);
  }

  /** The connection cannot go on. @param why for the peer, and for logs */
  protected abstract fail(failure: Failure, code: number, why: string): void;

  protected sendSettings(isServer: boolean): void {
    const { connectionWindow } = this.options;
    this.writer.frame(SETTINGS, 0, 0, ownSettings(this.options, isServer));
    if (connectionWindow > DEFAULT_WINDOW) this.writer.windowUpdate(0, connectionWindow - DEFAULT_WINDOW);
  }

  sendData(stream: Http2Stream, buffer: ReadBuffer, start: number, end: number, endStream: boolean): void {
    const { writer } = this;
    const size = end - start;
    this.sendWindow -= size;
    stream.sendWindow -= size;
    let bytes = 0;
    while (end - start > writer.maxFrame) {
      bytes += writer.data(stream.id, buffer, start, start + writer.maxFrame, false);
      start += writer.maxFrame;
      this.limits.dataFrames++;
      this.countOutbound(false);
    }
    bytes += writer.data(stream.id, buffer, start, end, endStream);
    this.limits.dataFrames++;
    if (stream.meter !== null) stream.meter.wireSent += bytes;
    this.countOutbound(false);
  }

  /** Ends the writer's header block, as the stream's. */
  sendBlock(stream: Http2Stream, endStream: boolean): void {
    const bytes = this.writer.endBlock(stream.id, endStream);
    const { meter } = stream;
    if (meter !== null) {
      meter.wireSent += bytes;
      meter.headerSent += bytes;
      meter.plainHeaderSent += this.writer.plainBytes;
    }
    this.countOutbound(false);
  }

  sendReset(stream: Http2Stream, code: number): void {
    this.writeReset(stream.id, code);
  }

  protected writeReset(streamId: number, code: number): void {
    if (this.failed) return;
    this.stats.txReset.value++;
    this.writer.resetStream(streamId, code);
    this.countOutbound(true);
  }

  /** Asks for a sign of life. */
  ping(): void {
    if (!this.failed) this.sendPing(PING_PAYLOAD, 0);
  }

  protected sendPing(payload: string, flags: number): void {
    this.writer.frame(PING, flags, 0, payload);
    this.countOutbound(flags === ACK);
  }

  protected sendGoAway(lastStreamId: number, code: number, why = ""): void {
    this.writer.frame(GOAWAY, 0, 0, wordText(lastStreamId) + wordText(code) + why);
    this.stats.goAwaySent.value++;
  }

  protected countOutbound(control: boolean): void {
    if (this.failed) return;
    if (control && !this.outboundControl.count(this.writer.written, this.sink)) {
      this.stats.outboundControlFlood.value++;
      this.fail("flood", ErrorCode.enhanceYourCalm, "Too many control frames in the outbound queue.");
    } else if (!this.outbound.count(this.writer.written, this.sink)) {
      this.stats.outboundFlood.value++;
      this.fail("flood", ErrorCode.enhanceYourCalm, "Too many frames in the outbound queue.");
    }
  }

  /** The connection's window keeps the stream waiting. */
  queue(stream: Http2Stream): void {
    if (stream.queued) return;
    stream.queued = true;
    this.waiting.push(stream);
  }

  /** The window has grown: a frame of each in turn. */
  protected sendWaiting(): void {
    const { waiting } = this;
    while (waiting.length > 0 && this.sendWindow > 0) {
      const stream = waiting.shift();
      if (stream === undefined) break;
      stream.queued = false;
      if (stream.sendWaiting()) this.queue(stream);
    }
  }
}

/** Eight octets that mean nothing. */
const PING_PAYLOAD = "\0\0\0\0tull";
