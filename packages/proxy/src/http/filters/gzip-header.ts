/** What stands before the deflated bytes of a gzip member (RFC 1952 section 2.3), however it is cut into pieces. */
export class GzipHeader {
  isOver = false;
  isBroken = false;
  private before: Buffer = Buffer.alloc(0);

  /** What follows the header; null as long as it is not complete, and where it is none. */
  take(bytes: Buffer): Buffer | null {
    if (this.isBroken) return null;
    const all = this.before.length === 0 ? bytes : joined(this.before, bytes);
    const end = endOf(all);
    if (end < 0) {
      this.isBroken = true;
      return null;
    }
    if (end > all.length) {
      this.before = all;
      // Names and comments of that length are no gzip that anybody sends.
      this.isBroken = all.length > MAX_LENGTH;
      return null;
    }
    this.isOver = true;
    return all.subarray(end);
  }
}

const MAX_LENGTH = 0x10000;
const FIXED = 10;
const FHCRC = 2;
const FEXTRA = 4;
const FNAME = 8;
const FCOMMENT = 16;
const RESERVED = 0xe0;

/** More than there is where some is missing, -1 where it is no gzip. */
function endOf(bytes: Buffer): number {
  const start = [0x1f, 0x8b, 8];
  for (let i = 0; i < Math.min(start.length, bytes.length); i++) if (bytes[i] !== start[i]) return -1;
  if (bytes.length < FIXED) return Infinity;
  const flags = bytes[3];
  if ((flags & RESERVED) !== 0) return -1;
  let end = FIXED;
  if ((flags & FEXTRA) !== 0) {
    if (bytes.length < end + 2) return Infinity;
    end += 2 + bytes.readUInt16LE(end);
  }
  for (const flag of [FNAME, FCOMMENT]) {
    if ((flags & flag) === 0) continue;
    const zero = end > bytes.length ? -1 : bytes.indexOf(0, end);
    if (zero < 0) return Infinity;
    end = zero + 1;
  }
  return (flags & FHCRC) === 0 ? end : end + 2;
}

function joined(a: Buffer, b: Buffer): Buffer {
  const both = Buffer.allocUnsafe(a.length + b.length);
  a.copy(both, 0);
  b.copy(both, a.length);
  return both;
}
