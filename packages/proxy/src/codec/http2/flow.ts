import { ReadBuffer } from "../read-buffer.ts";

const CHUNK_BYTES = 16_384;
/** Of a first chunk: most that waits is short. */
const SMALL_CHUNK_BYTES = 1_024;

/**
 * Bytes that wait for a window, copied. In chunks that are filled up, so that many small pieces take no more memory than few large ones.
 */
export class WaitingBytes {
  length = 0;
  private readonly chunks: ReadBuffer[] = [];
  /** Where the first begins, and where the last one's bytes end. */
  private head = 0;
  private tail = 0;

  add(buffer: ReadBuffer, start: number, end: number): void {
    this.length += end - start;
    while (start < end) {
      let last = this.chunks.at(-1);
      if (last === undefined || this.tail === last.capacity) {
        last = new ReadBuffer(last === undefined && end - start < SMALL_CHUNK_BYTES ? SMALL_CHUNK_BYTES : CHUNK_BYTES);
        this.chunks.push(last);
        this.tail = 0;
      }
      const size = Math.min(end - start, last.capacity - this.tail);
      buffer.bytes.copy(last.bytes, this.tail, start, start + size);
      this.tail += size;
      start += size;
    }
  }

  /** The first chunk with what is left of it: `start` to `end`. There is something. */
  get first(): ReadBuffer {
    return this.chunks[0];
  }

  get start(): number {
    return this.head;
  }

  get end(): number {
    return this.chunks.length === 1 ? this.tail : this.chunks[0].capacity;
  }

  /** So many bytes of the first chunk have been used. */
  take(size: number): void {
    this.length -= size;
    this.head += size;
    if (this.head < this.end) return;
    this.chunks.shift();
    this.head = 0;
  }
}

/** What of a window the peer has used up and we have consumed; given back in large pieces, as nghttp2 does (half of the window). */
export class ReceiveWindow {
  private readonly size: number;
  /** What the peer may still send. */
  private left: number;
  private consumed = 0;

  constructor(size: number) {
    this.size = size;
    this.left = size;
  }

  /** Bytes have come. False: more than allowed. */
  receive(bytes: number): boolean {
    this.left -= bytes;
    return this.left >= 0;
  }

  /** Bytes are done with. Gives how much is to be given back now, 0 for not yet. */
  consume(bytes: number): number {
    this.consumed += bytes;
    if (this.consumed < this.size / 2) return 0;
    const given = this.consumed;
    this.consumed = 0;
    this.left += given;
    return given;
  }
}
