/** The PROXY protocol's header for upstreams, as latin1. Envoy `source/extensions/common/proxy_protocol/proxy_protocol_header.cc`. */
import { ipv6Groups } from "../../ip-address.ts";
import type { ProxyAddresses, Tlv } from "./read-header.ts";

const SIGNATURE = "\r\n\r\n\0\r\nQUIT\n";
/** Version and command, family and protocol. */
const LOCAL = "\x20\0";
const PROXY_TCP4 = "\x21\x11";
const PROXY_TCP6 = "\x21\x21";
/** Of addresses with ports. */
const LENGTH_4 = 12;
const LENGTH_6 = 36;

export function version1Header({ source, sourcePort, destination, destinationPort }: ProxyAddresses): string {
  const family = source.includes(":") ? "TCP6" : "TCP4";
  return `PROXY ${family} ${source} ${destination} ${sourcePort} ${destinationPort}\r\n`;
}

/** TLVs that do not fit are left out, all of them. */
export function version2Header(addresses: ProxyAddresses, tlvs: readonly Tlv[]): string {
  const { source, sourcePort, destination, destinationPort } = addresses;
  const isV6 = source.includes(":") || destination.includes(":");
  const ends = `${isV6 ? bytes6(source) + bytes6(destination) : bytes4(source) + bytes4(destination)}${short(sourcePort)}${short(destinationPort)}`;
  const written = tlvs
    .map(({ type, value }) => String.fromCharCode(type) + short(value.length) + latin1Of(value))
    .join("");
  const most = 0xffff - (isV6 ? LENGTH_6 : LENGTH_4);
  const rest = written.length > most ? ends : ends + written;
  return `${SIGNATURE}${isV6 ? PROXY_TCP6 : PROXY_TCP4}${short(rest.length)}${rest}`;
}

/** The connection is the proxy's own. */
export const LOCAL_HEADER = `${SIGNATURE}${LOCAL}\0\0`;

function short(value: number): string {
  return String.fromCharCode((value >> 8) & 255, value & 255);
}

function bytes4(address: string): string {
  // cold: once a connection
  return String.fromCharCode(...address.split(".").map(Number));
}

function bytes6(address: string): string {
  return ipv6Groups(address.includes(":") ? address : `::ffff:${address}`)
    .map(short)
    .join("");
}

function latin1Of(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("latin1");
}
