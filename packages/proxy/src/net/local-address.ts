import { networkInterfaces } from "node:os";

/**
 * The node's own address: Envoy `Network::Utility::getLocalAddress`, the first IPv4 address that is not loopback, else
 * 127.0.0.1. It stands for a loopback peer in x-forwarded-for.
 */
export function localAddress(): string {
  // cold: at start-up
  for (const addresses of Object.values(networkInterfaces())) {
    for (const entry of addresses ?? []) if (entry.family === "IPv4" && !entry.internal) return entry.address;
  }
  return "127.0.0.1";
}
