const FIRST_CAPACITY = 4_096;
const VARINT = 0;
const FIXED64 = 1;
const LENGTH_DELIMITED = 2;
const FIXED32 = 5;

/**
 * Writes a protobuf message from its end to its beginning, so that the length of what a message holds is known when its header is
 * written. So fields are written last to first; the bytes come out in order.
 */
export class ProtoWriter {
  private bytes = new Uint8Array(FIRST_CAPACITY);
  private view = new DataView(this.bytes.buffer);
  private at = FIRST_CAPACITY;

  /** How many bytes there are; what a nested message is ended with. */
  get length(): number {
    return this.bytes.length - this.at;
  }

  finish(): Uint8Array {
    return this.bytes.slice(this.at);
  }

  /** What there is is another's by now: the memory is used again. */
  clear(): void {
    this.at = this.bytes.length;
  }

  /** Bytes that have a tag and a length of their own. */
  encoded(value: Uint8Array): void {
    this.reserve(value.length);
    this.at -= value.length;
    this.bytes.set(value, this.at);
  }

  /** Makes what was written since `length` was `since` a nested message. */
  message(field: number, since: number): void {
    this.varint(this.length - since);
    this.tag(field, LENGTH_DELIMITED);
  }

  uint(field: number, value: number): void {
    this.varint(value);
    this.tag(field, VARINT);
  }

  /** @param value below 2^63 */
  fixed64(field: number, value: bigint): void {
    this.reserve(8);
    this.at -= 8;
    this.view.setBigUint64(this.at, value, true);
    this.tag(field, FIXED64);
  }

  fixed32(field: number, value: number): void {
    this.reserve(4);
    this.at -= 4;
    this.view.setUint32(this.at, value, true);
    this.tag(field, FIXED32);
  }

  double(field: number, value: number): void {
    this.reserve(8);
    this.at -= 8;
    this.view.setFloat64(this.at, value, true);
    this.tag(field, FIXED64);
  }

  raw(field: number, value: Uint8Array): void {
    this.reserve(value.length);
    this.at -= value.length;
    this.bytes.set(value, this.at);
    this.message(field, this.length - value.length);
  }

  string(field: number, text: string): void {
    this.raw(field, ENCODER.encode(text));
  }

  /** @param latin1 read as UTF-8 */
  text(field: number, latin1: string): void {
    const { length } = latin1;
    this.reserve(length);
    let at = this.at;
    for (let i = length - 1; i >= 0; i--) {
      const byte = latin1.charCodeAt(i);
      if (byte > 0x7f) {
        this.raw(field, utf8Bytes(latin1));
        return;
      }
      this.bytes[--at] = byte;
    }
    this.at = at;
    this.message(field, this.length - length);
  }

  /** The bytes that hex digits stand for. */
  hex(field: number, digits: string): void {
    const bytes = new Uint8Array(digits.length / 2);
    for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(digits.slice(i * 2, i * 2 + 2), 16);
    this.raw(field, bytes);
  }

  private tag(field: number, wireType: number): void {
    this.varint(field * 8 + wireType);
  }

  /** @param value a whole number up to 2^53 */
  private varint(value: number): void {
    if (value < 128) {
      this.reserve(1);
      this.bytes[--this.at] = value;
      return;
    }
    let size = 1;
    for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) size++;
    this.reserve(size);
    this.at -= size;
    let rest = value;
    for (let i = 0; i < size; i++) {
      this.bytes[this.at + i] = (rest % 128) + (i < size - 1 ? 128 : 0);
      rest = Math.floor(rest / 128);
    }
  }

  private reserve(size: number): void {
    if (this.at >= size) return;
    const { length } = this;
    const larger = new Uint8Array(Math.max(this.bytes.length * 2, length + size));
    larger.set(this.bytes.subarray(this.at), larger.length - length);
    this.at = larger.length - length;
    this.bytes = larger;
    this.view = new DataView(larger.buffer);
  }
}

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder();
const BEYOND_ASCII = /[\x80-\xff]/;

/** Text whose characters are the bytes of UTF-8, decoded; what is no UTF-8 becomes U+FFFD, as nobody could read the rest then. */
export function decodeUtf8(latin1: string): string {
  if (!BEYOND_ASCII.test(latin1)) return latin1;
  return DECODER.decode(Uint8Array.from(latin1, (character) => character.charCodeAt(0)));
}

function utf8Bytes(latin1: string): Uint8Array {
  return ENCODER.encode(decodeUtf8(latin1));
}
