/**
 * The first message of a TLS connection, read before anything is negotiated: whether it is one, and what the client asks for. What counts
 * as one is BoringSSL's notion, which Envoy's TLS inspector asks (`ssl/tls_record.cc`, `ssl/ssl_lib.cc`, `ssl_client_hello_init`).
 */

import { type Ja4, readJa4 } from "./ja4.ts";
import { NOTHING, Reader, isGrease } from "./reader.ts";

export interface ClientHello {
  /** Lower-case, "" if the client has named none. */
  readonly serverName: string;
  /** In the client's order; empty without ALPN. */
  readonly applicationProtocols: readonly string[];
  /** The client knows nothing newer than SSL 3.0. */
  readonly isObsolete: boolean;
  /** What JA3 is the MD5 of: version, cipher suites, extensions, groups, point formats. "" if it was not asked for. */
  readonly ja3: string;
  /** Null if it was not asked for. */
  readonly ja4: Ja4 | null;
}

/** By what clients can be told from each other, if that is wanted. */
export interface Fingerprints {
  readonly ja3: boolean;
  readonly ja4: boolean;
}

/** This is no TLS; or a number: it cannot be told before there are so many bytes. */
export type Unfinished = "not-tls" | number;

const RECORD_HEADER = 5;
const HANDSHAKE = 22;
const CLIENT_HELLO = 1;
const HELLO_HEADER = 4;
/** Source: BoringSSL `include/openssl/ssl.h`, SSL3_RT_MAX_ENCRYPTED_LENGTH. */
const MAX_RECORD = 16_384 + 320;
/** Source: BoringSSL `ssl/internal.h`, kMaxMessageLen, and `ssl/tls_record.cc`, kMaxEmptyRecords. */
const MAX_MESSAGE = 16_384;
const MAX_EMPTY_RECORDS = 32;

const EXTENSION = {
  serverName: 0,
  groups: 10,
  pointFormats: 11,
  applicationProtocols: 16,
  supportedVersions: 43,
} as const;
const TLS_1_0 = 0x0301;

const NONE: readonly string[] = [];

/** @param bytes all that has come so far */
export function readClientHello(bytes: Uint8Array, wanted: Fingerprints): ClientHello | Unfinished {
  const message = helloMessage(bytes);
  return typeof message === "object" ? (parseHello(message, wanted) ?? "not-tls") : message;
}

/** The handshake message without its header, put together from as many records as it takes. */
function helloMessage(bytes: Uint8Array): Uint8Array | Unfinished {
  const pieces: Uint8Array[] = [];
  let have = 0;
  /** With its header; unknown until that is there. */
  let wanted = HELLO_HEADER;
  let empty = 0;
  for (let at = 0; ;) {
    if (bytes.length - at < RECORD_HEADER) return Math.max(at + RECORD_HEADER, at + wanted - have);
    const length = (bytes[at + 3] << 8) | bytes[at + 4];
    if (bytes[at] !== HANDSHAKE || bytes[at + 1] !== 3 || length > MAX_RECORD) return "not-tls";
    if (length === 0 && ++empty > MAX_EMPTY_RECORDS) return "not-tls";
    const start = at + RECORD_HEADER;
    // A record is taken only when all of it is there.
    if (bytes.length < start + length) return Math.max(start + length, start + wanted - have);
    if (length > 0) {
      empty = 0;
      pieces.push(bytes.subarray(start, start + length));
      have += length;
    }
    at = start + length;
    if (have >= HELLO_HEADER) {
      const header = have === pieces[0].length ? pieces[0] : joined(pieces, HELLO_HEADER);
      wanted = HELLO_HEADER + ((header[1] << 16) | (header[2] << 8) | header[3]);
      if (header[0] !== CLIENT_HELLO || wanted > MAX_MESSAGE + HELLO_HEADER) return "not-tls";
      if (have >= wanted) return joined(pieces, wanted).subarray(HELLO_HEADER);
    }
  }
}

