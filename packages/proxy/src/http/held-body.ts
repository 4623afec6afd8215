import type { RequestEncoder } from "../codec/messages.ts";
import { ReadBuffer } from "../codec/read-buffer.ts";

/** Body bytes of a request that came before it had an upstream connection: the rest of one read, since the client is held back. */
export class HeldBody {
  private readonly pieces: { readonly buffer: ReadBuffer; readonly length: number; readonly last: boolean }[] = [];

  get isEmpty(): boolean {
    return this.pieces.length === 0;
  }

  /** Copies. */
  add(buffer: ReadBuffer, start: number, end: number, last: boolean): void {
    const copy = new ReadBuffer(end - start);
    buffer.bytes.copy(copy.bytes, 0, start, end);
    this.pieces.push({ buffer: copy, length: end - start, last });
  }

  sendTo(encoder: RequestEncoder): void {
    for (const { buffer, length, last } of this.pieces) encoder.encodeData(buffer, 0, length, last);
    this.clear();
  }

  clear(): void {
    if (this.pieces.length > 0) this.pieces.length = 0;
  }
}
