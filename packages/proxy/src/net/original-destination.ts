import type { Socket } from "node:net";

/** An address that a connection was made to before the kernel redirected it to this proxy. */
interface OriginalDestination {
  readonly address: string;
  readonly port: number;
}

/** Asks the kernel (SO_ORIGINAL_DST); undefined: the connection has not been redirected, or there is no telling. */
export type ReadOriginalDestination = (socket: Socket) => OriginalDestination | undefined;

/** The runtime itself cannot ask. */
export const noOriginalDestination: ReadOriginalDestination = () => undefined;
