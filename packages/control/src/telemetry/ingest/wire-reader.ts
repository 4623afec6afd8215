/**
 * Protobuf's wire format, read field by field. Telemetry comes by the megabyte, and most of each message is not kept: reading what is
 * kept costs a fifth of making objects of all of it (docs/decisions/0040). (protobuf.dev/programming-guides/encoding)
 */
import { IngestError } from "./ingest-error.ts";

const VARINT = 0;
const FIXED64 = 1;
const LENGTH = 2;
const FIXED32 = 5;

export interface Hash {
  high: number;
  low: number;
}

export class WireReader {
  /** Number of the field at which it stands. */
  field = 0;
  #type = 0;
  readonly #bytes: Buffer;
  readonly #begin: number;
  #at: number;
  readonly #end: number;

  private constructor(bytes: Buffer, at: number, end: number) {
    this.#bytes = bytes;
    this.#begin = at;
    this.#at = at;
    this.#end = end;
  }

  static of(bytes: Uint8Array): WireReader {
    return new WireReader(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), 0, bytes.byteLength);
  }

  /** The same message, from its beginning. */
  again(): WireReader {
    return new WireReader(this.#bytes, this.#begin, this.#end);
  }

  /** Goes to the next field; false at the end. Its value has to be read, or skipped. */
  next(): boolean {
    if (this.#at >= this.#end) return false;
    const tag = this.#varint();
    this.#type = tag % 8;
    this.field = Math.floor(tag / 8);
    if (this.field === 0) throw new IngestError("the message has a field with the number 0");
    return true;
  }

  skip(): void {
    if (this.#type === VARINT) this.#varint();
    else if (this.#type === FIXED64) this.#take(8);
    else if (this.#type === LENGTH) this.#take(this.#varint());
    else if (this.#type === FIXED32) this.#take(4);
    else throw new IngestError("the message has a group, or something that is no field");
  }

  /** uint32, uint64, bool, enum; beyond 2^53 not exact. */
  uint(): number {
    this.#expect(VARINT);
    return this.#varint();
  }

  /** int32, int64: two's complement in 64 bits. */
  int(): number {
    const value = this.uint();
    return value >= 2 ** 63 ? value - 2 ** 64 : value;
  }

  /** fixed64; beyond 2^53 not exact. */
  fixed64(): number {
    this.#expect(FIXED64);
    const at = this.#take(8);
    return this.#bytes.readUInt32LE(at) + this.#bytes.readUInt32LE(at + 4) * 2 ** 32;
  }

  double(): number {
    this.#expect(FIXED64);
    return this.#bytes.readDoubleLE(this.#take(8));
  }

  /** What is not UTF-8 becomes U+FFFD. */
  text(): string {
    const { begin, end } = this.#range();
    return this.#bytes.toString("utf8", begin, end);
  }

  hex(): string {
    const { begin, end } = this.#range();
    return this.#bytes.toString("hex", begin, end);
  }

  /** Of the bytes of the value: two of 32 bits, mixed into `hash`. (Fowler–Noll–Vo, and the same with another prime) */
  hashInto(hash: Hash): void {
    const { begin, end } = this.#range();
    let { high, low } = hash;
    for (let at = begin; at < end; at++) {
      const byte = this.#bytes[at]!;
      high = Math.imul(high ^ byte, 0x01000193);
      low = Math.imul(low ^ byte, 0x5bd1e995) ^ (low >>> 15);
    }
    hash.high = high;
    hash.low = low;
  }

  /** A view, no copy. */
  bytes(): Uint8Array {
    const { begin, end } = this.#range();
    return this.#bytes.subarray(begin, end);
  }

  message(): WireReader {
    const { begin, end } = this.#range();
    return new WireReader(this.#bytes, begin, end);
  }

  #range(): { begin: number; end: number } {
    this.#expect(LENGTH);
    const length = this.#varint();
    const begin = this.#take(length);
    return { begin, end: begin + length };
  }

  #expect(type: number): void {
    if (this.#type !== type) throw new IngestError(`field ${this.field} is of another type than it should be`);
  }

  #take(length: number): number {
    const at = this.#at;
    if (length > this.#end - at) throw new IngestError("the message ends in the middle of a field");
    this.#at = at + length;
    return at;
  }

  #varint(): number {
    let value = 0;
    let factor = 1;
    for (let count = 0; count < 10; count++) {
      if (this.#at >= this.#end) throw new IngestError("the message ends in the middle of a number");
      const byte = this.#bytes[this.#at++]!;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
      factor *= 128;
    }
    throw new IngestError("the message has a number of more than 64 bits");
  }
}
