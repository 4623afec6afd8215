import { ReadBuffer } from "../read-buffer.ts";
import type { Http2Stream } from "./stream.ts";

/** CONTINUATION frames of one block (CVE-2024-30255). Source: Envoy, which allows its library so many. */
const MAX_CONTINUATIONS = 512;
/** A block of headers, compressed, in bytes: at least this, or twice what its headers may have. */
const MIN_LIMIT = 65_536;

/** A header block that comes in several frames, put together. One at a time: nothing may come between them (RFC 9113 §4.3). */
export class BlockAssembler {
  /** Whose block it is; 0: none is being put together. */
  streamId = 0;
  /** Null: it is decoded for the tables' sake only. */
  stream: Http2Stream | null = null;
  /** Of its HEADERS frame. */
  flags = 0;
  /** Octets of its frames. */
  wire = 0;
  length = 0;
  private readonly limit: number;
  private buffer = NOTHING;
  private continuations = 0;

  constructor(maxHeadersBytes: number) {
    this.limit = Math.max(MIN_LIMIT, 2 * maxHeadersBytes);
  }

  get bytes(): Buffer {
    return this.buffer.bytes;
  }

  /** The first part has come, and is not all. */
  begin(streamId: number): void {
    this.streamId = streamId;
    this.length = 0;
    this.continuations = 0;
  }

  /** False: there are too many. */
  countContinuation(): boolean {
    return ++this.continuations <= MAX_CONTINUATIONS;
  }

  /** False: it is too large. */
  add(from: ReadBuffer, start: number, end: number): boolean {
    const length = this.length + end - start;
    if (length > this.limit) return false;
    if (this.buffer.capacity < length) {
      const larger = new ReadBuffer(2 * length, true);
      this.buffer.bytes.copy(larger.bytes, 0, 0, this.length);
      this.buffer = larger;
    }
    from.bytes.copy(this.buffer.bytes, this.length, start, end);
    this.length = length;
    return true;
  }

  /** It has been decoded, or is of no use. */
  clear(): void {
    this.streamId = 0;
    this.stream = null;
    this.buffer = NOTHING;
  }
}

const NOTHING = new ReadBuffer(0, true);
