/** Sets of IP addresses: `CidrRange` lists. */
import { BlockList, isIP } from "../ip-address.ts";
import type { Place } from "./problems.ts";

/** `CidrRange`, Envoy's or xDS's own. */
export interface AddressRange {
  readonly addressPrefix: string;
  readonly prefixLen?: number | undefined;
}

/** Whether an address, written as text, is in a set. */
export type AddressTest = (address: string) => boolean;

/** True for addresses in any of the ranges. @param place where the range of an index stands */
export function compileCidrRanges(ranges: readonly AddressRange[], place: (index: number) => Place): AddressTest {
  const v4: { readonly mask: number; readonly network: number }[] = [];
  const v6 = new BlockList();
  ranges.forEach(({ addressPrefix, prefixLen = 0 }, i) => {
    const version = isIP(addressPrefix);
    if (version === 0 || prefixLen > (version === 4 ? 32 : 128)) {
      place(i).refuse(`malformed IP address: ${addressPrefix}/${prefixLen}`);
    } else if (version === 4) {
      const mask = prefixLen === 0 ? 0 : -1 << (32 - prefixLen);
      v4.push({ mask, network: parseIPv4(addressPrefix) & mask });
    } else v6.addSubnet(addressPrefix, prefixLen, "ipv6");
  });
  return (address) => {
    if (address.includes(":")) return isIP(address) === 6 && v6.check(address, "ipv6");
    const bits = parseIPv4(address);
    return !Number.isNaN(bits) && v4.some(({ mask, network }) => (bits & mask) === network);
  };
}

const NOT_IPV4 = Number.NaN;

/** The address's 32 bits, signed; NaN for what is no dotted IPv4 address. */
function parseIPv4(text: string): number {
  let bits = 0;
  let octet = -1;
  let octets = 0;
  for (let i = 0; i <= text.length; i++) {
    const char = i < text.length ? text.charCodeAt(i) : DOT;
    if (char === DOT) {
      if (octet < 0) return NOT_IPV4;
      bits = (bits << 8) | octet;
      octet = -1;
      octets++;
    } else {
      const digit = char - ZERO;
      if (digit < 0 || digit > 9 || octet === 0) return NOT_IPV4;
      octet = octet < 0 ? digit : octet * 10 + digit;
      if (octet > 255) return NOT_IPV4;
    }
  }
  return octets === 4 ? bits : NOT_IPV4;
}

const DOT = 0x2e;
const ZERO = 0x30;
