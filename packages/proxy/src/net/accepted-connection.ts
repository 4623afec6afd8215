import type { Socket } from "node:net";
import type { Tlv } from "../codec/proxy-protocol/read-header.ts";
import type { ProxyOrigin } from "../plan/proxy-header.ts";
import type { Metadata } from "../plan/format/stream-info.ts";
import type { ConnectionView, TlsInfo } from "../plan/request-views.ts";
import { addressName } from "../ip-address.ts";
import type { Transport } from "./transport.ts";

const NONE: readonly string[] = [];
const NO_TLVS: readonly Tlv[] = [];

/**
 * A connection that has been accepted and belongs to no filter chain yet: what is known of it, whether by its socket or because listener filters
 * have found it out. Envoy `Network::ConnectionSocket` with its `ConnectionInfoSetter`.
 */
export class AcceptedConnection implements ConnectionView {
  /** 0 until it is open. */
  id = 0;
  /** Of the turn's clock. */
  readonly acceptedAt: number;
  readonly socket: Socket;
  /** What listener filters have read and left to others; null: nothing. */
  early: Uint8Array | null = null;
  /** Before there are so many of them no filter needs to look again. */
  wantedBytes = 0;
  readonly directRemoteAddress: string;
  readonly directRemotePort: number;
  remoteAddress: string;
  remotePort: number;
  readonly directLocalAddress: string;
  readonly directLocalPort: number;
  localAddress: string;
  localPort: number;
  originalDestination: ConnectionView["originalDestination"] = null;
  /** Another listener has accepted it. */
  redirected = false;
  serverName = "";
  /** "" until a listener filter has found it out. */
  transportProtocol = "";
  applicationProtocols = NONE;
  /** MD5 of what its TLS hello is like; "" unless that is wanted. */
  ja3 = "";
  /** The same, as JA4. */
  ja4 = "";
  /** What the PROXY protocol has said beside addresses, as far as it is passed on. */
  tlvs: readonly Tlv[] = NO_TLVS;
  /** What listener filters have found out beside; null: nothing. */
  metadata: Metadata | null = null;

  private transport: Transport | null = null;

  /** @param socket paused */
  constructor(socket: Socket, acceptedAt: number) {
    this.acceptedAt = acceptedAt;
    this.socket = socket;
    this.directRemoteAddress = this.remoteAddress = plainAddress(socket.remoteAddress ?? "");
    this.directRemotePort = this.remotePort = socket.remotePort ?? 0;
    this.directLocalAddress = this.localAddress = plainAddress(socket.localAddress ?? "");
    this.directLocalPort = this.localPort = socket.localPort ?? 0;
  }

  /** Where the connection was to go, or goes on behalf of somebody else. */
  restoreLocalAddress(address: string, port: number): void {
    this.localAddress = address;
    this.localPort = port;
    this.originalDestination = { address, port };
  }

  /** So many bytes of what was read are for nobody else. */
  consume(length: number): void {
    const { early } = this;
    this.early = early === null || early.length <= length ? null : early.subarray(length);
  }

  opened(transport: Transport): void {
    this.transport = transport;
    this.id = transport.id;
  }

  get bytesRead(): number {
    return this.transport === null ? 0 : this.transport.bytesRead;
  }

  get bytesWritten(): number {
    return this.transport === null ? 0 : this.transport.bytesWritten;
  }

  get transportFailure(): string {
    return this.transport === null ? "" : this.transport.failureReason;
  }

  get tls(): TlsInfo | null {
    return this.transport === null ? null : this.transport.tls;
  }

  get remoteName(): string {
    return addressName(this.remoteAddress, this.remotePort);
  }

  get directRemoteName(): string {
    return addressName(this.directRemoteAddress, this.directRemotePort);
  }

  get directLocalName(): string {
    return addressName(this.directLocalAddress, this.directLocalPort);
  }

  get localName(): string {
    return addressName(this.localAddress, this.localPort);
  }
}

/** For whom connections upstream are made. */
export function originOf(
  connection: Pick<ConnectionView, "remoteAddress" | "remotePort" | "localAddress" | "localPort"> & {
    readonly tlvs: readonly Tlv[];
  },
): ProxyOrigin {
  const { remoteAddress, remotePort, localAddress, localPort, tlvs } = connection;
  return {
    source: remoteAddress,
    sourcePort: remotePort,
    destination: localAddress,
    destinationPort: localPort,
    tlvs,
  };
}

/** Dual-stack sockets show IPv4 peers as `::ffff:10.0.0.1`. */
function plainAddress(address: string): string {
  return address.startsWith("::ffff:") ? address.slice(7) : address;
}
