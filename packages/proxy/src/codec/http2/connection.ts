import { HeaderBlock } from "../header-block.ts";
import type { ByteSink } from "../messages.ts";
import type { ReadBuffer } from "../read-buffer.ts";
import { BlockAssembler } from "./block-assembler.ts";
import { MESSAGE_ERRORS } from "./errors.ts";
import { ReceiveWindow } from "./flow.ts";
import { FrameReader, type FrameHandler } from "./frame-reader.ts";
import {
  ACK,
  CONTINUATION,
  DEFAULT_WINDOW,
  END_HEADERS,
  END_STREAM,
  ErrorCode,
  GOAWAY,
  HAS_PRIORITY,
  HEADERS,
  MAX_STREAM_ID,
  MAX_WINDOW,
  FRAME_HEADER_BYTES,
  PADDED,
  PING,
  PRIORITY,
  PUSH_PROMISE,
  RST_STREAM,
  SETTINGS,
  SETTING_HEADER_TABLE_SIZE,
  SETTING_INITIAL_WINDOW_SIZE,
  SETTING_MAX_CONCURRENT_STREAMS,
  WINDOW_UPDATE,
} from "./frames.ts";
import { HeaderReader, TRAILERS } from "./header-reader.ts";
import { HpackDecoder } from "./hpack/decoder.ts";
import type { Http2Options, Http2Stats } from "./options.ts";
import { type Failure, Http2Output } from "./output.ts";
import { SETTING_BYTES, settingError } from "./settings.ts";
import type { Http2Stream } from "./stream.ts";

/** Settings in one frame; source: nghttp2's default (`nghttp2_option_set_max_settings`). */
const MAX_SETTINGS = 32;

/** HTTP/2 (RFC 9113), what both sides have in common: frames in and out, settings, windows, header blocks, and what bounds all that. */
export abstract class Http2Connection extends Http2Output implements FrameHandler {
  /** Open ones by their ids. */
  readonly streams = new Map<number, Http2Stream>();
  peerInitialWindow = DEFAULT_WINDOW;
  peerMaxStreams = Infinity;
  readonly headers: HeaderReader;
  /** The highest id of the peer's streams that we have taken. */
  protected lastPeerStream = 0;
  /** More of what was read may follow what is being looked at. */
  protected reading = false;
  /** Nothing but SETTINGS may come first (RFC 9113 §3.4). */
  private awaitsSettings = true;
  private readonly reader: FrameReader;
  private readonly decoder = new HpackDecoder();
  /** The header block that is being received. */
  private readonly block: BlockAssembler;
  private readonly receiveWindow: ReceiveWindow;
  protected settingsAcknowledged = false;

  // The DATA frame that is being received.
  private dataStream: Http2Stream | null = null;
  private dataFlags = 0;
  /** Octets of it that are not given back yet, padding included; and whether it had any data. */
  private dataLeft = 0;
  private dataBytes = 0;
  /** DATA bytes of this read. */
  private bodyBytes = 0;

  protected constructor(sink: ByteSink, options: Http2Options, stats: Http2Stats, isServer: boolean) {
    super(sink, options, stats);
    this.reader = new FrameReader(this);
    this.headers = new HeaderReader(options, isServer);
    this.block = new BlockAssembler(options.maxHeadersBytes);
    this.receiveWindow = new ReceiveWindow(options.connectionWindow);
  }

  /** A stream that the peer's HEADERS are for; null: they are of no use to anybody, but have to be decoded. May fail the connection. */
  protected abstract streamFor(id: number): Http2Stream | null;
  /** Whether the stream of that id has never been there. */
  protected abstract isIdle(id: number): boolean;
  protected abstract onSettings(): void;
  protected abstract onGoAway(lastStreamId: number, code: number): void;
  protected abstract onPong(): void;
  /** The connection is lost: every stream is to be ended. @param details for those that are open */
  protected abstract onFailure(failure: Failure, details: string): void;
  /** A stream has gone. */
  protected abstract onRemoved(stream: Http2Stream): void;
  /** All of a stream has been handed in, and waits for a window. */
  abstract onFlushPending(stream: Http2Stream): void;

