import { type BrotliCompress, type Gzip, constants, createBrotliCompress, createGzip } from "node:zlib";
import { ReadBuffer } from "../../codec/read-buffer.ts";
import type { NetContext } from "../../net/context.ts";
import type { CompressionPlan } from "../../plan/filters/compressor.ts";
import type { Exchange } from "../exchange.ts";
import type { HttpFilter } from "./filter.ts";

const EMPTY = new ReadBuffer(0);

/** Who is told how many bytes went in and came out. */
export interface CompressionMeter {
  onBytes(uncompressed: number, compressed: number): void;
}

/**
 * Compresses the body of one response. zlib works on threads of its own: bytes come back in a later turn, and as long as many wait the
 * upstream is not read. What has come is sent on without waiting for more.
 */
export class Compression {
  private readonly filter: HttpFilter;
  private readonly exchange: Exchange;
  private readonly turn: NetContext["turn"];
  private readonly meter: CompressionMeter;
  private readonly stream: Gzip | BrotliCompress;
  private readonly flushKind: number;
  /** Given to zlib, and not worked off. */
  private waitingBytes = 0;
  private pauses = false;
  private trailersWait = false;
  private stopped = false;

  constructor(
    filter: HttpFilter,
    exchange: Exchange,
    turn: NetContext["turn"],
    plan: CompressionPlan,
    meter: CompressionMeter,
  ) {
    this.filter = filter;
    this.exchange = exchange;
    this.turn = turn;
    this.meter = meter;
    const isGzip = plan.encoding === "gzip";
    this.stream = isGzip ? createGzip(plan.options) : createBrotliCompress(plan.options);
    this.flushKind = isGzip ? constants.Z_SYNC_FLUSH : constants.BROTLI_OPERATION_FLUSH;
    this.stream.on("data", (bytes: Buffer) => this.inTurn(() => this.onData(bytes)));
    this.stream.on("end", () => this.inTurn(() => this.onEnd()));
    // Out of memory, as far as one can tell.
    this.stream.on("error", () => this.inTurn(() => exchange.abort("", "compression_failed")));
  }

  /** Copies. */
  write(buffer: ReadBuffer, start: number, end: number, endStream: boolean): void {
    const length = end - start;
    if (length > 0) {
      this.waitingBytes += length;
      this.meter.onBytes(length, 0);
      const copy = Buffer.from(buffer.bytes.subarray(start, end));
      this.stream.write(copy, () => this.inTurn(() => this.onTaken(length)));
    }
    if (endStream) this.stream.end();
    else if (length > 0) this.stream.flush(this.flushKind);
    this.adjustPause();
  }

  /** The body is over; its trailers follow when it has been sent. */
  endWithTrailers(): void {
    this.trailersWait = true;
    this.stream.end();
  }

  stop(): void {
    this.stopped = true;
    this.stream.destroy();
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
    const piece = new ReadBuffer(bytes.length);
    bytes.copy(piece.bytes);
    this.meter.onBytes(0, bytes.length);
    this.exchange.filters.sendResponseData(this.filter, piece, 0, bytes.length, false);
  }

  private onEnd(): void {
    const { filters } = this.exchange;
    if (this.trailersWait) filters.continueResponseTrailers();
    else filters.sendResponseData(this.filter, EMPTY, 0, 0, true);
  }

  private adjustPause(): void {
    const { exchange, waitingBytes } = this;
    const limit = exchange.connection?.bufferLimitBytes ?? 0;
    if (!this.pauses && waitingBytes > limit) {
      this.pauses = true;
      exchange.filters.pauseResponse();
    } else if (this.pauses && waitingBytes <= limit / 2) {
      this.pauses = false;
      exchange.filters.resumeResponse();
    }
  }
}
