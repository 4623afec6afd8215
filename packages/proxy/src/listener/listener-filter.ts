import type { AcceptedConnection } from "../net/accepted-connection.ts";
import type { NetContext } from "../net/context.ts";
import type { StatsRegistry } from "../stats/index.ts";

/** What a listener filter says of a connection. */
export type Verdict = typeof CONTINUE | typeof WAIT | typeof CLOSE;

/** The next filter's turn. */
export const CONTINUE = 0;
/** More bytes are needed. */
export const WAIT = 1;
export const CLOSE = 2;

/** Looks at a connection before its filter chain is chosen. One for all connections of a listener: it keeps nothing of them. */
export interface ListenerFilter {
  /** @param early what has been read of the connection and not been consumed; it grows, and is asked about again, until there is a verdict */
  inspect(connection: AcceptedConnection, early: Uint8Array): Verdict;
}

/** What listener filters need beside their plans. */
export interface ListenerFilterDeps {
  readonly net: NetContext;
  readonly registry: StatsRegistry;
}
