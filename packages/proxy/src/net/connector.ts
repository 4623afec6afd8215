import { type OnReadOpts, type Socket, connect } from "node:net";

/** Opens a TCP connection; `address` is an IP address. */
export function openConnection(address: string, port: number, onread: OnReadOpts | undefined): Socket {
  const options = { host: address, port, noDelay: true, allowHalfOpen: true };
  return onread === undefined ? connect(options) : connect({ ...options, onread });
}
