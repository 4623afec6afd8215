/**
 * The PROXY protocol's header, versions 1 and 2 (https://www.haproxy.org/download/3.2/doc/proxy-protocol.txt): for whom a connection is
 * made, said in its first bytes. What is accepted is what Envoy accepts (`source/extensions/filters/listener/proxy_protocol/proxy_protocol.cc`).
 */
import { canonicalAddress, isIP } from "../../ip-address.ts";

export interface ProxyHeader {
  readonly version: 1 | 2;
  /** With everything that belongs to it. */
  readonly length: number;
  /** Null: the connection is the sender's own (LOCAL, UNKNOWN). */
  readonly addresses: ProxyAddresses | null;
  readonly tlvs: readonly Tlv[];
}

export interface ProxyAddresses {
  readonly source: string;
  readonly sourcePort: number;
  readonly destination: string;
  readonly destinationPort: number;
}

/** Type, length, value: what version 2 may say beside the addresses. */
export interface Tlv {
  readonly type: number;
  readonly value: Uint8Array;
}

/** More bytes are needed; there is no header; there is one, and it is malformed. */
export type NoHeader = "incomplete" | "none" | "error";

const SIGNATURE_V1 = Uint8Array.from("PROXY ", (char) => char.charCodeAt(0));
const SIGNATURE_V2 = Uint8Array.from("\r\n\r\n\0\r\nQUIT\n", (char) => char.charCodeAt(0));
/** With its line end. Source: the specification, 2.1. */
const MAX_V1 = 108;
/** Signature, command and version, family and protocol, length. */
const HEADER_V2 = 16;

const NO_TLVS: readonly Tlv[] = [];

/** @param bytes all that has come so far */
export function readProxyHeader(bytes: Uint8Array): ProxyHeader | NoHeader {
  if (startsLike(bytes, SIGNATURE_V2)) {
    return bytes.length < HEADER_V2 ? "incomplete" : readVersion2(bytes);
  }
  if (startsLike(bytes, SIGNATURE_V1)) return readVersion1(bytes);
  return "none";
}

/** Which version the first bytes are of, 0 for none of them; both begin differently. */
export function versionOf(bytes: Uint8Array): 0 | 1 | 2 {
  if (startsLike(bytes, SIGNATURE_V2)) return 2;
  return startsLike(bytes, SIGNATURE_V1) ? 1 : 0;
}

/** As far as both go. */
function startsLike(bytes: Uint8Array, signature: Uint8Array): boolean {
  const length = Math.min(bytes.length, signature.length);
  for (let i = 0; i < length; i++) if (bytes[i] !== signature[i]) return false;
  return true;
}

const LF = 0x0a;
const CR = 0x0d;

function readVersion1(bytes: Uint8Array): ProxyHeader | NoHeader {
  const end = lineEnd(bytes);
  // Envoy counts it as no header then.
  if (end < 0) return bytes.length >= MAX_V1 ? "none" : "incomplete";
  const line = String.fromCharCode(...bytes.subarray(SIGNATURE_V1.length, end));
  const length = end + 2;
  if (line.startsWith("UNKNOWN")) return { version: 1, length, addresses: null, tlvs: NO_TLVS };
  const match = LINE.exec(line);
  if (match === null) return "error";
  const [, family, source, destination, sourcePort, destinationPort] = match;
  const version = family === "4" ? 4 : 6;
  const addresses = {
    source: canonicalAddress(source),
    sourcePort: Number(sourcePort),
    destination: canonicalAddress(destination),
    destinationPort: Number(destinationPort),
  };
  const good =
    isIP(source) === version &&
    isIP(destination) === version &&
    addresses.sourcePort <= 65_535 &&
    addresses.destinationPort <= 65_535;
  return good ? { version: 1, length, addresses, tlvs: NO_TLVS } : "error";
}

const LINE = /^TCP([46]) ([^ ]+) ([^ ]+) \+?(\d{1,5}) \+?(\d{1,5})$/;

/** Where CR LF begins, within the longest header that there can be; -1 if it does not. */
function lineEnd(bytes: Uint8Array): number {
  const last = Math.min(bytes.length, MAX_V1) - 1;
  for (let i = 0; i < last; i++) if (bytes[i] === CR && bytes[i + 1] === LF) return i;
  return -1;
}

const LOCAL = 0;
const PROXY = 1;
/** Family and protocol, and how long addresses with ports are. Envoy takes UDP for TCP here. */
const TCP4 = 0x11;
const UDP4 = 0x12;
const TCP6 = 0x21;
const UDP6 = 0x22;
const ADDRESSES_LENGTH: Readonly<Record<number, number>> = { [TCP4]: 12, [UDP4]: 12, [TCP6]: 36, [UDP6]: 36 };

function readVersion2(bytes: Uint8Array): ProxyHeader | NoHeader {
  const command = bytes[12];
  const family = bytes[13];
  const length = HEADER_V2 + ((bytes[14] << 8) | bytes[15]);
  if (command >> 4 !== 2) return "error";
  if ((command & 15) === LOCAL) {
    return bytes.length < length ? "incomplete" : { version: 2, length, addresses: null, tlvs: NO_TLVS };
  }
  const addressesLength = ADDRESSES_LENGTH[family];
  if ((command & 15) !== PROXY || addressesLength === undefined) return "error";
  if (length < HEADER_V2 + addressesLength) return "error";
  if (bytes.length < length) return "incomplete";
  const tlvs = readTlvs(bytes.subarray(HEADER_V2 + addressesLength, length));
  if (tlvs === null) return "error";
  return {
    version: 2,
    length,
    addresses: readAddresses(bytes, addressesLength === ADDRESSES_LENGTH[TCP4] ? 4 : 16),
    tlvs,
  };
}

function readAddresses(bytes: Uint8Array, size: 4 | 16): ProxyAddresses {
  const ports = HEADER_V2 + 2 * size;
  return {
    source: addressText(bytes, HEADER_V2, size),
    destination: addressText(bytes, HEADER_V2 + size, size),
    sourcePort: (bytes[ports] << 8) | bytes[ports + 1],
    destinationPort: (bytes[ports + 2] << 8) | bytes[ports + 3],
  };
}

function addressText(bytes: Uint8Array, at: number, size: 4 | 16): string {
  if (size === 4) return `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`;
  let text = "";
  for (let i = 0; i < size; i += 2) {
    text += `${i === 0 ? "" : ":"}${((bytes[at + i] << 8) | bytes[at + i + 1]).toString(16)}`;
  }
  return canonicalAddress(text);
}

/** Null if they do not fill their place exactly. */
function readTlvs(bytes: Uint8Array): readonly Tlv[] | null {
  if (bytes.length === 0) return NO_TLVS;
  const tlvs: Tlv[] = [];
  for (let at = 0; at < bytes.length;) {
    if (bytes.length - at < 3) return null;
    const end = at + 3 + ((bytes[at + 1] << 8) | bytes[at + 2]);
    if (end > bytes.length) return null;
    tlvs.push({ type: bytes[at], value: bytes.slice(at + 3, end) });
    at = end;
  }
  return tlvs;
}
