/** Sets of IP addresses: `CidrRange` lists. */
import type { CidrRange } from "@tulle/xds/gen/envoy/config/core/v3/address_pb.js";
import { BlockList, isIP } from "../ip-address.ts";
import type { Place } from "./problems.ts";

/** Whether an address, written as text, is in a set. */
export type AddressTest = (address: string) => boolean;

/** True for addresses in any of the ranges. @param place where the range of an index stands */
export function compileCidrRanges(ranges: readonly CidrRange[], place: (index: number) => Place): AddressTest {
  const list = new BlockList();
  ranges.forEach(({ addressPrefix, prefixLen = 0 }, i) => {
    const version = isIP(addressPrefix);
    if (version === 0 || prefixLen > (version === 4 ? 32 : 128)) {
      place(i).refuse(`malformed IP address: ${addressPrefix}/${prefixLen}`);
    } else list.addSubnet(addressPrefix, prefixLen, version === 4 ? "ipv4" : "ipv6");
  });
  return (address) => {
    const version = isIP(address);
    return version !== 0 && list.check(address, version === 4 ? "ipv4" : "ipv6");
  };
}
