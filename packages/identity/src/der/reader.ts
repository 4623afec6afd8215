/**
 * Reads DER strictly: lengths in their shortest form and within what is there, one-byte tags. What a stranger sent is looked at here
 * before any other parser sees it.
 */
import { TAG } from "./tags.ts";

/** The bytes are not what they should be. */
export class DerError extends Error {
  override readonly name = "DerError";
}

export interface Element {
  readonly tag: number;
  readonly content: Uint8Array;
  /** With tag and length: what a signature is over. */
  readonly whole: Uint8Array;
}

export class DerReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get atEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** The tag of what comes next; undefined at the end. */
  peek(): number | undefined {
    return this.#bytes[this.#at];
  }

  /** The next element, which has to have `tag`; `what` names it in errors. */
  next(tag: number, what: string): Element {
    const found = this.peek();
    if (found !== undefined && found !== tag) {
      throw new DerError(`${what} begins with 0x${hex(found)} at byte ${this.#at}, expected 0x${hex(tag)}`);
    }
    return this.any(what);
  }

  /** The next element, whatever it is. */
  any(what: string): Element {
    const start = this.#at;
    const tag = this.#byte(what);
    const length = this.#length(what);
    const content = this.#bytes.subarray(this.#at, this.#at + length);
    if (content.length < length) {
      throw new DerError(`${what} is cut off: ${length} bytes announced, ${content.length} there`);
    }
    this.#at += length;
    return { tag, content, whole: this.#bytes.subarray(start, this.#at) };
  }

  /** The content of the next element, to be read in turn. */
  enter(tag: number, what: string): DerReader {
    return new DerReader(this.next(tag, what).content);
  }

  /** Nothing may follow. */
  end(what: string): void {
    if (!this.atEnd) throw new DerError(`${this.#bytes.length - this.#at} bytes follow the end of ${what}`);
  }

  #length(what: string): number {
    const first = this.#byte(what);
    if (first < 0x80) return first;
    const count = first & 0x7f;
    if (count === 0) throw new DerError(`${what} has an indefinite length`);
    // Four bytes are more than anything read here.
    if (count > 4) throw new DerError(`${what} has a length of ${count} bytes`);
    let length = 0;
    for (let i = 0; i < count; i++) length = length * 256 + this.#byte(what);
    if (length < 0x80 || length < 256 ** (count - 1)) throw new DerError(`${what} has a length that is padded`);
    return length;
  }

  #byte(what: string): number {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) throw new DerError(`${what} is missing`);
    this.#at += 1;
    return byte;
  }
}

/** An object identifier's dotted form. */
export function readOid({ content }: Element): string {
  const arcs: number[] = [];
  let arc = 0;
  for (const [index, byte] of content.entries()) {
    if (arc === 0 && byte === 0x80) throw new DerError("an object identifier is padded");
    arc = arc * 128 + (byte & 0x7f);
    if (arc > 0xffff_ffff) throw new DerError("an object identifier has an arc of more than 32 bits");
    if (byte >= 0x80 && index === content.length - 1) throw new DerError("an object identifier is cut off");
    if (byte >= 0x80) continue;
    arcs.push(arc);
    arc = 0;
  }
  const [head, ...rest] = arcs;
  if (head === undefined) throw new DerError("an object identifier is empty");
  const first = Math.min(Math.floor(head / 40), 2);
  return [first, head - first * 40, ...rest].join(".");
}

/** What a constructed element consists of. */
export function readParts({ content }: Element, what: string): Element[] {
  const reader = new DerReader(content);
  const parts: Element[] = [];
  while (!reader.atEnd) parts.push(reader.any(what));
  return parts;
}

/** The bytes of a bit string whose bits all count. */
export function readBits({ content }: Element, what: string): Uint8Array {
  if (content[0] !== 0) throw new DerError(`${what} is no whole number of bytes`);
  return content.subarray(1);
}

export function readTime(reader: DerReader, what: string): number {
  const long = reader.peek() === TAG.generalizedTime;
  const { content } = reader.next(long ? TAG.generalizedTime : TAG.utcTime, what);
  const text = Buffer.from(content).toString("latin1");
  const match = /^(\d{2}|\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(text);
  if (match === null || text.length !== (long ? 15 : 13)) throw new DerError(`${what} is ${JSON.stringify(text)}`);
  const [, year, month, day, hour, minute, second] = match.map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  // Two digits: 1950 to 2049. (RFC 5280 §4.1.2.5.1)
  const full = long ? year : year + (year < 50 ? 2000 : 1900);
  return Date.UTC(full, month - 1, day, hour, minute, second);
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, "0");
}
