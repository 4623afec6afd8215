/** Writes DER (X.690), as far as certificates and certificate requests need it. */
import { TAG } from "./tags.ts";

type Bytes = Uint8Array;

export function element(tag: number, ...contents: readonly Bytes[]): Buffer {
  const content = Buffer.concat(contents);
  return Buffer.concat([Buffer.from([tag]), lengthOf(content.length), content]);
}

function lengthOf(length: number): Buffer {
  if (length < 0x80) return Buffer.from([length]);
  const bytes = unsigned(length);
  return Buffer.concat([Buffer.from([0x80 | bytes.length]), bytes]);
}

/** Big-endian, without leading zeros. */
function unsigned(value: number): Buffer {
  const hex = value.toString(16);
  return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, "hex");
}

export const sequence = (...contents: readonly Bytes[]): Buffer => element(TAG.sequence, ...contents);

/** Of one element: the order in which DER wants several is nobody's concern here. */
export const setOf = (content: Bytes): Buffer => element(TAG.set, content);

/** `[number]`, constructed. */
export const explicit = (number: number, ...contents: readonly Bytes[]): Buffer =>
  element(TAG.contextConstructed | number, ...contents);

/** `[number]` of a primitive type. */
export const implicit = (number: number, content: Bytes): Buffer => element(TAG.context | number, content);

/** A non-negative integer; bytes are big-endian. */
export function integer(value: number | Bytes): Buffer {
  const bytes = typeof value === "number" ? unsigned(value) : Buffer.from(value);
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start++;
  const shortest = bytes.subarray(start);
  return element(TAG.integer, shortest[0]! >= 0x80 ? Buffer.concat([Buffer.from([0]), shortest]) : shortest);
}

export const boolean = (value: boolean): Buffer => element(TAG.boolean, Buffer.from([value ? 0xff : 0]));
export const octetString = (content: Bytes): Buffer => element(TAG.octetString, content);
export const utf8String = (text: string): Buffer => element(TAG.utf8String, Buffer.from(text));

/** `unused`: how many of the last bits do not count. */
export const bitString = (content: Bytes, unused = 0): Buffer => element(TAG.bitString, Buffer.from([unused]), content);

/** An object identifier from its dotted form. */
export function oid(dotted: string): Buffer {
  const [first, second, ...rest] = dotted.split(".").map(Number) as [number, number, ...number[]];
  const bytes = [first * 40 + second, ...rest].flatMap((arc) => {
    const groups = [arc & 0x7f];
    for (let left = arc >>> 7; left > 0; left >>>= 7) groups.unshift(0x80 | (left & 0x7f));
    return groups;
  });
  return element(TAG.oid, Buffer.from(bytes));
}

/** A moment in whole seconds; years from 2050 take the longer form. (RFC 5280 §4.1.2.5) */
export function time(ms: number): Buffer {
  const digits = new Date(ms).toISOString().replaceAll(/[-:T]|\.\d+/g, "");
  return Number(digits.slice(0, 4)) < 2050
    ? element(TAG.utcTime, Buffer.from(digits.slice(2)))
    : element(TAG.generalizedTime, Buffer.from(digits));
}
