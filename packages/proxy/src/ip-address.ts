/** The parts of node:net that open nothing, so that pure code need not import sockets to use them. */
import { BlockList, SocketAddress, isIP } from "node:net";

export { BlockList, isIP };

/** Envoy's way to write an address with its port: `10.0.0.1:80`, `[::1]:80`. */
export function addressName(address: string, port: number): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

/** An IP address as inet_ntop(3) writes it: `2001:DB8::0001` is `2001:db8::1`. "" if it is none. */
export function canonicalAddress(text: string): string {
  if (isDotted(text)) return text;
  const family = isIP(text);
  if (family === 0) return "";
  return family === 4 ? text : new SocketAddress({ address: text, family: "ipv6" }).address;
}

/** Four numbers up to 255 without leading zeros: what `isIP` says is 4, for a tenth of its price, since requests have these. */
function isDotted(text: string): boolean {
  let dots = 0;
  let digits = 0;
  let value = 0;
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit === -2 /* . */) {
      if (digits === 0 || ++dots > 3) return false;
      digits = 0;
      value = 0;
    } else {
      if (digit < 0 || digit > 9 || (digits > 0 && value === 0)) return false;
      value = value * 10 + digit;
      digits++;
      if (value > 255) return false;
    }
  }
  return dots === 3 && digits > 0;
}

/** `10.1.2.3`, 8 → `10.0.0.0/8`; more bits than there are, are all. */
export function maskAddress(address: string, bits: number): string {
  if (isIP(address) === 4) {
    const length = Math.min(bits, 32);
    const value = address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
    const masked = length === 0 ? 0 : ((value >>> (32 - length)) << (32 - length)) >>> 0;
    return `${[24, 16, 8, 0].map((shift) => (masked >>> shift) & 255).join(".")}/${length}`;
  }
  const length = Math.min(bits, 128);
  const groups = ipv6Groups(address).map((group, i) => {
    const kept = Math.max(0, Math.min(16, length - i * 16));
    return kept === 0 ? 0 : group & (0xffff << (16 - kept)) & 0xffff;
  });
  return `${canonicalAddress(groups.map((group) => group.toString(16)).join(":"))}/${length}`;
}

/** The eight groups of a valid address. */
export function ipv6Groups(address: string): number[] {
  const dotted = address.lastIndexOf(":");
  const last = address.slice(dotted + 1);
  if (last.includes(".")) {
    const [a, b, c, d] = last.split(".").map(Number);
    return ipv6Groups(`${address.slice(0, dotted + 1)}${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`);
  }
  const [head, tail] = address.split("::").map((side) => (side === "" ? [] : side.split(":")));
  const groups =
    tail === undefined ? head : [...head, ...Array<string>(8 - head.length - tail.length).fill("0"), ...tail];
  return groups.map((group) => Number.parseInt(group, 16));
}
