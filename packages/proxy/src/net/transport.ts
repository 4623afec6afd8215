import type { OnReadOpts, Socket } from "node:net";
import { latin1 } from "../codec/latin1.ts";
import { Timer, type TimerOwner } from "../clock/timer-wheel.ts";
import type { ByteSink } from "../codec/messages.ts";
import type { ProxyAddresses } from "../codec/proxy-protocol/read-header.ts";
import type { ReadBuffer } from "../codec/read-buffer.ts";
import { Counter, NO_TAGS } from "../stats/metric.ts";
import type { OpenSocket } from "./accepted-socket.ts";
import type { TlsInfo } from "../plan/request-views.ts";
import type { NetContext } from "./context.ts";
import { attachReader } from "./tls/attach-reader.ts";
import type { Flushable } from "./turn.ts";

/** What a connection hears from its socket; every call happens inside a turn and inside the guard. */
export interface TransportHandler {
  onRead(buffer: ReadBuffer, length: number): void;
  /** The peer has sent its last byte. */
  onEnd(): void;
  /** The socket is gone. @param cause error code such as ECONNRESET, "" for a regular close */
  onClose(cause: string): void;
  onConnect(): void;
  /** More than the high watermark waits to be written. */
  onAboveWatermark(): void;
  /** Less than the low watermark, half of it, waits. */
  onBelowWatermark(): void;
}

/** TLS on a connection (net/tls/). */
export interface TransportSecurity {
  /** What is known of the connection once its handshake is over. */
  readonly info: TlsInfo;
  /** How long all that may take; 0 = for ever. `timedOut` counts that it took longer. */
  readonly timeoutMs: number;
  timedOut(): void;
  /** Whether the handshake can begin; if not, `then` is called when it can. */
  ready(connected: Socket, then: () => void): boolean;
  /**
   * Begins the handshake on a connected socket.
   * @param done called when it is over
   * @returns the socket that is read and written from now on; null: it is to be closed, as a secret is missing
   */
  begin(connected: Socket, done: () => void): Socket | null;
  /** The handshake is over: "", or why the peer is refused. */
  verify(): string;
  /** Counts what went wrong. @returns why the handshake failed, "" if it did not */
  failed(error: NodeJS.ErrnoException): string;
}

/** What a connection that we open begins with, in front of TLS as well, as latin1. @param own its addresses; it comes from the source */
export type Preamble = (own: ProxyAddresses) => string;

/** Where a connection's bytes count, as they come and go. */
export interface ByteCounters {
  readonly cxRxBytes: Counter;
  readonly cxTxBytes: Counter;
}

/** For connections whose bytes nobody is shown. */
export const UNCOUNTED: ByteCounters = { cxRxBytes: new Counter("", NO_TAGS), cxTxBytes: new Counter("", NO_TAGS) };

/** Body bytes up to here travel in the same latin1 string as the head: one write, no Buffer object. */
const INLINE_BYTES = 8_192;

/**
 * One TCP connection: bytes in by the shared buffer, bytes out gathered and written once per turn (or round: `Turn`), back-pressure as counts.
 * The only class of the data path that touches a node:net socket.
 */
export class Transport implements ByteSink, Flushable, TimerOwner {
  /** With TLS: the connected one, then the one over it. */
  socket: Socket;
  /** Of this connection, unique in its data plane. */
  readonly id: number;
  bytesRead = 0;
  bytesWritten = 0;
  private readonly counters: ByteCounters;
  private readonly context: NetContext;
  private handler: TransportHandler;
  private readonly highWatermark: number;
  private buffer: ReadBuffer;
  private largeReads = false;
  private pauses = 0;
  private text = "";
  private pieces: (string | Buffer)[] | null = null;
  /** Buffers that writes still point into, and how many of those writes are unfinished. */
  private readonly lent: ReadBuffer[] = [];
  private unfinished = 0;
  private dirty = false;
  private sharesWrites = false;
  private above = false;
  /** Read by somebody else before us: the first that the handler gets. */
  private early: Uint8Array | null;
  private closed = false;
  private cause = "";
  /** Null: bytes are sent as they are. */
  private readonly security: TransportSecurity | null;
  private readonly preamble: Preamble | null;
  /** Null: the handshake takes as long as it takes. */
  private handshakeTimer: Timer | null = null;
  /** Why the handshake failed, in Envoy's words; "" if it did not. */
  failureReason = "";
  private readonly onPieceWritten = (): void => this.pieceWritten();

