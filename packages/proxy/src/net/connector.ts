import { type LookupFunction, type OnReadOpts, type Socket, connect, isIP } from "node:net";

/**
 * Opens a TCP connection; `address` is an IP address. Or one to a Unix socket: `address` is its path, or its name after an @.
 * @param addresses where a name has several: they are tried in turn (RFC 8305) and `address` is one of them; else empty
 * @param source this machine's address that it comes from; else the kernel chooses
 */
export function openConnection(
  address: string,
  port: number,
  onread: OnReadOpts | undefined,
  addresses: readonly string[] = NO_ADDRESSES,
  source?: string,
): Socket {
  if (address.startsWith("/") || address.startsWith("@")) {
    return connect({ path: address.replace(/^@/, "\0"), allowHalfOpen: true });
  }
  const common = { port, noDelay: true, allowHalfOpen: true };
  const host = source === undefined ? common : { ...common, localAddress: source };
  const options =
    addresses.length === 0
      ? { ...host, host: address }
      : // The runtime does that for names only: it gets one, and the answer to it.
        { ...host, host: "addresses", autoSelectFamily: true, lookup: answering(addresses) };
  return onread === undefined ? connect(options) : connect({ ...options, onread });
}

const NO_ADDRESSES: readonly string[] = [];

function answering(addresses: readonly string[]): LookupFunction {
  const all = addresses.map((address) => ({ address, family: isIP(address) }));
  return (_name, _options, done) => done(null, all);
}
