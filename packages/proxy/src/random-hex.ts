import { latin1 } from "./codec/latin1.ts";

/** Bytes of randomness fetched at a time. */
const POOL_BYTES = 8_192;

/** "00" to "ff", two characters each. */
const HEX = Buffer.from(
  Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0")).join(""),
  "latin1",
);

/** Cryptographically strong randomness from a pool, written as hex digits. */
export class RandomHex {
  private readonly fill: (bytes: Uint8Array) => void;
  private readonly pool = new Uint8Array(POOL_BYTES);
  private used = POOL_BYTES;
  private readonly text = Buffer.alloc(32);

  /** @param fill fills an array with cryptographically strong randomness */
  constructor(fill: (bytes: Uint8Array) => void) {
    this.fill = fill;
  }

  byte(): number {
    if (this.used === POOL_BYTES) {
      this.fill(this.pool);
      this.used = 0;
    }
    return this.pool[this.used++];
  }

  /** One flat string of two digits a byte. @param bytes up to 16 */
  digits(bytes: number): string {
    const { text } = this;
    for (let i = 0; i < bytes; i++) writeHex(text, i * 2, this.byte());
    return latin1(text, 0, bytes * 2);
  }
}

export function writeHex(text: Buffer, at: number, byte: number): void {
  text[at] = HEX[byte << 1];
  text[at + 1] = HEX[(byte << 1) + 1];
}
