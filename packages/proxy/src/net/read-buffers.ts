import { ReadBuffer } from "../codec/read-buffer.ts";

/** One read of the usual size; libuv asks for 64 KiB too. */
const SHARED_BYTES = 65_536;
/** Reads of a long body: measured best, 1.1–1.3 GB/s a core against 0.85 with 64 KiB (docs/decisions/0012-body-buffers.md). */
const LARGE_BYTES = 262_144;
/** Large buffers kept for the next long body: 4 MiB. */
const MAX_FREE = 16;

/** The memory that sockets read into: one shared buffer for all, and large ones that a reader and writes hold by turns. */
export class ReadBuffers {
  readonly shared = new ReadBuffer(SHARED_BYTES, true);
  private readonly free: ReadBuffer[] = [];

  /** A large buffer with one holder. */
  acquire(): ReadBuffer {
    const buffer = this.free.pop() ?? new ReadBuffer(LARGE_BYTES);
    buffer.holders = 1;
    return buffer;
  }

  release(buffer: ReadBuffer): void {
    if (buffer.shared || --buffer.holders > 0) return;
    if (this.free.length < MAX_FREE && buffer.capacity === LARGE_BYTES) this.free.push(buffer);
  }
}