  /**
   * @param open makes the socket, given how it must read (`undefined` where only 'data' events are possible)
   * @param counters of the cluster or the connection manager that the connection belongs to
   * @param highWatermark bytes waiting to be written at which the handler is told
   * @param early what has been read of the connection already
   * @param security what makes it a TLS connection; then nothing is written before `onConnect`
   * @param preamble null: nothing is said in front
   */
  constructor(
    context: NetContext,
    handler: TransportHandler,
    counters: ByteCounters,
    highWatermark: number,
    open: OpenSocket,
    early: Uint8Array | null = null,
    security: TransportSecurity | null = null,
    preamble: Preamble | null = null,
  ) {
    this.context = context;
    this.id = context.nextConnectionId();
    this.handler = handler;
    this.counters = counters;
    this.highWatermark = highWatermark;
    this.buffer = context.buffers.shared;
    this.early = early;
    this.security = security;
    this.preamble = preamble;
    this.socket = open(context.readsIntoBuffers && security === null ? this.readOptions() : undefined);
    if (security === null) {
      if (!context.readsIntoBuffers) this.readByEvents(this.socket);
      this.listenTo(this.socket);
    } else if (this.socket.connecting) this.secureOnceConnected(this.socket);
    else this.secure(security);
  }

  private listenTo(socket: Socket): void {
    socket.on("end", () => this.guarded(() => this.handler.onEnd()));
    socket.on("error", (error: NodeJS.ErrnoException) => this.onError(error));
    socket.on("close", () => this.onClosed());
    socket.on("drain", () => this.guarded(() => this.checkBelow()));
  }

  private readByEvents(socket: Socket): void {
    socket.on("data", (chunk: Buffer) => this.onChunk(chunk));
  }

  private onError(error: NodeJS.ErrnoException): void {
    this.cause = error.code ?? error.message;
  }

  /** For a socket that is still connecting; with TLS, `onConnect` comes when the handshake is over. */
  awaitConnect(): void {
    if (this.security !== null) return;
    this.socket.on("connect", () => {
      this.guarded(() => {
        if (this.preamble !== null) this.writeText(this.preamble(addressesOf(this.socket)));
        this.handler.onConnect();
      });
    });
  }

  // TLS

  /** What is known of a TLS connection; null for others. */
  get tls(): TlsInfo | null {
    return this.security === null ? null : this.security.info;
  }

  private secureOnceConnected(connecting: Socket): void {
    this.awaitSecurity(connecting);
    connecting.on("connect", () => {
      if (this.security === null || connecting.destroyed) return;
      if (this.preamble !== null) this.writeInFront(connecting, this.preamble);
      this.secure(this.security);
    });
  }

  private writeInFront(connected: Socket, preamble: Preamble): void {
    const text = preamble(addressesOf(connected));
    this.bytesWritten += text.length;
    this.counters.cxTxBytes.value += text.length;
    connected.write(text, "latin1");
  }

  /** For a socket that is to become a TLS one: once there is that one over it, its end counts. */
  private awaitSecurity(socket: Socket): void {
    socket.on("error", (error: NodeJS.ErrnoException) => {
      if (this.socket === socket) this.onError(error);
    });
    socket.on("close", () => {
      if (this.socket === socket) this.onClosed();
    });
  }

  private secure(security: TransportSecurity): void {
    const connected = this.socket;
    if (security.timeoutMs > 0) {
      const { timers, turn } = this.context;
      this.handshakeTimer = new Timer(this, 0);
      timers.arm(this.handshakeTimer, turn.now, security.timeoutMs);
    }
    if (!security.ready(connected, () => this.guarded(() => this.handshake(security, connected)))) {
      this.awaitSecurity(connected);
      connected.on("end", () => {
        if (this.socket === connected) connected.destroy();
      });
    } else this.handshake(security, connected);
  }

  private handshake(security: TransportSecurity, connected: Socket): void {
    if (connected.destroyed) return;
    const socket = security.begin(connected, () => this.guarded(() => this.onHandshake(security)));
    if (socket === null) {
      this.failureReason = SECRET_MISSING;
      this.listenTo(connected);
      connected.destroy();
      return;
    }
    this.socket = socket;
    if (!this.context.readsIntoBuffers || !attachReader(socket, this.readOptions())) this.readByEvents(socket);
    let failed = false;
    const onError = (error: NodeJS.ErrnoException): void => {
      if (failed) return;
      failed = true;
      this.failureReason = security.failed(error);
    };
    socket.on("error", onError);
    // What goes wrong after the handshake: a server's TLS socket that no tls.Server has made leaves the rest to us.
    socket.on("_tlsError", (error: NodeJS.ErrnoException) => {
      onError(error);
      if (!socket.destroyed) socket.destroy();
    });
    socket.on("end", () => this.guarded(() => this.handler.onEnd()));
    socket.on("close", () => this.onClosed());
    socket.on("drain", () => this.guarded(() => this.checkBelow()));
  }

