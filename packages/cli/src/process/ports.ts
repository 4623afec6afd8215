/**
 * Ports for listeners that somebody else will open in a moment: the sidecar, the program.
 *
 * A port that was free a second ago may be taken twice: by the kernel, for an outgoing connection, and by another `tulle`
 * that starts at the same time. Against the first, ports are chosen below the kernel's range for outgoing connections;
 * against the second, whoever has chosen a port holds it over UDP too, which no TCP listener minds, until it is in use.
 */
import { createSocket } from "node:dgram";
import type { Socket } from "node:dgram";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";

const LOWEST = 20_000;
/** Where Linux starts unless told otherwise (net.ipv4.ip_local_port_range). */
const USUAL_OUTGOING_START = 32_768;
const ATTEMPTS = 200;

export interface ReservedPorts {
  readonly ports: readonly number[];
  /** To be called when the listeners are open (or never will be). */
  readonly release: () => void;
}

/** Reserves `count` different TCP ports of `host`, free now and kept from other reservations until released. */
export async function reservePorts(count: number, host: string): Promise<ReservedPorts> {
  const held = new Map<number, () => void>();
  const release = (): void => {
    for (const one of held.values()) one();
    held.clear();
  };
  const highest = outgoingStart() - 1;
  for (let attempt = 0; held.size < count && attempt < ATTEMPTS; attempt++) {
    const port = LOWEST + Math.floor(Math.random() * (highest - LOWEST + 1));
    if (held.has(port)) continue;
    const one = await claimPort(port, host);
    if (one !== undefined) held.set(port, one);
  }
  if (held.size < count) {
    release();
    throw new Error(`no ${count} free ports between ${LOWEST} and ${highest} on ${host}`);
  }
  return { ports: [...held.keys()], release };
}

/** Reserves one port that was chosen; undefined if it is taken or reserved, else what releases it (the end of this process does, too). */
export async function claimPort(port: number, host: string): Promise<(() => void) | undefined> {
  const socket = await holdUdp(port, host);
  if (socket === undefined) return undefined;
  if (await isFree(port, host)) return () => void socket.close();
  socket.close();
  return undefined;
}

/** Whether a TCP listener could open the port now. */
export function isFree(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

function holdUdp(port: number, host: string): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
    socket.once("error", () => {
      socket.close();
      resolve(undefined);
    });
    socket.bind({ port, address: host, exclusive: true }, () => {
      socket.unref();
      resolve(socket);
    });
  });
}

function outgoingStart(): number {
  try {
    const start = Number.parseInt(readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "utf8"), 10);
    return start > LOWEST + 1000 ? start : USUAL_OUTGOING_START;
  } catch {
    return USUAL_OUTGOING_START; // not Linux
  }
}
