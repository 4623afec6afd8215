import type { Transform } from "node:stream";
import { HeaderBlock } from "../../codec/header-block.ts";
import { ReadBuffer } from "../../codec/read-buffer.ts";
import type { NetContext } from "../../net/context.ts";
import type { Exchange } from "../exchange.ts";
import type { HttpFilter } from "./filter.ts";

const EMPTY = new ReadBuffer(0);

/** Who is told how many bytes went in and came out. */
export interface RecodingMeter {
  onBytes(taken: number, made: number): void;
}

/** What zlib does to a body. */
export interface Recoder {
  readonly stream: Transform & { flush(kind: number): void };
  /** How what has come is sent on without waiting for more; -1: it is anyway. */
  readonly flushKind: number;
  /** Bytes as the stream takes them; what comes before its own beginning, or after its end, is not for it. */
  take(bytes: Buffer): Buffer;
  /** How many of these bytes, that have come out, go on: none once there is an end to it. */
  admits(bytes: Buffer): boolean;
  /** What cannot be read is the end of the body; otherwise the exchange is broken off. */
  readonly forgiving: boolean;
  /** Trailers that tell what came of it; null: none. */
  report(trailers: HeaderBlock): void;
  readonly reports: boolean;
}

/**
 * Makes another form of one body, a request's or a response's. zlib works on threads of its own: bytes come back in a later turn, and as long
 * as many wait nothing more is read. What has come is sent on without waiting for more.
 */
export class Recoding {
  private readonly filter: HttpFilter;
  private readonly exchange: Exchange;
  private readonly turn: NetContext["turn"];
  private readonly recoder: Recoder;
  private readonly meter: RecodingMeter;
  private readonly ofRequest: boolean;
  /** Given to zlib, and not worked off. */
  private waitingBytes = 0;
  private pauses = false;
  private trailersWait = false;
  /** Takes nothing more: what is compressed is over, or cannot be read. */
  private done = false;
  private ended = false;
  private stopped = false;

  constructor(
    filter: HttpFilter,
    exchange: Exchange,
    turn: NetContext["turn"],
    recoder: Recoder,
    meter: RecodingMeter,
    ofRequest: boolean,
  ) {
    this.filter = filter;
    this.exchange = exchange;
    this.turn = turn;
    this.recoder = recoder;
    this.meter = meter;
    this.ofRequest = ofRequest;
    const { stream } = recoder;
    stream.on("data", (bytes: Buffer) => this.inTurn(() => this.onData(bytes)));
    stream.on("end", () => this.inTurn(() => this.onStreamEnd()));
    stream.on("error", () => this.inTurn(() => this.onError()));
  }

  /** Copies. */
  write(buffer: ReadBuffer, start: number, end: number, endStream: boolean): void {
    const length = end - start;
    const { recoder } = this;
    if (length > 0) {
      this.meter.onBytes(length, 0);
      const bytes = recoder.take(Buffer.from(buffer.bytes.subarray(start, end)));
      if (bytes.length > 0 && !this.done) {
        this.waitingBytes += bytes.length;
        recoder.stream.write(bytes, () => this.inTurn(() => this.onTaken(bytes.length)));
      }
    }
    if (endStream) this.end();
    else if (length > 0 && recoder.flushKind >= 0 && !this.done) recoder.stream.flush(recoder.flushKind);
    this.adjustPause();
  }

  /** The body is over. False: its trailers follow when it has been sent. */
  endsWithTrailers(trailers: HeaderBlock): boolean {
    if (this.done) {
      this.recoder.report(trailers);
      return true;
    }
    this.trailersWait = true;
    this.end();
    return false;
  }

  private end(): void {
    this.ended = true;
    if (!this.done) this.recoder.stream.end();
    else this.onEnd();
  }

  stop(): void {
    this.stopped = true;
    this.recoder.stream.destroy();
  }

  private inTurn(run: () => void): void {
    if (this.stopped) return;
    this.turn.begin();
    run();
    this.turn.end();
  }

  private onTaken(bytes: number): void {
    this.waitingBytes -= bytes;
    this.adjustPause();
  }

  private onData(bytes: Buffer): void {
    if (this.done) return;
    if (!this.recoder.admits(bytes)) {
      this.recoder.stream.destroy();
      this.onStreamEnd();
      return;
    }
    const piece = new ReadBuffer(bytes.length);
    bytes.copy(piece.bytes);
    this.meter.onBytes(0, bytes.length);
    this.send(piece, bytes.length, false);
  }

  private send(piece: ReadBuffer, length: number, endStream: boolean): void {
    const { filters } = this.exchange;
    if (this.ofRequest) filters.sendRequestData(this.filter, piece, 0, length, endStream);
    else filters.sendResponseData(this.filter, piece, 0, length, endStream);
  }

  /** What was compressed may be over before the body is. */
  private onStreamEnd(): void {
    this.done = true;
    this.waitingBytes = 0;
    this.adjustPause();
    if (this.ended) this.onEnd();
  }

  private onEnd(): void {
    const { exchange, recoder, ofRequest } = this;
    const { filters } = exchange;
    if (this.trailersWait) {
      filters.addToTrailers(ofRequest, (trailers) => recoder.report(trailers));
      if (ofRequest) filters.continueRequestTrailers();
      else filters.continueResponseTrailers();
    } else if (recoder.reports) {
      const trailers = new HeaderBlock();
      recoder.report(trailers);
      if (ofRequest) filters.sendRequestTrailers(this.filter, trailers);
      else filters.sendResponseTrailers(this.filter, trailers);
    } else this.send(EMPTY, 0, true);
  }

  private onError(): void {
    // Otherwise out of memory, as far as one can tell.
    if (!this.recoder.forgiving) {
      this.exchange.abort("", "compression_failed");
      return;
    }
    this.onStreamEnd();
  }

  private adjustPause(): void {
    const { exchange, waitingBytes } = this;
    const limit = exchange.connection?.bufferLimitBytes ?? 0;
    if (!this.pauses && waitingBytes > limit) {
      this.pauses = true;
      if (this.ofRequest) exchange.pauseRequest();
      else exchange.filters.pauseResponse();
    } else if (this.pauses && waitingBytes <= limit / 2) {
      this.pauses = false;
      if (this.ofRequest) exchange.resumeRequest();
      else exchange.filters.resumeResponse();
    }
  }
}
