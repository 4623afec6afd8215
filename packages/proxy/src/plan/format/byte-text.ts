/** Text as the proxy handles it: a string of bytes, one character each. */
import { isUtf8 } from "node:buffer";

/** The UTF-8 bytes of a configuration's text. */
export function bytesOf(text: string): string {
  return isAscii(text) ? text : Buffer.from(text, "utf8").toString("latin1");
}

export function textOf(bytes: string): string {
  return isAscii(bytes) ? bytes : Buffer.from(bytes, "latin1").toString("utf8");
}

/** For messages, whose texts must be UTF-8: each byte that is of no character is `!`. (Envoy `MessageUtil::sanitizeUtf8String`) */
export function messageText(bytes: string): string {
  if (isAscii(bytes)) return bytes;
  const all = Buffer.from(bytes, "latin1");
  if (isUtf8(all)) return all.toString("utf8");
  for (let at = 0; at < all.length;) {
    const length = characterLength(all, at);
    if (length === 0) all[at++] = REPLACEMENT;
    else at += length;
  }
  return all.toString("utf8");
}

const REPLACEMENT = "!".charCodeAt(0);

/** Bytes of the character that begins here; 0: none does. */
function characterLength(bytes: Buffer, at: number): number {
  const lead = bytes[at];
  if (lead < 0x80) return 1;
  if (lead < 0xc2 || lead > 0xf4) return 0;
  const length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  return at + length <= bytes.length && isUtf8(bytes.subarray(at, at + length)) ? length : 0;
}

/** Not more bytes than that, and no character of which only a part is there. */
export function cutText(bytes: string, length: number): string {
  if (bytes.length <= length) return bytes;
  let end = length;
  while (end > 0 && (bytes.charCodeAt(end) & 0xc0) === 0x80) end--;
  return bytes.slice(0, end);
}

/** A to Z only: what other bytes stand for is not known. */
export function lowerCase(bytes: string): string {
  return isAscii(bytes) ? bytes.toLowerCase() : bytes.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

function isAscii(text: string): boolean {
  // eslint-disable-next-line no-control-regex
  return !/[^\x00-\x7f]/.test(text);
}