  get stopped(): boolean {
    return this.failed;
  }

  /** A body longer than one read is coming, or several. */
  get readingLongBody(): boolean {
    return this.bodyBytes >= LONG_BYTES;
  }

  receive(buffer: ReadBuffer, start: number, end: number): void {
    this.bodyBytes = 0;
    this.reading = true;
    this.reader.read(buffer, start, end);
    this.reading = false;
    this.onReadOver();
  }

  /** What has been read is used up. */
  protected abstract onReadOver(): void;

  // Windows of what we receive

  /** These many octets of DATA are done with. */
  consume(bytes: number): void {
    const given = this.receiveWindow.consume(bytes);
    if (given === 0 || this.failed) return;
    this.writer.windowUpdate(0, given);
    this.countOutbound(false);
  }

  giveBack(stream: Http2Stream, bytes: number): void {
    if (this.failed) return;
    const sent = this.writer.windowUpdate(stream.id, bytes);
    if (stream.meter !== null) stream.meter.wireSent += sent;
    this.countOutbound(false);
  }

  // The end of streams, and of everything

  /** A stream is over, or is to be as if it were. */
  remove(stream: Http2Stream): void {
    if (stream.closed) return;
    this.streams.delete(stream.id);
    if (this.dataStream === stream) this.dataStream = null;
    if (this.block.stream === stream) this.block.stream = null;
    this.stats.streamsActive.value--;
    stream.close();
    this.onRemoved(stream);
  }

  /** The connection cannot go on. @param why for the peer, and for logs */
  protected fail(failure: Failure, code: number, why: string): void {
    if (this.failed) return;
    this.sendGoAway(this.lastPeerStream, code, why);
    this.failed = true;
    this.onFailure(failure, why);
  }

  // FrameHandler

  onFrameTooLarge(): void {
    this.fail("protocol", ErrorCode.frameSize, "too large frame size");
  }

  onBadPadding(): void {
    this.fail("protocol", ErrorCode.protocol, "DATA: invalid padding");
  }

  onDataFrame(streamId: number, flags: number, length: number): void {
    if (this.awaitsSettings) {
      this.fail("protocol", ErrorCode.protocol, SETTINGS_EXPECTED);
      return;
    }
    if (this.block.streamId !== 0) {
      this.fail("protocol", ErrorCode.protocol, UNEXPECTED);
      return;
    }
    if (streamId === 0) {
      this.fail("protocol", ErrorCode.protocol, "DATA: stream_id == 0");
      return;
    }
    const stream = this.streams.get(streamId) ?? null;
    if (stream === null && this.isIdle(streamId)) {
      this.fail("protocol", ErrorCode.protocol, "DATA: stream in idle");
      return;
    }
    if (stream !== null && stream.remoteEnded) {
      this.fail("protocol", ErrorCode.streamClosed, "DATA: stream in half-closed(remote)");
      return;
    }
    if (!this.receiveWindow.receive(length) || (stream !== null && !stream.receive(length))) {
      this.fail("protocol", ErrorCode.flowControl, "DATA: more than the window allows");
      return;
    }
    this.dataStream = stream;
    this.dataFlags = flags;
    this.dataLeft = length;
    this.dataBytes = 0;
    this.bodyBytes += length;
    if (stream === null) return;
    if (stream.meter !== null) stream.meter.wireReceived += length + FRAME_HEADER_BYTES;
    if (!stream.takesData) this.messageError(stream, MESSAGE_ERRORS.messaging);
  }

