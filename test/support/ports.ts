import { createServer } from "node:net";

/** Below what the system hands out by itself (Linux: from 32768): a port that was free stays free until it is used. */
const FIRST = 10_000;
const LAST = 32_000;

const given = new Set<number>();

/** Ports of 127.0.0.1 on which nobody listens, never the same one twice. */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  while (ports.length < count) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST));
    if (given.has(port)) continue;
    given.add(port);
    if (await isFree(port)) ports.push(port);
  }
  return ports;
}

function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
