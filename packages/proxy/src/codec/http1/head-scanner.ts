/**
 * One strict pass over the bytes of a head (RFC 9112 §3–5): validates, lower-cases names in place, and leaves offsets and
 * known-name ids in a HeaderBlock. No string is made. About 1.5 µs for 18 headers; `split` takes two to three
 * times that, see docs/decisions/0010-http1-codec.md.
 */
import type { HeaderBlock } from "../header-block.ts";
import { HEADER_CLASSES, HEADER_NAMES, HeaderClass, HeaderHash } from "../header-names.ts";
import type { ProtocolError } from "../messages.ts";
import { CR, FF, HTAB, LF, COLON, SP, TARGET, TOKEN, VALUE } from "./characters.ts";
import { isTarget } from "./request-target.ts";
import { HTTP1_ERRORS } from "./protocol-errors.ts";

/** The bytes end inside the head. */
export const INCOMPLETE = -1;
/** `lastScanError()` says why. */
export const MALFORMED = -2;
/** A line is folded (obs-fold): unfold, then scan again. */
export const FOLDED = -3;

let scanError: ProtocolError = HTTP1_ERRORS.codec;

export function lastScanError(): ProtocolError {
  return scanError;
}

function malformed(error: ProtocolError): number {
  scanError = error;
  return MALFORMED;
}

/** What a scanned start line said; filled by the two functions below, read at once by the decoder. */
export const startLine = {
  methodStart: 0,
  methodEnd: 0,
  targetStart: 0,
  targetEnd: 0,
  major: 1,
  minor: 1,
  status: 0,
};

/** Scans a request line from `i`; gives the offset after its CRLF. Empty lines before it are skipped (RFC 9112 §2.2). */
export function scanRequestLine(bytes: Buffer, i: number, end: number): number {
  while (i < end && bytes[i] === CR) {
    if (i + 1 >= end) return INCOMPLETE;
    if (bytes[i + 1] !== LF) return malformed(HTTP1_ERRORS.codec);
    i += 2;
  }
  const start = i;
  let c = 0;
  while (i < end && TOKEN[(c = bytes[i])] !== 0) i++;
  if (i >= end) return INCOMPLETE;
  if (c !== SP || i === start) return malformed(HTTP1_ERRORS.codec);
  startLine.methodStart = start;
  startLine.methodEnd = i++;
  const target = i;
  while (i < end && TARGET[(c = bytes[i])] === 1) i++;
  if (i >= end) return INCOMPLETE;
  if (i === target) return malformed(HTTP1_ERRORS.codec);
  startLine.targetStart = target;
  startLine.targetEnd = i;
  if (c === CR) {
    // HTTP/0.9: no version at all. Well formed, and refused as too old.
    if (i + 1 >= end) return INCOMPLETE;
    const wellFormed = bytes[i + 1] === LF && isTarget(bytes.toString("latin1", target, i), false);
    return malformed(wellFormed ? HTTP1_ERRORS.lowVersion : HTTP1_ERRORS.codec);
  }
  // Envoy lets a form feed into a URL, and refuses it as a header's.
  if (c !== SP) return malformed(c === FF ? HTTP1_ERRORS.invalidCharacters : HTTP1_ERRORS.codec);
  i++;
  const afterVersion = scanVersion(bytes, i, end);
  if (afterVersion < 0) return afterVersion;
  i = afterVersion;
  if (i >= end) return INCOMPLETE;
  if (bytes[i] !== CR) return malformed(HTTP1_ERRORS.codec);
  if (i + 1 >= end) return INCOMPLETE;
  if (bytes[i + 1] !== LF) return malformed(HTTP1_ERRORS.codec);
  return i + 2;
}

/** Scans a status line from `i`; gives the offset after its CRLF. The reason may be missing, its space too. */
export function scanStatusLine(bytes: Buffer, i: number, end: number): number {
  const afterVersion = scanVersion(bytes, i, end);
  if (afterVersion < 0) return afterVersion;
  i = afterVersion;
  if (i >= end) return INCOMPLETE;
  if (bytes[i] !== SP) return malformed(HTTP1_ERRORS.codec);
  i++;
  let status = 0;
  for (let digits = 0; digits < 3; digits++, i++) {
    if (i >= end) return INCOMPLETE;
    const digit = bytes[i] - 48;
    if (digit < 0 || digit > 9) return malformed(HTTP1_ERRORS.codec);
    status = status * 10 + digit;
  }
  startLine.status = status;
  if (i >= end) return INCOMPLETE;
  let c = bytes[i];
  if (c !== SP && c !== CR) return malformed(HTTP1_ERRORS.codec);
  while (i < end && VALUE[(c = bytes[i])] === 1) i++;
  if (i + 1 >= end) return i < end && c !== CR ? malformed(HTTP1_ERRORS.codec) : INCOMPLETE;
  if (c !== CR || bytes[i + 1] !== LF) return malformed(HTTP1_ERRORS.codec);
  return i + 2;
}

