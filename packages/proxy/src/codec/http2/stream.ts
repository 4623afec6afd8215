import type { BytesMeter } from "../bytes-meter.ts";
import { HeaderBlock } from "../header-block.ts";
import type { StreamReset } from "../messages.ts";
import { ReadBuffer } from "../read-buffer.ts";
import type { Http2Connection } from "./connection.ts";
import { ReceiveWindow, WaitingBytes } from "./flow.ts";
import { ErrorCode } from "./frames.ts";

/**
 * One stream, of either side: its windows, what waits to be sent on it, how far both directions have come. Made anew for each request: whoever
 * still holds one that is over can do no harm with it.
 */
export abstract class Http2Stream {
  id = 0;
  /** What we may send; the peer can make it negative (RFC 9113 §6.9.2). */
  sendWindow: number;
  /** END_STREAM has been written, has been read. */
  localEnded = false;
  remoteEnded = false;
  /** Both ends are reached, or it was reset. */
  closed = false;
  /** The connection cannot take what waits here: it is in its queue. */
  queued = false;
  /** Content-Length of what is received, −1 if there is none. */
  expectedLength = -1;
  receivedLength = 0;
  protected readonly connection: Http2Connection;
  /** The last piece has been handed in: END_STREAM follows what waits. */
  protected ending = false;
  private waiting: WaitingBytes | null = null;
  private waitingTrailers: HeaderBlock | null = null;
  private receiveWindow: ReceiveWindow | null = null;
  private pauses = 0;
  /** Received while reading was paused: not given back yet. */
  private unconsumed = 0;
  private aboveOwn = false;
  private aboveTransport = false;

  constructor(connection: Http2Connection) {
    this.connection = connection;
    this.sendWindow = connection.peerInitialWindow;
  }

  /** Null once nobody counts any more. */
  abstract readonly meter: BytesMeter | null;
  /** A block of headers has been decoded. */
  abstract onBlock(endStream: boolean, block: HeaderBlock): void;
  /** Where the next block is decoded to, and what it is. */
  abstract blockFor(): HeaderBlock;
  abstract readonly blockKind: number;
  /** What is received has its head: DATA may come. */
  abstract readonly takesData: boolean;
  abstract onData(buffer: ReadBuffer, start: number, end: number, endStream: boolean): void;
  /** It is gone; the receiver is told. @param refused the peer has not begun with it */
  abstract onReset(reset: StreamReset): void;
  protected abstract onAbove(): void;
  protected abstract onBelow(): void;

  get aboveWatermark(): boolean {
    return this.aboveOwn || this.aboveTransport;
  }

  /** Bytes that wait for a window. */
  get waitingBytes(): number {
    return this.waiting === null ? 0 : this.waiting.length;
  }

  // Sending

  protected send(buffer: ReadBuffer, start: number, end: number, endStream: boolean): void {
    if (this.closed || this.ending) return;
    const { connection } = this;
    const size = end - start;
    this.ending = endStream;
    if (this.waitingBytes === 0) {
      const room = Math.min(this.sendWindow, connection.sendWindow);
      if (size === 0 || size <= room) {
        if (size > 0 || endStream) connection.sendData(this, buffer, start, end, endStream);
        if (endStream) this.endLocal();
        return;
      }
      if (room > 0) {
        connection.sendData(this, buffer, start, start + room, false);
        start += room;
      }
    }
    this.waiting ??= new WaitingBytes();
    this.waiting.add(buffer, start, end);
    connection.stats.pendingSendBytes.value += end - start;
    if (connection.sendWindow <= 0) connection.queue(this);
    if (endStream) connection.onFlushPending(this);
    else if (!this.aboveOwn && this.waiting.length > connection.options.streamBufferBytes) {
      const told = this.aboveTransport;
      this.aboveOwn = true;
      if (!told) this.onAbove();
    }
  }

  protected sendTrailers(trailers: HeaderBlock): void {
    if (this.closed || this.ending) return;
    this.ending = true;
    if (this.waitingBytes > 0) {
      this.waitingTrailers = new HeaderBlock();
      this.waitingTrailers.copyFrom(trailers);
      this.connection.onFlushPending(this);
      return;
    }
    this.writeTrailers(trailers);
  }