  /** The handshake has taken too long. */
  onTimer(): void {
    this.security?.timedOut();
    this.socket.destroy();
  }

  private onHandshake(security: TransportSecurity): void {
    if (this.handshakeTimer !== null) this.context.timers.disarm(this.handshakeTimer);
    if (this.closed || this.socket.destroyed) return;
    this.failureReason = security.verify();
    if (this.failureReason === "") this.handler.onConnect();
    else this.socket.destroy();
  }

  /** Begins to read; again a no-op. */
  start(): void {
    const { early } = this;
    if (this.pauses > 0) return;
    if (early !== null) {
      this.early = null;
      this.onChunk(early);
      if (this.pauses > 0) return;
    }
    this.socket.resume();
  }

  get isClosed(): boolean {
    return this.closed;
  }

  // ByteSink

  get waitingBytes(): number {
    let bytes = this.text.length + this.socket.writableLength;
    if (this.pieces !== null) for (const piece of this.pieces) bytes += piece.length;
    return bytes;
  }

  writeText(text: string): void {
    this.text += text;
    this.markDirty();
  }

  writeBytes(buffer: ReadBuffer, start: number, end: number): void {
    const size = end - start;
    if (this.text.length + size <= INLINE_BYTES) {
      this.text += latin1(buffer.bytes, start, end);
    } else {
      this.pieces ??= [];
      this.context.turn.flushSoon();
      if (this.text !== "") {
        this.pieces.push(this.text);
        this.text = "";
      }
      if (buffer.shared) this.pieces.push(Buffer.from(buffer.bytes.subarray(start, end)));
      else {
        buffer.holders++;
        this.lent.push(buffer);
        this.pieces.push(buffer.bytes.subarray(start, end));
      }
    }
    this.markDirty();
  }

  /** From now on it carries many messages at once: what one turn writes may leave with what others write. */
  shareWrites(): void {
    this.sharesWrites = true;
  }

  private markDirty(): void {
    if (this.sharesWrites) this.context.turn.touchShared();
    if (this.dirty) return;
    this.dirty = true;
    if (this.sharesWrites) this.context.turn.flushShared(this);
    else this.context.turn.flushLater(this);
  }

  /** The end of the turn, or of the round: one write for everything. */
  flush(): void {
    try {
      this.write();
    } catch (error) {
      this.onBug(error);
    }
  }

  private write(): void {
    this.dirty = false;
    const { socket, text, pieces } = this;
    this.text = "";
    if (this.closed || socket.destroyed) {
      this.pieces = null;
      this.releaseLent();
      return;
    }
    if (pieces === null) {
      if (text === "") return;
      this.bytesWritten += text.length;
      this.counters.cxTxBytes.value += text.length;
      socket.write(text, "latin1");
    } else {
      this.pieces = null;
      if (text !== "") pieces.push(text);
      this.writePieces(pieces);
    }
    if (socket.writableLength > this.highWatermark && !this.above) {
      this.above = true;
      this.handler.onAboveWatermark();
    }
  }

  private writePieces(pieces: (string | Buffer)[]): void {
    const { socket, counters } = this;
    if (pieces.length > 1) socket.cork();
    for (const piece of pieces) {
      this.bytesWritten += piece.length;
      counters.cxTxBytes.value += piece.length;
      if (typeof piece === "string") socket.write(piece, "latin1");
      else {
        this.unfinished++;
        socket.write(piece, this.onPieceWritten);
      }
    }
    if (pieces.length > 1) socket.uncork();
    // The kernel took it all: the buffers are free before their callbacks run.
    if (socket.writableLength === 0) this.releaseLent();
  }

  private pieceWritten(): void {
    if (--this.unfinished === 0) this.releaseLent();
    if (this.above) this.guarded(() => this.checkBelow());
  }

  private checkBelow(): void {
    if (!this.above || this.socket.writableLength > this.highWatermark >> 1) return;
    this.above = false;
    this.handler.onBelowWatermark();
  }

  private releaseLent(): void {
    const { lent } = this;
    for (let i = 0; i < lent.length; i++) this.context.buffers.release(lent[i]);
    lent.length = 0;
  }

