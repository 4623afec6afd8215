import type { MessageInitShape } from "@bufbuild/protobuf";
import { isIPv6 } from "@tulle/api";
import type { CidrRangeSchema } from "@tulle/xds/gen/envoy/config/core/v3/address_pb.js";

/** An address by itself is a block of one. */
export function cidrRange(text: string): MessageInitShape<typeof CidrRangeSchema> {
  const [addressPrefix = "", bits] = text.split("/");
  const prefixLen = bits === undefined ? (isIPv6(addressPrefix) ? 128 : 32) : Number(bits);
  return { addressPrefix, prefixLen };
}
