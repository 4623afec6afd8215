import type { Socket } from "node:net";
import { addressName } from "../ip-address.ts";

const NONE: readonly string[] = [];

/**
 * A connection that has been accepted and belongs to no filter chain yet: what is known of it, whether by its socket or because listener filters
 * have found it out. Envoy `Network::ConnectionSocket` with its `ConnectionInfoSetter`.
 */
export class AcceptedConnection {
  readonly socket: Socket;
  /** What listener filters have read and left to others; null: nothing. */
  early: Uint8Array | null = null;
  readonly directRemoteAddress: string;
  readonly directRemotePort: number;
  remoteAddress: string;
  remotePort: number;
  readonly directLocalAddress: string;
  readonly directLocalPort: number;
  localAddress: string;
  localPort: number;
  serverName = "";
  /** "" until a listener filter has found it out. */
  transportProtocol = "";
  applicationProtocols = NONE;

  /** @param socket paused */
  constructor(socket: Socket) {
    this.socket = socket;
    this.directRemoteAddress = this.remoteAddress = plainAddress(socket.remoteAddress ?? "");
    this.directRemotePort = this.remotePort = socket.remotePort ?? 0;
    this.directLocalAddress = this.localAddress = plainAddress(socket.localAddress ?? "");
    this.directLocalPort = this.localPort = socket.localPort ?? 0;
  }

  get remoteName(): string {
    return addressName(this.remoteAddress, this.remotePort);
  }

  get directRemoteName(): string {
    return addressName(this.directRemoteAddress, this.directRemotePort);
  }

  get localName(): string {
    return addressName(this.localAddress, this.localPort);
  }
}

/** Dual-stack sockets show IPv4 peers as `::ffff:10.0.0.1`. */
function plainAddress(address: string): string {
  return address.startsWith("::ffff:") ? address.slice(7) : address;
}