  /** Drops what was written and has not left. */
  discardUnflushed(): void {
    this.text = "";
    this.pieces = null;
    if (this.unfinished === 0) this.releaseLent();
  }

  // Reading

  /** Counted: reading goes on when every pause has been taken back. */
  pauseReading(): void {
    if (this.pauses++ === 0 && !this.closed) this.socket.pause();
  }

  resumeReading(): void {
    if (this.pauses > 0 && --this.pauses === 0 && !this.closed) this.start();
  }

  /** From the next read on: large buffers of our own, which need no copy on the way out. */
  useLargeReads(large: boolean): void {
    this.largeReads = large;
  }

  private readOptions(): OnReadOpts {
    return {
      // Asked for with each socket that is tried, before anything is read.
      buffer: (): Uint8Array => (this.bytesRead === 0 ? this.buffer.bytes : this.nextBuffer()),
      callback: (length: number): boolean => {
        this.received(this.buffer, length);
        return true;
      },
    };
  }

  /** Node asks after each read which buffer comes next; anything but a Uint8Array leaves it as it is. */
  private nextBuffer(): Uint8Array {
    const { buffers } = this.context;
    const { buffer } = this;
    if (this.largeReads && !this.closed) {
      if (!buffer.shared && buffer.holders === 1) return KEEP_BUFFER;
      if (!buffer.shared) buffers.release(buffer);
      this.buffer = buffers.acquire();
    } else {
      if (buffer.shared) return KEEP_BUFFER;
      buffers.release(buffer);
      this.buffer = buffers.shared;
    }
    return this.buffer.bytes;
  }

  /** Bytes that somebody else has read, or that come by events where the runtime has no `onread` for accepted sockets. */
  private onChunk(chunk: Uint8Array): void {
    const { shared } = this.context.buffers;
    for (let at = 0; at < chunk.length; at += shared.capacity) {
      const piece = chunk.subarray(at, at + shared.capacity);
      shared.bytes.set(piece);
      this.received(shared, piece.length);
    }
  }

  private received(buffer: ReadBuffer, length: number): void {
    if (this.closed) return;
    this.bytesRead += length;
    this.counters.cxRxBytes.value += length;
    const { turn } = this.context;
    turn.begin();
    try {
      this.handler.onRead(buffer, length);
    } catch (error) {
      this.onBug(error);
    }
    turn.end();
  }

  // Closing

  /** Writes what is left, then closes. */
  closeAfterFlush(): void {
    if (this.closed) return;
    if (this.dirty) this.flush();
    this.socket.destroySoon();
  }

  /** Writes what is left, then says that it was all (FIN); reading goes on. */
  endWriting(): void {
    if (this.closed) return;
    if (this.dirty) this.flush();
    this.socket.end();
  }

  /** Closes now; what has not been written is lost. */
  destroy(): void {
    if (this.closed) return;
    this.discardUnflushed();
    this.socket.destroy();
  }

  /** Closes now, with RST; a TLS socket has no way to do that. */
  reset(): void {
    if (this.closed) return;
    this.discardUnflushed();
    if (this.security === null) this.socket.resetAndDestroy();
    else this.socket.destroy();
  }

  private onClosed(): void {
    if (this.closed) return;
    this.closed = true;
    if (this.handshakeTimer !== null) this.context.timers.disarm(this.handshakeTimer);
    this.guarded(() => this.handler.onClose(this.cause));
    this.releaseLent();
    this.context.buffers.release(this.buffer);
    this.buffer = this.context.buffers.shared;
  }

  private guarded(run: () => void): void {
    const { turn } = this.context;
    turn.begin();
    try {
      run();
    } catch (error) {
      this.onBug(error);
    }
    turn.end();
  }

  /** An exception of ours costs this connection, not the process. */
  private onBug(error: unknown): void {
    this.context.reportBug(error);
    this.reset();
  }
}

function addressesOf({ localAddress = "", localPort = 0, remoteAddress = "", remotePort = 0 }: Socket): ProxyAddresses {
  return { source: localAddress, sourcePort: localPort, destination: remoteAddress, destinationPort: remotePort };
}

/** Source: Envoy `source/common/tls/ssl_socket.cc`, NotReadySslSocket. */
const SECRET_MISSING = "TLS error: Secret is not supplied by SDS";

/** Typed as what Node's types ask for; Node itself keeps the present buffer unless it gets a Uint8Array. */
const KEEP_BUFFER = undefined as unknown as Uint8Array;