  onDataPiece(buffer: ReadBuffer, start: number, end: number, last: boolean): void {
    const stream = this.dataStream;
    const size = end - start;
    const endStream = last && (this.dataFlags & END_STREAM) !== 0;
    this.dataBytes += size;
    // With the last piece go the padding and what says how much of it there is.
    const consumed = last ? this.dataLeft : size;
    this.dataLeft -= consumed;
    if (last && !this.limits.countPayload(this.dataBytes, endStream)) {
      this.failByFlood(stream);
      return;
    }
    if (stream === null) {
      this.consume(consumed);
      return;
    }
    stream.receivedLength += size;
    const { expectedLength, receivedLength } = stream;
    if (expectedLength >= 0 && (receivedLength > expectedLength || (endStream && receivedLength < expectedLength))) {
      this.consume(consumed);
      this.dataStream = null;
      // The library that Envoy uses resets the stream by itself, so that it seems to have been the peer.
      this.resetByRule(stream, ErrorCode.protocol);
      return;
    }
    if (endStream) stream.remoteEnded = true;
    stream.onData(buffer, start, end, endStream);
    stream.consume(consumed);
    if (endStream && stream.localEnded) this.remove(stream);
  }

  protected abstract resetByRule(stream: Http2Stream, code: number): void;

  onFrame(type: number, flags: number, streamId: number, buffer: ReadBuffer, start: number, end: number): void {
    if (this.block.streamId !== 0) {
      if (type === CONTINUATION && streamId === this.block.streamId) this.onContinuation(flags, buffer, start, end);
      else this.fail("protocol", ErrorCode.protocol, UNEXPECTED);
      return;
    }
    if (this.awaitsSettings) {
      if (type !== SETTINGS || (flags & ACK) !== 0) {
        this.fail("protocol", ErrorCode.protocol, SETTINGS_EXPECTED);
        return;
      }
      this.awaitsSettings = false;
    }
    const { bytes } = buffer;
    switch (type) {
      case HEADERS:
        this.onHeaders(flags, streamId, buffer, start, end);
        break;
      case PRIORITY:
        if (end - start !== 5) this.fail("protocol", ErrorCode.frameSize, "PRIORITY: wrong size");
        else if (!this.limits.countPriority()) this.failByFlood(null);
        break;
      case RST_STREAM:
        if (end - start !== 4) this.fail("protocol", ErrorCode.frameSize, "RST_STREAM: wrong size");
        else this.onResetFrame(streamId, wordAt(bytes, start));
        break;
      case SETTINGS:
        this.onSettingsFrame(flags, streamId, bytes, start, end);
        break;
      case PUSH_PROMISE:
        this.fail("protocol", ErrorCode.protocol, "PUSH_PROMISE: push disabled");
        break;
      case PING:
        if (end - start !== 8) this.fail("protocol", ErrorCode.frameSize, "PING: wrong size");
        else if (streamId !== 0) this.fail("protocol", ErrorCode.protocol, "PING: stream_id != 0");
        else if ((flags & ACK) !== 0) this.onPong();
        else this.sendPing(bytes.toString("latin1", start, end), ACK);
        break;
      case GOAWAY:
        if (end - start < 8) this.fail("protocol", ErrorCode.frameSize, "GOAWAY: wrong size");
        else if (streamId !== 0) this.fail("protocol", ErrorCode.protocol, "GOAWAY: stream_id != 0");
        else this.onGoAway(wordAt(bytes, start) & MAX_STREAM_ID, wordAt(bytes, start + 4));
        break;
      case WINDOW_UPDATE:
        if (end - start !== 4) this.fail("protocol", ErrorCode.frameSize, "WINDOW_UPDATE: wrong size");
        else this.onWindowUpdate(streamId, wordAt(bytes, start) & MAX_WINDOW);
        break;
      case CONTINUATION:
        this.fail("protocol", ErrorCode.protocol, "CONTINUATION: unexpected");
        break;
      default:
      // RFC 9113 §5.5: what is unknown is ignored.
    }
  }

