import type { ConnectionStream } from "../connection-stream.ts";

/** Looks at the connections of a filter chain before what it ends in does. One for all of them. */
export interface NetworkFilter {
  /** A connection has come. */
  onConnection(connection: FilteredConnectionView): Decision;
  /** It has said something, or its last word. @param first the first time */
  onData(connection: FilteredConnectionView, first: boolean): Decision;
  /** It is gone; asked of every filter that `onConnection` was. */
  onClose(connection: FilteredConnectionView): void;
}

export interface FilteredConnectionView {
  readonly stream: ConnectionStream;
  /** Closed by one of its filters, or about to be. */
  readonly refused: boolean;
}

/** `GO_ON`, or in how many milliseconds the connection is closed. */
export type Decision = number;

export const GO_ON = -1;
export const CLOSE_NOW = 0;
