/** The parts of node:net that open nothing, so that pure code need not import sockets to use them. */
import { BlockList, SocketAddress, isIP } from "node:net";

export { BlockList, isIP };

/** An IP address as inet_ntop(3) writes it: `2001:DB8::0001` is `2001:db8::1`. "" if it is none. */
export function canonicalAddress(text: string): string {
  const family = isIP(text);
  if (family === 0) return "";
  return family === 4 ? text : new SocketAddress({ address: text, family: "ipv6" }).address;
}
