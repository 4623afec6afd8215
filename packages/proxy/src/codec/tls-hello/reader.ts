/** Reads on through some bytes; `ok` turns false where they end too early, and stays so. */
export class Reader {
  ok = true;
  private readonly bytes: Uint8Array;
  private at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  get left(): number {
    return this.bytes.length - this.at;
  }

  number(size: 1 | 2): number {
    const bytes = this.take(size);
    if (bytes.length < size) return 0;
    return size === 1 ? bytes[0] : (bytes[0] << 8) | bytes[1];
  }

  take(length: number): Uint8Array {
    if (this.left < length) this.ok = false;
    if (!this.ok) return NOTHING;
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  /** What a length of so many bytes stands before. */
  vector(size: 1 | 2): Uint8Array {
    return this.take(this.number(size));
  }
}

export const NOTHING = new Uint8Array(0);

/** Values that say nothing (RFC 8701). */
export function isGrease(value: number): boolean {
  return (value & 0x0f0f) === 0x0a0a && value >> 8 === (value & 0xff);
}
