import type { AcceptedConnection } from "../net/accepted-connection.ts";
import type { ByteCounters, Transport, TransportHandler } from "../net/transport.ts";

/** A connection of a filter chain, whatever is spoken on it. */
export interface Session {
  /** Begins; until then nothing is read. */
  begin(): void;
  /** No new work is wanted of it. */
  drain(): void;
  /** Closes now. */
  destroy(): void;
}

/** What a connection needs of the filter chain that it is of. */
export interface SessionOwner {
  /** Its connections are TLS: nothing can be written before `onConnect`, which says that the handshake is over. */
  readonly secure: boolean;
  openTransport(accepted: AcceptedConnection, session: Session & TransportHandler, counters: ByteCounters): Transport;
  onConnectionClosed(session: Session, lengthMs: number): void;
}
