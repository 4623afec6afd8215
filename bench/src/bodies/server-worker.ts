/** The origin of the bodies benchmark: GET /BYTES sends a body, POST /?rate=N receives one, at that rate where it is not 0. */
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { ServerReady } from "./messages.ts";
import { throttle } from "./throttle.ts";

const PIECE = Buffer.alloc(256 * 1024, "x");

const server = createServer((request, response) => {
  if (request.method === "GET") send(response, Number(request.url?.slice(1)));
  else receive(request, response);
});
server.keepAliveTimeout = 0;
server.requestTimeout = 0;
server.listen(0, "127.0.0.1", () => {
  process.send?.({ port: (server.address() as AddressInfo).port } satisfies ServerReady);
});

function send(response: ServerResponse, bytes: number): void {
  response.writeHead(200, { "content-length": bytes });
  let left = bytes;
  const more = (): void => {
    while (left > 0) {
      const piece = left < PIECE.length ? PIECE.subarray(0, left) : PIECE;
      left -= piece.length;
      if (!response.write(piece)) {
        response.once("drain", more);
        return;
      }
    }
    response.end();
  };
  response.on("error", () => response.destroy());
  more();
}

function receive(request: IncomingMessage, response: ServerResponse): void {
  const rate = Number(new URL(request.url ?? "/", "http://origin").searchParams.get("rate"));
  let bytes = 0;
  request.on("data", (chunk: Buffer) => void (bytes += chunk.length));
  if (rate > 0) throttle(request, rate);
  request.on("error", () => response.destroy());
  request.on("end", () => {
    const body = String(bytes);
    response.writeHead(200, { "content-length": body.length });
    response.end(body);
  });
}
