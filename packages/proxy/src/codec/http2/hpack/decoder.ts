import { latin1 } from "../../latin1.ts";
import { decodeHuffman } from "./huffman.ts";
import { HpackField, fieldOf } from "./field.ts";
import { STATIC_ENTRIES, STATIC_TABLE } from "./static-table.ts";

/** RFC 9113 §6.5.2: what both sides begin with. */
export const DEFAULT_TABLE_SIZE = 4_096;

/** More than a block may begin with: the lowest size since the last one, then the present (RFC 7541 §4.2). */
const MAX_SIZE_UPDATES = 2;
/** Of the bytes that continue an integer: RFC 7541 §5.1 leaves the limit to us; no length or index of ours has more than 28 bits. */
const MAX_INTEGER_SHIFT = 28;

const STATIC: readonly HpackField[] = STATIC_TABLE.map(([name, value]) => fieldOf(name, value));

/** Who gets the fields of a block, in their order. */
export interface FieldReceiver {
  /** @param field valid during the call: the next literal may be in the same object */
  onField(field: HpackField): void;
}

/**
 * HPACK as a reader (RFC 7541). Fields of the tables are one object each, whatever refers to them, so that what has been seen is neither
 * copied nor looked at again; literals that are not kept share one.
 */
export class HpackDecoder {
  /** Newest last: the one that was inserted n-th stands at n & mask. */
  private entries: HpackField[] = emptyFields(64);
  private inserted = 0;
  private evicted = 0;
  private size = 0;
  private maxSize = DEFAULT_TABLE_SIZE;
  /** What the peer may set the size to. */
  private limit = DEFAULT_TABLE_SIZE;
  /** The limit has come to be lower than the size: the next block has to begin with an update. */
  private owesUpdate = false;
  private readonly literal = new HpackField();
  private position = 0;
  private end = 0;
  /** What was read is no integer, or goes beyond the block. */
  private failed = false;

  /** The peer has acknowledged our SETTINGS_HEADER_TABLE_SIZE. */
  setLimit(limit: number): void {
    this.limit = limit;
    if (limit < this.maxSize) this.owesUpdate = true;
  }

  /** Decodes a whole block. False: it is malformed (COMPRESSION_ERROR), and nothing more can be decoded. */
  decode(bytes: Buffer, start: number, end: number, receiver: FieldReceiver): boolean {
    this.position = start;
    this.end = end;
    this.failed = false;
    if (start < end && (bytes[start] & 0xe0) === 0x20 && !this.updateSize(bytes)) return false;
    if (this.owesUpdate) return false;
    while (this.position < end) {
      const first = bytes[this.position];
      if (first >= 0x80) {
        const field = this.at(this.integer(bytes, 0x7f));
        if (field === null) return false;
        receiver.onField(field);
      } else if (first >= 0x40) {
        const field = new HpackField();
        if (!this.readLiteral(bytes, 0x3f, field)) return false;
        this.insert(field);
        receiver.onField(field);
      } else if (first >= 0x20) {
        // An update is only for the beginning.
        return false;
      } else {
        if (!this.readLiteral(bytes, 0x0f, this.literal)) return false;
        receiver.onField(this.literal);
      }
    }
    return true;
  }

  private updateSize(bytes: Buffer): boolean {
    let updates = 0;
    while (this.position < this.end && (bytes[this.position] & 0xe0) === 0x20) {
      const size = this.integer(bytes, 0x1f);
      if (this.failed || size > this.limit || ++updates > MAX_SIZE_UPDATES) return false;
      this.maxSize = size;
      this.owesUpdate = false;
      this.evict(0);
    }
    return true;
  }

  private readLiteral(bytes: Buffer, mask: number, field: HpackField): boolean {
    const index = this.integer(bytes, mask);
    if (index === 0) {
      const name = this.text(bytes);
      if (name === null) return false;
      field.setName(name);
    } else {
      const named = this.at(index);
      if (named === null) return false;
      field.nameOf(named);
    }
    const value = this.text(bytes);
    if (value === null) return false;
    field.setValue(value);
    return true;
  }

  private integer(bytes: Buffer, mask: number): number {
    let value = bytes[this.position++] & mask;
    if (value < mask) return value;
    for (let shift = 0; shift < MAX_INTEGER_SHIFT && this.position < this.end; shift += 7) {
      const byte = bytes[this.position++];
      value += (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    this.failed = true;
    return 0;
  }

  private text(bytes: Buffer): string | null {
    if (this.position >= this.end || this.failed) return null;
    const coded = bytes[this.position] >= 0x80;
    const length = this.integer(bytes, 0x7f);
    const start = this.position;
    const end = start + length;
    if (this.failed || end > this.end) return null;
    this.position = end;
    return coded ? decodeHuffman(bytes, start, end) : latin1(bytes, start, end);
  }

  private at(index: number): HpackField | null {
    if (this.failed || index === 0) return null;
    if (index <= STATIC_ENTRIES) return STATIC[index - 1];
    const back = index - STATIC_ENTRIES;
    if (back > this.inserted - this.evicted) return null;
    return this.entries[(this.inserted - back) & (this.entries.length - 1)];
  }

  private insert(field: HpackField): void {
    const { size } = field;
    this.evict(size);
    // One that is too large empties the table and is not kept (RFC 7541 §4.4).
    if (size > this.maxSize) return;
    if (this.inserted - this.evicted === this.entries.length) this.grow();
    this.entries[this.inserted++ & (this.entries.length - 1)] = field;
    this.size += size;
  }

  private evict(room: number): void {
    const mask = this.entries.length - 1;
    while (this.size + room > this.maxSize && this.evicted < this.inserted) {
      const at = this.evicted++ & mask;
      this.size -= this.entries[at].size;
      this.entries[at] = NOTHING;
    }
  }

  private grow(): void {
    const before = this.entries;
    const after = emptyFields(before.length * 2);
    for (let i = this.evicted; i < this.inserted; i++) after[i & (after.length - 1)] = before[i & (before.length - 1)];
    this.entries = after;
  }
}

const NOTHING = new HpackField();

function emptyFields(count: number): HpackField[] {
  // cold: once a connection, and when its table has more entries than ever
  return Array.from({ length: count }, () => NOTHING);
}
