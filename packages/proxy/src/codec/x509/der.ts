/** Tags of ASN.1's DER (X.690) that certificates use. */
export const Tag = {
  integer: 0x02,
  octetString: 0x04,
  objectIdentifier: 0x06,
  utf8String: 0x0c,
  bmpString: 0x1e,
  universalString: 0x1c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** One element: its tag, and where its content is. */
export interface DerElement {
  readonly tag: number;
  readonly bytes: Uint8Array;
  /** Of the element, of its content, and behind it. */
  readonly begin: number;
  readonly start: number;
  readonly end: number;
}

/** Thrown for bytes that are not DER. */
export class DerError extends Error {}

/** The element that begins at `at`; nothing of it may lie behind `limit`. */
export function derElement(bytes: Uint8Array, at: number, limit: number): DerElement {
  if (at + 2 > limit) throw new DerError("an element is cut short");
  const tag = bytes[at];
  let start = at + 2;
  let length = bytes[at + 1];
  if (length >= 0x80) {
    const count = length & 0x7f;
    // Four bytes hold any length that fits into memory.
    if (count === 0 || count > 4 || start + count > limit) throw new DerError("a length is not DER");
    length = 0;
    for (let i = 0; i < count; i++) length = length * 256 + bytes[start + i];
    start += count;
  }
  if (start + length > limit) throw new DerError("an element is cut short");
  return { tag, bytes, begin: at, start, end: start + length };
}

/** Structures are read by position: what is not there reads as undefined. */
export function present(element: DerElement | undefined): DerElement {
  if (element === undefined) throw new DerError("an element is missing");
  return element;
}

/** The elements that a constructed element consists of. */
export function derChildren(constructed: DerElement | undefined): DerElement[] {
  const parent = present(constructed);
  const children: DerElement[] = [];
  for (let at = parent.start; at < parent.end;) {
    const child = derElement(parent.bytes, at, parent.end);
    children.push(child);
    at = child.end;
  }
  return children;
}

export function derContent(element: DerElement | undefined): Uint8Array {
  const { bytes, start, end } = present(element);
  return bytes.subarray(start, end);
}

/** `2.5.4.3` */
export function objectIdentifier(element: DerElement | undefined): string {
  const { bytes, start, end } = present(element);
  const parts: number[] = [];
  let value = 0;
  for (let i = start; i < end; i++) {
    value = value * 128 + (bytes[i] & 0x7f);
    if (bytes[i] >= 0x80) continue;
    if (parts.length > 0) parts.push(value);
    else {
      const first = Math.min(2, Math.floor(value / 40));
      parts.push(first, value - first * 40);
    }
    value = 0;
  }
  return parts.join(".");
}