/** `HTTP/d.d`. */
function scanVersion(bytes: Buffer, i: number, end: number): number {
  for (let k = 0; k < 5; k++, i++) {
    if (i >= end) return INCOMPLETE;
    if (bytes[i] !== HTTP_SLASH[k]) return malformed(HTTP1_ERRORS.codec);
  }
  if (i + 2 >= end) return INCOMPLETE;
  const major = bytes[i] - 48;
  const minor = bytes[i + 2] - 48;
  if (major < 0 || major > 9 || bytes[i + 1] !== 46 || minor < 0 || minor > 9) return malformed(HTTP1_ERRORS.codec);
  startLine.major = major;
  startLine.minor = minor;
  return i + 3;
}

const HTTP_SLASH = [72, 84, 84, 80, 47];

const HASH = new HeaderHash();
const HASH_TABLE = HASH.table;
const HASH_MASK = HASH_TABLE.length - 1;
const BY_LENGTH = HASH.length;
const BY_FIRST = HASH.first;
const BY_LAST = HASH.last;
const BY_FOURTH = HASH.fourth;
const NAME_BYTES: readonly Buffer[] = HEADER_NAMES.map((name) => Buffer.from(name, "latin1"));

/**
 * Scans field lines from `i` up to and with the empty line; gives the offset after it.
 * @param words the same memory as `bytes`, as 32-bit words
 * @param base offset in `bytes` of what becomes `block.text`'s first character
 */
export function scanFieldLines(
  bytes: Buffer,
  words: Int32Array,
  i: number,
  end: number,
  base: number,
  block: HeaderBlock,
  maxCount: number,
): number {
  let { offsets, ids } = block;
  const { slots } = block;
  let count = block.count;
  let classes = 0;
  let c = 0;
  const lastWord = end >> 2;
  for (;;) {
    if (i >= end) return INCOMPLETE;
    c = bytes[i];
    if (c === CR) {
      if (i + 1 >= end) return INCOMPLETE;
      if (bytes[i + 1] !== LF) return malformed(HTTP1_ERRORS.codec);
      break;
    }
    if (c === SP || c === HTAB) return count === 0 ? malformed(HTTP1_ERRORS.codec) : FOLDED;
    if (count >= maxCount) return malformed(HTTP1_ERRORS.tooManyHeaders);

    const nameStart = i;
    let lower = 0;
    while (i < end && (lower = TOKEN[(c = bytes[i])]) !== 0) {
      if (lower !== c) bytes[i] = lower;
      i++;
    }
    if (i >= end) return INCOMPLETE;
    if (c !== COLON || i === nameStart) return malformed(HTTP1_ERRORS.codec);
    const nameEnd = i++;

    while (i < end && ((c = bytes[i]) === SP || c === HTAB)) i++;
    const valueStart = i;
    // Bytes to the next word, then words while none of their bytes is below 0x20 or 0x7f, then bytes; a tab resumes.
    for (;;) {
      while ((i & 3) !== 0 && i < end && VALUE[bytes[i]] === 1) i++;
      if ((i & 3) === 0) {
        let w = i >> 2;
        while (w < lastWord) {
          const x = words[w];
          const y = x ^ 0x7f7f7f7f;
          if (((((x - 0x20202020) & ~x) | ((y - 0x01010101) & ~y)) & 0x80808080) !== 0) break;
          w++;
        }
        i = w << 2;
        const limit = i + 4 < end ? i + 4 : end;
        while (i < limit && VALUE[bytes[i]] === 1) i++;
        if (i < end && (i & 3) === 0 && VALUE[bytes[i]] === 1) continue;
      }
      break;
    }
    if (i >= end) return INCOMPLETE;
    c = bytes[i];
    if (c !== CR) return malformed(c === LF ? HTTP1_ERRORS.codec : HTTP1_ERRORS.invalidCharacters);
    if (i + 1 >= end) return INCOMPLETE;
    if (bytes[i + 1] !== LF) return malformed(HTTP1_ERRORS.invalidCharacters);
    let valueEnd = i;
    while (valueEnd > valueStart && ((c = bytes[valueEnd - 1]) === SP || c === HTAB)) valueEnd--;

    if (count >= ids.length) {
      block.grow();
      ({ offsets, ids } = block);
    }
    if (valueStart !== nameEnd + 2 || bytes[nameEnd + 1] !== SP || valueEnd !== i) block.markRespaced(count);
    i += 2;

    const length = nameEnd - nameStart;
    let id =
      HASH_TABLE[
        (length * BY_LENGTH +
          bytes[nameStart] * BY_FIRST +
          bytes[nameEnd - 1] * BY_LAST +
          bytes[length > 3 ? nameEnd - 4 : nameStart] * BY_FOURTH +
          bytes[nameStart + (length >> 1)]) &
          HASH_MASK
      ];
    if (id !== 0) {
      const name = NAME_BYTES[id];
      if (name.length !== length) id = 0;
      else {
        for (let j = 0; j < length; j++) {
          if (bytes[nameStart + j] !== name[j]) {
            id = 0;
            break;
          }
        }
      }
      if (id !== 0) {
        classes |= HEADER_CLASSES[id];
        if (slots[id] < 0) slots[id] = count;
        else classes |= HeaderClass.repeated;
      }
    }
    const at = count << 2;
    offsets[at] = nameStart - base;
    offsets[at + 1] = nameEnd - base;
    offsets[at + 2] = valueStart - base;
    offsets[at + 3] = valueEnd - base;
    ids[count] = id;
    block.count = ++count;
  }
  block.scanned = count;
  block.classes |= classes;
  block.end = i - base;
  return i + 2;
}
