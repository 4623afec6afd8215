import { networkInterfaces } from "node:os";

/** Where something of this process listens. */
export interface BoundPort {
  readonly address: string;
  readonly port: number;
}

const WILDCARDS: ReadonlySet<string> = new Set(["0.0.0.0", "::"]);

/** Whether a connection to that address would end at one of these ports. */
export function reachesOwnPort(address: string, port: number, own: Iterable<BoundPort>): boolean {
  const plain = address.startsWith("::ffff:") ? address.slice("::ffff:".length) : address;
  for (const bound of own) {
    if (bound.port !== port) continue;
    // To connect to no address in particular is to connect to this machine.
    if (bound.address === plain || WILDCARDS.has(plain)) return true;
    if (WILDCARDS.has(bound.address) && isOfThisMachine(plain)) return true;
  }
  return false;
}

function isOfThisMachine(address: string): boolean {
  if (address.startsWith("127.")) return true;
  // cold: only where the port is ours
  return Object.values(networkInterfaces()).some((all) => all?.some((each) => each.address === address));
}
