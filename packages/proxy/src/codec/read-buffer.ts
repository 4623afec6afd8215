/**
 * Memory that sockets read into and codecs scan: bytes, and the same memory as 32-bit words for the scanner.
 *
 * A `shared` buffer is valid only until the read callback returns: whatever outlives it must be copied. An owned buffer may be
 * lent to a write; `holders` counts the reader and the writes that still point into it, and the last one to let go gives it back.
 */
export class ReadBuffer {
  readonly bytes: Buffer;
  readonly words: Int32Array;
  readonly capacity: number;
  readonly shared: boolean;
  holders = 0;

  /** @param capacity in bytes, rounded up to a multiple of 4. */
  constructor(capacity: number, shared = false) {
    const size = (capacity + 3) & ~3;
    const memory = new ArrayBuffer(size);
    this.bytes = Buffer.from(memory);
    this.words = new Int32Array(memory);
    this.capacity = size;
    this.shared = shared;
  }
}