function joined(pieces: readonly Uint8Array[], length: number): Uint8Array {
  if (pieces[0].length >= length) return pieces[0].subarray(0, length);
  const whole = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece.subarray(0, length - at), at);
    at = Math.min(length, at + piece.length);
  }
  return whole;
}

/** Null if it is malformed. */
function parseHello(message: Uint8Array, wanted: Fingerprints): ClientHello | null {
  const reader = new Reader(message);
  const version = reader.number(2);
  reader.take(32);
  const session = reader.vector(1);
  const ciphers = reader.vector(2);
  const compression = reader.vector(1);
  const extensions = reader.left === 0 ? NOTHING : reader.vector(2);
  if (!reader.ok || reader.left > 0 || session.length > 32) return null;
  if (ciphers.length < 2 || ciphers.length % 2 !== 0 || compression.length === 0) return null;
  const hello = parseExtensions(extensions, version, wanted.ja3 ? `${version},${numbers(ciphers, 2)}` : "");
  if (hello === null) return null;
  return { ...hello, ja4: wanted.ja4 ? readJa4(version, ciphers, extensions) : null };
}

/** @param ja3 how JA3 begins; "" if it is not wanted */
function parseExtensions(bytes: Uint8Array, version: number, ja3: string): Omit<ClientHello, "ja4"> | null {
  const reader = new Reader(bytes);
  const types = new Set<number>();
  let serverName: string | null = "";
  let applicationProtocols = NONE;
  let groups = "";
  let formats = "";
  while (reader.ok && reader.left > 0) {
    const type = reader.number(2);
    const content = reader.vector(2);
    if (!reader.ok || types.has(type)) return null;
    types.add(type);
    if (type === EXTENSION.serverName) serverName = parseServerName(content);
    else if (type === EXTENSION.applicationProtocols) applicationProtocols = parseProtocols(content);
    else if (ja3 === "") continue;
    else if (type === EXTENSION.groups) groups = numbers(new Reader(content).vector(2), 2);
    else if (type === EXTENSION.pointFormats) formats = numbers(new Reader(content).vector(1), 1);
  }
  if (!reader.ok || serverName === null) return null;
  const isObsolete = version < TLS_1_0 && !types.has(EXTENSION.supportedVersions);
  if (ja3 === "") return { serverName, applicationProtocols, isObsolete, ja3 };
  let listed = "";
  for (const type of types) if (!isGrease(type)) listed += listed === "" ? `${type}` : `-${type}`;
  return { serverName, applicationProtocols, isObsolete, ja3: `${ja3},${listed},${groups},${formats}` };
}

/** A list of exactly one host name (RFC 6066, 3); null: BoringSSL ends the handshake. */
function parseServerName(content: Uint8Array): string | null {
  const list = new Reader(content);
  const reader = new Reader(list.vector(2));
  const type = reader.number(1);
  const name = reader.vector(2);
  if (!list.ok || list.left > 0 || !reader.ok || reader.left > 0 || type !== 0) return null;
  if (name.length === 0 || name.length > 255 || name.includes(0)) return null;
  return text(name).replace(/[A-Z]+/g, (upper) => upper.toLowerCase());
}

/** Malformed lists are as good as none: the handshake itself will say so. */
function parseProtocols(content: Uint8Array): readonly string[] {
  const list = new Reader(content);
  const reader = new Reader(list.vector(2));
  if (!list.ok || list.left > 0 || reader.left === 0) return NONE;
  const protocols: string[] = [];
  while (reader.left > 0) {
    const protocol = reader.vector(1);
    if (!reader.ok || protocol.length === 0) return NONE;
    protocols.push(text(protocol));
  }
  return protocols;
}

function text(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

/** Joined with "-", GREASE (RFC 8701) left out. */
function numbers(bytes: Uint8Array, size: 1 | 2): string {
  let joined = "";
  for (let at = 0; at + size <= bytes.length; at += size) {
    const value = size === 1 ? bytes[at] : (bytes[at] << 8) | bytes[at + 1];
    if (size === 2 && isGrease(value)) continue;
    joined += joined === "" ? `${value}` : `-${value}`;
  }
  return joined;
}