  private onHeaders(flags: number, streamId: number, buffer: ReadBuffer, start: number, end: number): void {
    const { bytes } = buffer;
    const wire = end - start + FRAME_HEADER_BYTES;
    if (streamId === 0) {
      this.fail("protocol", ErrorCode.protocol, "HEADERS: stream_id == 0");
      return;
    }
    if ((flags & PADDED) !== 0) {
      end -= start < end ? bytes[start] : 1;
      start++;
    }
    if ((flags & HAS_PRIORITY) !== 0) {
      if (start + 5 <= end && (wordAt(bytes, start) & MAX_STREAM_ID) === streamId) {
        this.fail("protocol", ErrorCode.protocol, "HEADERS: depend on itself");
        return;
      }
      start += 5;
    }
    if (start > end) {
      this.fail("protocol", ErrorCode.protocol, "HEADERS: invalid padding");
      return;
    }
    const stream = this.streamFor(streamId);
    if (this.failed) return;
    if (stream !== null && stream.remoteEnded) {
      this.fail("protocol", ErrorCode.streamClosed, "HEADERS: stream closed");
      return;
    }
    const { block } = this;
    block.stream = stream;
    block.flags = flags;
    block.wire = wire;
    if (!this.limits.countPayload(end - start, (flags & END_STREAM) !== 0)) {
      this.failByFlood(stream);
      return;
    }
    if ((flags & END_HEADERS) !== 0) {
      this.decodeBlock(bytes, start, end);
      return;
    }
    block.begin(streamId);
    block.add(buffer, start, end);
  }

  private onContinuation(flags: number, buffer: ReadBuffer, start: number, end: number): void {
    const { block } = this;
    block.wire += end - start + FRAME_HEADER_BYTES;
    if (!block.countContinuation()) {
      this.fail("flood", ErrorCode.enhanceYourCalm, "Too many CONTINUATION frames following a HEADER frame");
    } else if (!this.limits.countPayload(end - start, false)) this.failByFlood(block.stream);
    else if (!block.add(buffer, start, end)) this.fail("protocol", ErrorCode.enhanceYourCalm, "HEADERS: too large");
    else if ((flags & END_HEADERS) !== 0) this.decodeBlock(block.bytes, 0, block.length);
  }

  /** Whether a head has come in part. */
  get readingHead(): boolean {
    return this.block.streamId !== 0;
  }

  private decodeBlock(bytes: Buffer, start: number, end: number): void {
    const { headers } = this;
    const { stream, flags, wire } = this.block;
    this.block.clear();
    const lines = stream === null ? DISCARDED : stream.blockFor();
    headers.begin(stream === null ? TRAILERS : stream.blockKind, lines);
    if (!this.decoder.decode(bytes, start, end, stream === null ? NOBODY : headers)) {
      this.fail("protocol", ErrorCode.compression, "HEADERS: could not be decoded");
      return;
    }
    if (stream === null) return;
    const { meter } = stream;
    if (meter !== null) {
      meter.wireReceived += wire;
      meter.headerReceived += wire;
      meter.plainHeaderReceived += headers.bytes;
    }
    const endStream = (flags & END_STREAM) !== 0;
    if (endStream) stream.remoteEnded = true;
    stream.onBlock(endStream, lines);
    if (endStream && stream.localEnded) this.remove(stream);
  }

  /** A message is malformed. @param error of MESSAGE_ERRORS */
  abstract messageError(stream: Http2Stream, error: string): void;

  private onResetFrame(streamId: number, code: number): void {
    const stream = this.streams.get(streamId);
    if (stream === undefined) {
      if (streamId === 0 || this.isIdle(streamId))
        this.fail("protocol", ErrorCode.protocol, "RST_STREAM: stream in idle");
      return;
    }
    this.stats.rxReset.value++;
    if (stream.meter !== null) stream.meter.wireReceived += FRAME_HEADER_BYTES + 4;
    this.remove(stream);
    this.onPeerReset(stream, code);
  }

  protected abstract onPeerReset(stream: Http2Stream, code: number): void;

  private onSettingsFrame(flags: number, streamId: number, bytes: Buffer, start: number, end: number): void {
    const size = end - start;
    if (streamId !== 0) this.fail("protocol", ErrorCode.protocol, "SETTINGS: stream_id != 0");
    else if (size % SETTING_BYTES !== 0 || ((flags & ACK) !== 0 && size > 0)) {
      this.fail("protocol", ErrorCode.frameSize, "SETTINGS: wrong size");
    } else if (size > MAX_SETTINGS * SETTING_BYTES) {
      this.fail("flood", ErrorCode.enhanceYourCalm, "SETTINGS: too many setting entries");
    } else if ((flags & ACK) !== 0) {
      if (!this.settingsAcknowledged) this.decoder.setLimit(this.options.hpackTableSize);
      this.settingsAcknowledged = true;
    } else {
      for (let i = start; i < end && !this.failed; i += SETTING_BYTES) {
        this.applySetting((bytes[i] << 8) | bytes[i + 1], wordAt(bytes, i + 2) >>> 0);
      }
      if (this.failed) return;
      this.writer.frame(SETTINGS, ACK, 0, "");
      this.countOutbound(true);
      this.onSettings();
    }
  }