  private writeTrailers(trailers: HeaderBlock): void {
    const { connection } = this;
    if (isEmpty(trailers)) connection.sendData(this, NOTHING, 0, 0, true);
    else {
      connection.writer.beginBlock();
      connection.writer.fields(trailers);
      connection.sendBlock(this, true);
    }
    this.endLocal();
  }

  /** Sends a frame of what waits, if the windows allow it. True: there is more that they allow. */
  sendWaiting(): boolean {
    const { waiting, connection } = this;
    if (this.closed || waiting === null || waiting.length === 0) return false;
    const room = Math.min(this.sendWindow, connection.sendWindow, connection.writer.maxFrame);
    if (room <= 0) return false;
    const { start } = waiting;
    const size = Math.min(room, waiting.end - start);
    const trailers = this.waitingTrailers;
    const last = size === waiting.length && this.ending && trailers === null;
    connection.sendData(this, waiting.first, start, start + size, last);
    waiting.take(size);
    connection.stats.pendingSendBytes.value -= size;
    if (waiting.length === 0 && this.ending) {
      this.waitingTrailers = null;
      if (trailers === null) this.endLocal();
      else this.writeTrailers(trailers);
      return false;
    }
    if (this.aboveOwn && waiting.length <= connection.options.streamBufferBytes / 2) {
      this.aboveOwn = false;
      if (!this.aboveTransport) this.onBelow();
    }
    return this.waitingBytes > 0;
  }

  /** The window has grown. */
  sendOn(): void {
    while (this.sendWaiting());
    if (this.waitingBytes > 0 && this.connection.sendWindow <= 0) this.connection.queue(this);
  }

  setAboveTransport(above: boolean): void {
    if (above === this.aboveTransport) return;
    this.aboveTransport = above;
    if (this.aboveOwn) return;
    if (above) this.onAbove();
    else this.onBelow();
  }

  protected endLocal(): void {
    this.localEnded = true;
    if (this.remoteEnded) this.connection.remove(this);
    else this.onLocalEnd();
  }

  /** All has been sent, and the peer has not. */
  protected abstract onLocalEnd(): void;

  // Receiving

  /** DATA has come, in its whole length. False: more than the window allows. */
  receive(bytes: number): boolean {
    this.receiveWindow ??= new ReceiveWindow(this.connection.options.streamWindow);
    return this.receiveWindow.receive(bytes);
  }

  /** These are done with, unless reading is paused. */
  consume(bytes: number): void {
    if (this.pauses > 0 && !this.closed) {
      this.unconsumed += bytes;
      return;
    }
    this.connection.consume(bytes);
    if (this.closed || this.remoteEnded || this.receiveWindow === null) return;
    const given = this.receiveWindow.consume(bytes);
    if (given > 0) this.connection.giveBack(this, given);
  }

  protected pause(): void {
    this.pauses++;
  }

  protected resume(): void {
    if (this.pauses === 0 || --this.pauses > 0) return;
    this.consumeAll();
  }

  private consumeAll(): void {
    const { unconsumed } = this;
    this.unconsumed = 0;
    if (unconsumed > 0) this.consume(unconsumed);
  }

  // The end

  /** Called by the connection, which knows it no more. */
  close(): void {
    this.closed = true;
    this.consumeAll();
    if (this.waiting !== null) this.connection.stats.pendingSendBytes.value -= this.waiting.length;
    this.waiting = null;
    this.waitingTrailers = null;
  }

  /** Ends it, whatever its state; nobody is told but the peer. */
  cancelWith(code: number): void {
    if (this.closed) return;
    if (this.id !== 0) this.connection.sendReset(this, code);
    this.connection.remove(this);
  }

  /** What waits has waited too long (Envoy `onPendingFlushTimer`). */
  expireFlush(): void {
    if (this.closed || this.localEnded) return;
    this.connection.stats.txFlushTimeout.value++;
    this.cancelWith(ErrorCode.noError);
  }
}

/** So much room is made for trailers at first. */
export const TRAILER_LINES = 8;

function isEmpty(trailers: HeaderBlock): boolean {
  for (let i = 0; i < trailers.count; i++) if (!trailers.removed(i)) return false;
  return true;
}

const NOTHING = new ReadBuffer(0);
