import type { AcceptedSocket } from "./accepted-socket.ts";
import { rewrap } from "./accepted-socket.ts";
import type { NetContext } from "./context.ts";
import { type ByteCounters, Transport, type TransportHandler } from "./transport.ts";

/** How the connections of a filter chain are carried: its transport socket (Envoy `DownstreamTransportSocketFactory`). */
export interface DownstreamTransport {
  /** Whether that is TLS. */
  readonly secure: boolean;
  /**
   * Takes over a connection that has been accepted, paused.
   * @param early what listener filters have read of it: the first that the handler, or the handshake, gets; null = nothing
   * @param counters of the connection manager or whatever else the connection belongs to
   * @param highWatermark bytes waiting to be written at which the handler is told
   */
  open(
    context: NetContext,
    accepted: AcceptedSocket,
    early: Uint8Array | null,
    handler: TransportHandler,
    counters: ByteCounters,
    highWatermark: number,
  ): Transport;
}

/** `envoy.transport_sockets.raw_buffer`: bytes as they are. */
export const RAW_TRANSPORT: DownstreamTransport = {
  secure: false,
  open: (context, accepted, early, handler, counters, highWatermark) =>
    new Transport(
      context,
      handler,
      counters,
      highWatermark,
      (onread) => (onread === undefined ? accepted : rewrap(accepted, onread)),
      early,
    ),
};
