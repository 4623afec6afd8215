import type { OnReadOpts, Socket } from "node:net";
import type { TimerWheel } from "../clock/timer-wheel.ts";
import type { ReadOriginalDestination } from "./original-destination.ts";
import type { ReadBuffers } from "./read-buffers.ts";
import type { Turn } from "./turn.ts";

/** What all connections of a data plane share. */
export interface NetContext {
  readonly turn: Turn;
  readonly timers: TimerWheel;
  readonly buffers: ReadBuffers;
  /** Sockets read into our buffers (`onread`); false where the runtime cannot do that for accepted sockets. */
  readonly readsIntoBuffers: boolean;
  /** Opens a TCP connection to an IP address (net/connector.ts; tests put sockets of their own here). */
  connect(
    address: string,
    port: number,
    onread: OnReadOpts | undefined,
    addresses?: readonly string[],
    source?: string,
  ): Socket;
  /** Where a redirected connection was to go. */
  readonly originalDestination: ReadOriginalDestination;
  /** Milliseconds since 1970. */
  wallMs(): number;
  /** Numbers the connections of a data plane, those of clients and those to upstreams alike, from 0 (Envoy's connection ids). */
  nextConnectionId(): number;
  /** Logs and counts (`proxy_bug_total`) an exception that reached a socket or timer callback. */
  reportBug(error: unknown): void;
}
