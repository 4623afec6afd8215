import { HeaderBlock } from "../header-block.ts";
import type { ProtocolError } from "../messages.ts";
import type { ReadBuffer } from "../read-buffer.ts";
import { CR, HEX, HTAB, LF, SEMICOLON, SP, VALUE } from "./characters.ts";
import { INCOMPLETE, MALFORMED } from "./head-scanner.ts";
import { HeadReader, noStartLine } from "./head-reader.ts";
import { HTTP1_ERRORS } from "./protocol-errors.ts";

/** Who gets the pieces of a body. */
export interface BodyReceiver {
  onBodyData(buffer: ReadBuffer, start: number, end: number, last: boolean): void;
  /** Instead of a last piece. @param end where they end in the bytes being read */
  onBodyTrailers(trailers: HeaderBlock, end: number): void;
}

/**
 * Bytes of extensions and leading zeros allowed in one chunk-size line. Envoy sets no limit; Node's is 16 KiB
 * (CVE-2024-22019: such a line costs the sender nothing and reaches nobody).
 */
const MAX_CHUNK_LINE = 16_384;

const NONE = 0;
const FIXED = 1;
const UNTIL_CLOSE = 2;
const SIZE_FIRST = 3;
const SIZE_MORE = 4;
const SIZE_SPACE = 5;
const EXTENSION = 6;
const SIZE_LF = 7;
const DATA = 8;
const DATA_CR = 9;
const DATA_LF = 10;
const TRAILERS = 11;
const FAILED = 12;

/** Body framing of RFC 9112 §6–7, in the order content-length, chunked, until the connection closes. */
export class BodyReader {
  error: ProtocolError = HTTP1_ERRORS.codec;
  private readonly receiver: BodyReceiver;
  private readonly maxTrailerBytes: number;
  private readonly maxTrailerCount: number;
  private state = NONE;
  /** Bytes to come of the body (FIXED) or of the chunk. */
  private remaining = 0;
  private lineLength = 0;
  private trailers: HeadReader | null = null;
  private trailerBlock: HeaderBlock | null = null;

  constructor(receiver: BodyReceiver, maxTrailerBytes: number, maxTrailerCount: number) {
    this.receiver = receiver;
    this.maxTrailerBytes = maxTrailerBytes;
    this.maxTrailerCount = maxTrailerCount;
  }

  startFixed(length: number): void {
    this.state = FIXED;
    this.remaining = length;
  }

  startChunked(): void {
    this.state = SIZE_FIRST;
    this.remaining = 0;
    this.lineLength = 0;
  }

  startUntilClose(): void {
    this.state = UNTIL_CLOSE;
  }

  /** Ends the body; the trailer memory of the last one is let go. */
  reset(): void {
    this.state = NONE;
    this.trailers = null;
    this.trailerBlock = null;
  }

  get complete(): boolean {
    return this.state === NONE;
  }

  get untilClose(): boolean {
    return this.state === UNTIL_CLOSE;
  }

  /** Whether so much is still to come that the reader had better use large buffers. */
  get long(): boolean {
    return this.state === UNTIL_CLOSE || this.remaining > 65_536;
  }

  /** Takes bytes of the body; gives the offset after them (all of them unless the body ended), or MALFORMED. */
  read(buffer: ReadBuffer, i: number, end: number): number {
    while (i < end && this.state !== NONE) {
      const { state } = this;
      if (state === FIXED || state === DATA) {
        const available = end - i;
        const size = available < this.remaining ? available : this.remaining;
        this.remaining -= size;
        const last = state === FIXED && this.remaining === 0;
        if (last) this.state = NONE;
        else if (this.remaining === 0) this.state = DATA_CR;
        this.receiver.onBodyData(buffer, i, i + size, last);
        i += size;
      } else if (state === UNTIL_CLOSE) {
        this.receiver.onBodyData(buffer, i, end, false);
        return end;
      } else if (state === TRAILERS) {
        i = this.readTrailers(buffer, i, end);
        if (i === INCOMPLETE) return end;
        if (i < 0) return MALFORMED;
      } else if (state === FAILED) {
        return MALFORMED;
      } else {
        i = this.readChunkLine(buffer, i, end);
        if (i < 0) return MALFORMED;
      }
    }
    return i;
  }

  /** One pass over the bytes between two chunks' data. */
  private readChunkLine(buffer: ReadBuffer, i: number, end: number): number {
    const { bytes } = buffer;
    while (i < end) {
      const c = bytes[i++];
      switch (this.state) {
        case SIZE_FIRST:
        case SIZE_MORE:
          if (HEX[c] !== 0) {
            this.remaining = this.remaining * 16 + HEX[c] - 1;
            if (this.remaining > Number.MAX_SAFE_INTEGER || ++this.lineLength > MAX_CHUNK_LINE) return this.fail();
            this.state = SIZE_MORE;
          } else if (this.state === SIZE_FIRST || !this.endSize(c)) return this.fail();
          break;
        case SIZE_SPACE:
          if (!this.endSize(c)) return this.fail();
          break;
        case EXTENSION:
          if (c === CR) this.state = SIZE_LF;
          else if (VALUE[c] === 0 || ++this.lineLength > MAX_CHUNK_LINE) return this.fail();
          break;
        case SIZE_LF:
          if (c !== LF) return this.fail();
          this.lineLength = 0;
          this.state = this.remaining > 0 ? DATA : TRAILERS;
          return i;
        case DATA_CR:
          if (c !== CR) return this.fail();
          this.state = DATA_LF;
          break;
        case DATA_LF:
          if (c !== LF) return this.fail();
          this.state = SIZE_FIRST;
          break;
        default:
          return this.fail();
      }
    }
    return i;
  }

  /** A byte after the size: white space, an extension, or the end of the line. */
  private endSize(c: number): boolean {
    if (c === CR) this.state = SIZE_LF;
    else if (c === SEMICOLON) this.state = EXTENSION;
    else if (c === SP || c === HTAB) this.state = SIZE_SPACE;
    else return false;
    return ++this.lineLength <= MAX_CHUNK_LINE;
  }

  private readTrailers(buffer: ReadBuffer, i: number, end: number): number {
    // The usual end: no trailers, and nothing gathered.
    if (this.trailers === null && i + 1 < end && buffer.bytes[i] === CR && buffer.bytes[i + 1] === LF) {
      this.state = NONE;
      this.receiver.onBodyData(buffer, i + 2, i + 2, true);
      return i + 2;
    }
    const reader = (this.trailers ??= new HeadReader(noStartLine));
    const block = (this.trailerBlock ??= new HeaderBlock());
    const after = reader.read(buffer, i, end, block, this.maxTrailerBytes, this.maxTrailerCount);
    if (after >= 0) {
      this.state = NONE;
      if (block.count === 0) this.receiver.onBodyData(buffer, after, after, true);
      else this.receiver.onBodyTrailers(block, after);
    } else if (after === MALFORMED) {
      this.state = FAILED;
      this.error = reader.error;
    }
    return after;
  }

  private fail(): number {
    this.state = FAILED;
    this.error = HTTP1_ERRORS.codec;
    return MALFORMED;
  }
}
