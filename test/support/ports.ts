import { createServer } from "node:net";

/** Below what the system hands out by itself (Linux: from 32768): a port that was free stays free until it is used. */
const FIRST = 10_000;
const LAST = 32_000;
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
    if (given.has(port)) continue;
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
