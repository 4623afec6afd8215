import { createServer } from "node:net";

/**
 * Below what the system hands out by itself (Linux: from 32768) and what sidecars reserve (packages/cli/src/process/ports.ts: from 20000):
 * a port that was free stays free until it is used.
 */
const FIRST = 10_000;
const LAST = 20_000;
/** Of a mesh's programs by default (15010, 15014, …): a demo takes them when they are free. */
const USUAL = { first: 15_000, last: 15_100 };
/** Test files that run side by side choose from different ranges: between looking and listening there is time. */
const RANGES = 8;
const SIZE = Math.floor((LAST - FIRST) / RANGES);
const FIRST_OWN = FIRST + SIZE * (Number(process.env["NODE_TEST_WORKER_ID"] ?? 0) % RANGES);

const given = new Set<number>();

/** Ports of 127.0.0.1 on which nobody listens, not one of them given a short while ago. */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  while (ports.length < count) {
    const port = FIRST_OWN + Math.floor(Math.random() * SIZE);
    if (given.has(port) || (port >= USUAL.first && port <= USUAL.last)) continue;
    if (given.size > SIZE / 2) given.clear();
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
