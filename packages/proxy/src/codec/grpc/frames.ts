import type { ReadBuffer } from "../read-buffer.ts";

/** Of a message: whether it is compressed, and its length. (gRPC over HTTP/2, "Length-Prefixed-Message") */
export const PREFIX_BYTES = 5;

/** A message as it goes over the wire, uncompressed. */
export function grpcFrame(message: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(PREFIX_BYTES + message.length);
  frame[0] = 0;
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, PREFIX_BYTES);
  return frame;
}

/** Counts gRPC messages in a body, each as soon as it begins (Envoy `source/common/grpc/codec.cc`, `FrameInspector`). */
export class GrpcFrames {
  count = 0;
  /** Bytes of the prefix that have been read. */
  private prefix = 0;
  private length = 0;
  /** Of the message, still to come. */
  private left = 0;

  /** True if a message has begun. */
  read(buffer: ReadBuffer, start: number, end: number): boolean {
    const { bytes } = buffer;
    const before = this.count;
    let i = start;
    while (i < end) {
      if (this.left > 0) {
        const skipped = Math.min(this.left, end - i);
        this.left -= skipped;
        i += skipped;
        continue;
      }
      if (this.prefix === 0) {
        this.count++;
        this.length = 0;
      } else this.length = this.length * 256 + bytes[i];
      i++;
      if (++this.prefix < PREFIX_BYTES) continue;
      this.prefix = 0;
      this.left = this.length;
    }
    return this.count > before;
  }
}
