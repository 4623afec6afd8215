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
  /** What `WAIT` has promised; to be called within a turn. */
  decided(decision: Decision): void;
}

/** `GO_ON`, or in how many milliseconds the connection is closed, or `WAIT`. */
export type Decision = number;

export const GO_ON = -1;
/** Of `onData` only: nothing goes on before `decided` is called; what comes is held. */
export const WAIT = -2;
export const CLOSE_NOW = 0;