  private applySetting(id: number, value: number): void {
    const error = settingError(id, value);
    if (error !== 0) this.fail("protocol", error, "SETTINGS: invalid value");
    else if (id === SETTING_HEADER_TABLE_SIZE) this.writer.hpack.setMaxSize(value);
    else if (id === SETTING_MAX_CONCURRENT_STREAMS) this.peerMaxStreams = value;
    else if (id === SETTING_INITIAL_WINDOW_SIZE) this.setInitialWindow(value);
  }

  private setInitialWindow(size: number): void {
    const change = size - this.peerInitialWindow;
    this.peerInitialWindow = size;
    if (change === 0) return;
    for (const stream of this.streams.values()) {
      stream.sendWindow += change;
      if (stream.sendWindow > MAX_WINDOW) {
        this.fail("protocol", ErrorCode.flowControl, "SETTINGS: window size overflow");
        return;
      }
      if (change > 0 && stream.waitingBytes > 0) stream.sendOn();
    }
  }

  private onWindowUpdate(streamId: number, increment: number): void {
    if (!this.limits.countWindowUpdate()) {
      this.failByFlood(null);
      return;
    }
    if (streamId === 0) {
      this.sendWindow += increment;
      if (increment === 0) this.fail("protocol", ErrorCode.protocol, "WINDOW_UPDATE: window_size_increment == 0");
      else if (this.sendWindow > MAX_WINDOW) {
        this.fail("protocol", ErrorCode.flowControl, "WINDOW_UPDATE: window size overflow");
      } else this.sendWaiting();
      return;
    }
    const stream = this.streams.get(streamId);
    if (stream === undefined) {
      if (this.isIdle(streamId)) this.fail("protocol", ErrorCode.protocol, "WINDOW_UPDATE: stream in idle");
      return;
    }
    if (stream.meter !== null) stream.meter.wireReceived += FRAME_HEADER_BYTES + 4;
    stream.sendWindow += increment;
    if (increment === 0) this.fail("protocol", ErrorCode.protocol, "WINDOW_UPDATE: window_size_increment == 0");
    else if (stream.sendWindow > MAX_WINDOW) {
      this.fail("protocol", ErrorCode.flowControl, "WINDOW_UPDATE: window size overflow");
    } else if (stream.waitingBytes > 0) stream.sendOn();
  }

  /** The limits have said why. @param stream that the frame was of */
  private failByFlood(stream: Http2Stream | null): void {
    if (stream !== null) this.onFlooded(stream);
    this.fail("flood", ErrorCode.enhanceYourCalm, this.limits.violation);
  }

  /** A stream of empty frames. */
  protected abstract onFlooded(stream: Http2Stream): void;

  // From the transport

  onTransportAboveWatermark(): void {
    for (const stream of this.streams.values()) stream.setAboveTransport(true);
    this.transportAbove = true;
  }

  onTransportBelowWatermark(): void {
    this.transportAbove = false;
    for (const stream of this.streams.values()) stream.setAboveTransport(false);
  }

  /** What a stream begins with. */
  protected transportAbove = false;
}

/** DATA of one read from which on larger reads are worth their memory. */
const LONG_BYTES = 32_768;
const SETTINGS_EXPECTED = "SETTINGS expected";
const UNEXPECTED = "unexpected non-CONTINUATION frame or stream_id is invalid";
const DISCARDED = new HeaderBlock();
const NOBODY = { onField: (): void => {} };

function wordAt(bytes: Buffer, at: number): number {
  return (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];
}
