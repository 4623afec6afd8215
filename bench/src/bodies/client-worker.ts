/** The client of the bodies benchmark: transfers bodies over kept connections until its time is over. */
import { Agent, request as httpRequest } from "node:http";
import type { ClientRequest, IncomingMessage } from "node:http";
import type { TransferOrder, TransferResult } from "./messages.ts";
import { throttle } from "./throttle.ts";

const PIECE = Buffer.alloc(256 * 1024, "x");

process.on("message", (order) => {
  void transfer(order as TransferOrder).then((result) => process.send?.(result));
});

async function transfer(order: TransferOrder): Promise<TransferResult> {
  const agent = new Agent({ keepAlive: true, maxSockets: order.connections });
  const result: TransferResult = { bytes: 0, bodies: 0, failed: 0, ms: 0 };
  const started = performance.now();
  const open = new Set<ClientRequest>();
  const cutOff = setTimeout(() => open.forEach((request) => request.destroy()), order.slowTo > 0 ? order.ms : 60_000);
  const lane = async (): Promise<void> => {
    while (performance.now() - started < order.ms) {
      try {
        await one(order, agent, open, (bytes) => (result.bytes += bytes));
        result.bodies++;
      } catch {
        // A slow transfer is cut off at the end; every other failure counts.
        if (order.slowTo === 0) result.failed++;
        return;
      }
    }
  };
  await Promise.all(Array.from({ length: order.connections }, lane));
  clearTimeout(cutOff);
  agent.destroy();
  result.ms = performance.now() - started;
  return result;
}

/** Resolves when one body has arrived. */
function one(
  order: TransferOrder,
  agent: Agent,
  open: Set<ClientRequest>,
  arrived: (bytes: number) => void,
): Promise<void> {
  const down = order.direction === "down";
  const url = down ? `${order.origin}/${order.bytes}` : `${order.origin}/?rate=${order.slowTo}`;
  const headers = down ? {} : { "content-length": order.bytes };
  return new Promise((resolve, reject) => {
    const request = httpRequest(url, { agent, method: down ? "GET" : "POST", headers });
    open.add(request);
    request.on("close", () => open.delete(request));
    request.on("error", reject);
    request.on("response", (response: IncomingMessage) => {
      if (response.statusCode !== 200) {
        request.destroy(new Error(`answered ${response.statusCode}`));
        return;
      }
      response.on("error", reject);
      response.on("aborted", () => reject(new Error("cut off")));
      if (down && order.slowTo > 0) throttle(response, order.slowTo);
      response.on("data", (chunk: Buffer) => down && arrived(chunk.length));
      response.on("end", () => {
        if (!down) arrived(order.bytes);
        resolve();
      });
    });
    if (down) request.end();
    else upload(request, order.bytes);
  });
}

function upload(request: ClientRequest, bytes: number): void {
  let left = bytes;
  const more = (): void => {
    while (left > 0 && !request.destroyed) {
      const piece = left < PIECE.length ? PIECE.subarray(0, left) : PIECE;
      left -= piece.length;
      if (!request.write(piece)) {
        request.once("drain", more);
        return;
      }
    }
    request.end();
  };
  more();
}
