import type { HeaderBlock } from "../header-block.ts";
import { latin1 } from "../latin1.ts";
import type { ProtocolError } from "../messages.ts";
import { ReadBuffer } from "../read-buffer.ts";
import { CR, HTAB, LF, SP } from "./characters.ts";
import { FOLDED, INCOMPLETE, MALFORMED, lastScanError, scanFieldLines } from "./head-scanner.ts";
import { type HeaderCase, type PreservedCase, ReceivedCase } from "./header-case.ts";
import { HTTP1_ERRORS } from "./protocol-errors.ts";

/** Scans the start line from `i`, gives the offset after it, or what head-scanner.ts gives. */
export type StartLineScanner = (bytes: Buffer, i: number, end: number) => number;

/** Trailers have no start line. */
export const noStartLine: StartLineScanner = (_bytes, i) => i;

const FIRST_CAPACITY = 2048;

/**
 * Reads one head (or trailer section) from any number of reads. In the usual case it lies whole in the read buffer and is
 * scanned there. Otherwise the bytes are gathered in a buffer of its own, at most `maxBytes`, and scanned again only when a
 * line has ended or the size has doubled: byte-wise arrival costs time linear in the size.
 */
export class HeadReader {
  /** After `read` gave MALFORMED. */
  error: ProtocolError = HTTP1_ERRORS.codec;
  /** The memory that the head was scanned in, valid until the next call; start-line offsets refer to it. */
  bytes: Buffer = EMPTY;
  /** Offset of the head in `bytes`. */
  headStart = 0;
  private readonly scanStartLine: StartLineScanner;
  private gathered: ReadBuffer | null = null;
  private size = 0;
  private nextScan = 0;
  /** Names are to be remembered as they came: the scanner lowers them where they lie. */
  private readonly preserved: PreservedCase | null;
  private received = "";

  constructor(scanStartLine: StartLineScanner, headerCase: HeaderCase = null) {
    this.scanStartLine = scanStartLine;
    this.preserved = headerCase === "proper" ? null : headerCase;
  }

  /** Whether part of a head has been taken in. */
  get pending(): boolean {
    return this.size > 0;
  }

  reset(): void {
    this.gathered = null;
    this.size = 0;
    this.nextScan = 0;
    this.received = "";
    this.bytes = EMPTY;
  }

  /**
   * Gives the offset in `buffer` after the head, its lines being in `block`; INCOMPLETE: all bytes are taken, more are
   * needed; MALFORMED: see `error`.
   */
  read(buffer: ReadBuffer, start: number, end: number, block: HeaderBlock, maxBytes: number, maxCount: number): number {
    if (this.preserved === null) return this.readHead(buffer, start, end, block, maxBytes, maxCount);
    const before = this.size;
    this.received += latin1(buffer.bytes, start, Math.min(end, start + maxBytes - before + 1));
    const after = this.readHead(buffer, start, end, block, maxBytes, maxCount);
    if (after === INCOMPLETE) return after;
    if (after >= 0) block.casing = new ReceivedCase(this.received.slice(0, before + after - start), this.preserved);
    this.received = "";
    return after;
  }

  private readHead(
    buffer: ReadBuffer,
    start: number,
    end: number,
    block: HeaderBlock,
    maxBytes: number,
    maxCount: number,
  ): number {
    if (this.size > 0) return this.readGathered(buffer, start, end, block, maxBytes, maxCount);
    const after = this.scan(buffer, start, end, block, maxCount);
    if (after === INCOMPLETE) {
      if (end - start > maxBytes) return this.fail(HTTP1_ERRORS.headersTooLarge);
      this.gather(buffer, start, end);
      this.nextScan = this.size * 2;
      return INCOMPLETE;
    }
    if (after >= 0 && after - start > maxBytes) return this.fail(HTTP1_ERRORS.headersTooLarge);
    return after;
  }

  private readGathered(
    buffer: ReadBuffer,
    start: number,
    end: number,
    block: HeaderBlock,
    maxBytes: number,
    maxCount: number,
  ): number {
    const before = this.size;
    const taken = Math.min(end, start + maxBytes - before + 1);
    this.gather(buffer, start, taken);
    const gathered = this.gathered;
    if (gathered === null) return INCOMPLETE;
    // After a CR anything but LF is wrong, and found out at once.
    const lineEnd = gathered.bytes[before - 1] === CR || buffer.bytes.subarray(start, taken).indexOf(LF) >= 0;
    if (!lineEnd && this.size < this.nextScan && this.size <= maxBytes) return INCOMPLETE;
    const after = this.scan(gathered, 0, this.size, block, maxCount);
    if (after === INCOMPLETE) {
      if (this.size > maxBytes) return this.fail(HTTP1_ERRORS.headersTooLarge);
      this.nextScan = this.size * 2;
      return INCOMPLETE;
    }
    if (after < 0) return after;
    if (after > maxBytes) return this.fail(HTTP1_ERRORS.headersTooLarge);
    this.gathered = null;
    this.size = 0;
    return start + after - before;
  }

  private scan(buffer: ReadBuffer, start: number, end: number, block: HeaderBlock, maxCount: number): number {
    block.reset();
    const { bytes } = buffer;
    this.bytes = bytes;
    this.headStart = start;
    let after = this.scanStartLine(bytes, start, end);
    if (after >= 0) {
      block.start = after - start;
      after = scanFieldLines(bytes, buffer.words, after, end, start, block, maxCount);
    }
    if (after >= 0) {
      block.text = latin1(bytes, start, after);
      return after;
    }
    if (after === FOLDED) return this.scanUnfolded(buffer, start, end, block, maxCount);
    return after === MALFORMED ? this.fail(lastScanError()) : after;
  }

  /** obs-fold (RFC 9112 §5.2): scans a copy from which the CRLF before SP or HTAB is gone, as Envoy does. */
  private scanUnfolded(buffer: ReadBuffer, start: number, end: number, block: HeaderBlock, maxCount: number): number {
    const { bytes } = buffer;
    const empty = bytes.subarray(start, end).indexOf("\r\n\r\n", 0, "latin1");
    if (empty < 0) return INCOMPLETE;
    const after = start + empty + 4;
    const copy = new ReadBuffer(after - start);
    let size = 0;
    for (let i = start; i < after; i++) {
      const next = bytes[i + 2];
      if (bytes[i] === CR && bytes[i + 1] === LF && i + 2 < after && (next === SP || next === HTAB)) i++;
      else copy.bytes[size++] = bytes[i];
    }
    const unfolded = this.scan(copy, 0, size, block, maxCount);
    if (unfolded === INCOMPLETE) return this.fail(HTTP1_ERRORS.codec);
    return unfolded < 0 ? unfolded : after;
  }

  private gather(buffer: ReadBuffer, start: number, end: number): void {
    const size = this.size + (end - start);
    let gathered = this.gathered;
    if (gathered === null || gathered.capacity < size) {
      const larger = new ReadBuffer(Math.max(FIRST_CAPACITY, size * 2));
      if (gathered !== null) gathered.bytes.copy(larger.bytes, 0, 0, this.size);
      this.gathered = gathered = larger;
    }
    buffer.bytes.copy(gathered.bytes, this.size, start, end);
    this.size = size;
  }

  private fail(error: ProtocolError): number {
    this.error = error;
    return MALFORMED;
  }
}

const EMPTY = Buffer.alloc(0);
