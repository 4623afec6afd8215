/** What a head says about the length of its body and about the connection (RFC 9112 §6, RFC 9110 §7.6.1). */
import type { HeaderBlock } from "../header-block.ts";
import {
  CONNECTION,
  CONTENT_LENGTH,
  HOST,
  HeaderClass,
  TE,
  TRANSFER_ENCODING,
  UPGRADE,
  X_FORWARDED_FOR,
  X_FORWARDED_HOST,
  X_FORWARDED_PROTO,
  headerId,
} from "../header-names.ts";
import type { ProtocolError } from "../messages.ts";
import { HTTP1_ERRORS } from "./protocol-errors.ts";

/** No Content-Length and no Transfer-Encoding. */
const NO_LENGTH = -1;
export const CHUNKED = -2;
/** `framingError()` says why. */
export const BAD_FRAMING = -3;

let badFraming: ProtocolError = HTTP1_ERRORS.codec;

export function framingError(): ProtocolError {
  return badFraming;
}

function bad(error: ProtocolError): number {
  badFraming = error;
  return BAD_FRAMING;
}

/**
 * Length in bytes, or one of the above. Strict as Envoy: one Content-Length of digits only; one Transfer-Encoding that is
 * exactly `chunked`; never both, unless `allowChunkedLength`, which drops the Content-Length.
 */
export function messageLength(headers: HeaderBlock, isHttp11: boolean, allowChunkedLength: boolean): number {
  const lengthAt = headers.slots[CONTENT_LENGTH];
  let length = NO_LENGTH;
  if (lengthAt >= 0) {
    if (isRepeated(headers, CONTENT_LENGTH)) return bad(HTTP1_ERRORS.codec);
    length = parseLength(headers.valueAt(lengthAt));
    if (length < 0) return bad(HTTP1_ERRORS.codec);
  }
  if (headers.slots[TRANSFER_ENCODING] < 0) return length;
  if (!isHttp11) return bad(HTTP1_ERRORS.chunkedInHttp10);
  const chunked = !isRepeated(headers, TRANSFER_ENCODING) && headers.get(TRANSFER_ENCODING).toLowerCase() === "chunked";
  if (lengthAt >= 0) {
    if (!allowChunkedLength || !chunked) return bad(HTTP1_ERRORS.contentLengthAndChunked);
    headers.remove(CONTENT_LENGTH);
  }
  return chunked ? CHUNKED : bad(HTTP1_ERRORS.invalidTransferEncoding);
}

/** 1*DIGIT up to 2^53 − 1; −1 otherwise. */
function parseLength(text: string): number {
  const digits = text.length;
  if (digits === 0 || digits > 32) return -1;
  let length = 0;
  for (let i = 0; i < digits; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return -1;
    length = length * 10 + digit;
  }
  return length <= Number.MAX_SAFE_INTEGER ? length : -1;
}

function isRepeated(headers: HeaderBlock, id: number): boolean {
  if ((headers.classes & HeaderClass.repeated) === 0) return false;
  for (let i = headers.slots[id] + 1; i < headers.count; i++) if (headers.ids[i] === id) return true;
  return false;
}

export function hasRepeated(headers: HeaderBlock, id: number): boolean {
  return headers.slots[id] >= 0 && isRepeated(headers, id);
}

/** Tokens of a Connection header that Envoy still takes; more is 400 (`MAX_ALLOWED_NOMINATED_HEADERS`, utility.cc). */
const MAX_NOMINATED = 100;

export const KEEP_ALIVE_TOKEN = 1;
export const CLOSE_TOKEN = 2;
export const UPGRADE_TOKEN = 4;
export const BAD_CONNECTION = -1;

/** Tokens of `Connection` as bits. */
export function connectionTokens(headers: HeaderBlock): number {
  const value = headers.get(CONNECTION);
  // What nearly every message says, if it says anything.
  if (value === "" || value === "keep-alive") return value === "" ? 0 : KEEP_ALIVE_TOKEN;
  if (value === "close") return CLOSE_TOKEN;
  let tokens = 0;
  // cold: for what no usual client sends
  for (const part of value.toLowerCase().split(",")) {
    const token = part.trim();
    if (token === "close") tokens |= CLOSE_TOKEN;
    else if (token === "keep-alive") tokens |= KEEP_ALIVE_TOKEN;
    else if (token === "upgrade") tokens |= UPGRADE_TOKEN;
  }
  return tokens;
}

/**
 * Request only: removes what `Connection` nominates. Envoy `Utility::sanitizeConnectionHeader`: nominating a forwarding
 * header or a pseudo-header is refused, `te` stays if it says `trailers`. Gives the tokens, or BAD_CONNECTION.
 */
export function sanitizeConnection(headers: HeaderBlock): number {
  const tokens = connectionTokens(headers);
  const value = headers.get(CONNECTION);
  if (value === "" || value === "keep-alive" || value === "close") return tokens;
  // cold: for what no usual client sends
  const parts = value.split(",");
  if (parts.length > MAX_NOMINATED) return BAD_CONNECTION;
  for (const part of parts) {
    const name = part.trim().toLowerCase();
    if (name === "" || name === "close" || name === "keep-alive" || name === "upgrade") continue;
    if (name.startsWith(":")) return BAD_CONNECTION;
    const id = headerId(name);
    if (id === X_FORWARDED_FOR || id === X_FORWARDED_HOST || id === X_FORWARDED_PROTO) return BAD_CONNECTION;
    if (id === TE) {
      if (/(^|,)[ \t]*trailers[ \t]*(,|$)/i.test(headers.get(TE))) headers.set(TE, "trailers");
      else headers.remove(TE);
      continue;
    }
    if (id === TRANSFER_ENCODING || id === CONNECTION || id === UPGRADE) continue;
    if (id === HOST) headers.remove(HOST);
    else headers.removeNamed(name);
  }
  return tokens;
}
