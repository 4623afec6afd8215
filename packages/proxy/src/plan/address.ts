import type { Address } from "@tulle/xds/gen/envoy/config/core/v3/address_pb.js";
import { isIP } from "../ip-address.ts";
import type { Place } from "./problems.ts";

export interface SocketAddress {
  readonly address: string;
  readonly port: number;
}

/** An IP address and a port; null if it was refused. */
export function readSocketAddress(message: Address | undefined, place: Place): SocketAddress | null {
  const named = readNamedAddress(message, place);
  if (named === null) return null;
  if (isIP(named.address) !== 0) return named;
  place.refuse(
    `malformed IP address: ${named.address}. Consider setting resolver_name or setting cluster type to 'STRICT_DNS' or 'LOGICAL_DNS'`,
  );
  return null;
}

/** A host name or IP address and a port; null if it was refused. */
export function readNamedAddress(message: Address | undefined, place: Place): SocketAddress | null {
  if (message?.address.case === "pipe") place.field("pipe").refuse("is not supported here");
  if (message?.address.case !== "socketAddress") return null;
  const { address, portSpecifier } = message.address.value;
  if (portSpecifier.case !== "portValue") {
    place.field("socket_address").refuse("a named port is not supported");
    return null;
  }
  return { address, port: portSpecifier.value };
}

/** A socket in the file system: its path, and no port. Null: the address is none. */
export function readPipe(message: Address | undefined): SocketAddress | null {
  return message?.address.case === "pipe" ? { address: message.address.value.path, port: 0 } : null;
}
