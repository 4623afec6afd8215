/** An upstream that keeps the bytes of every request it gets and answers with a name, or with scripted bytes. */
import { createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";

interface RecordedRequest {
  /** Request line and header lines as received. */
  readonly head: string;
  /** Body bytes as framed on the wire (chunk framing included), latin1. */
  readonly body: string;
}

export interface RecordingBackend {
  readonly port: number;
  /** Every complete request since the last `take`, oldest first. */
  take(): RecordedRequest[];
  /** All bytes received since the last `take`, complete requests or not. */
  takeBytes(): string;
  close(): Promise<void>;
}

/** Bytes to answer a request with; null = close without an answer. */
export type Script = (request: RecordedRequest) => string | null;

/** The default answer: 200 with the backend's name as the body and as `x-backend`. */
export function named(name: string): Script {
  return () =>
    `HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nx-backend: ${name}\r\ncontent-length: ${name.length}\r\n\r\n${name}`;
}

export async function startRecordingBackend(script: Script): Promise<RecordingBackend> {
  let requests: RecordedRequest[] = [];
  let bytes = "";
  const open = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    open.add(socket);
    let pending = "";
    socket.on("close", () => open.delete(socket));
    socket.on("error", () => socket.destroy());
    socket.on("data", (chunk) => {
      const text = chunk.toString("latin1");
      bytes += text;
      pending += text;
      for (;;) {
        const taken = takeRequest(pending);
        if (taken === null) return;
        pending = pending.slice(taken.length);
        requests.push(taken.request);
        const answer = script(taken.request);
        if (answer === null) socket.destroy();
        else socket.write(answer, "latin1");
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    take: () => {
      const taken = requests;
      requests = [];
      bytes = "";
      return taken;
    },
    takeBytes: () => {
      const taken = bytes;
      bytes = "";
      requests = [];
      return taken;
    },
    close: () => {
      for (const socket of open) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function takeRequest(text: string): { request: RecordedRequest; length: number } | null {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return null;
  const head = text.slice(0, end);
  const start = end + 4;
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  let stop = start;
  if (length !== undefined) stop = start + Number(length);
  else if (/\r\ntransfer-encoding: *chunked/i.test(head)) {
    const last = text.indexOf("0\r\n\r\n", start);
    if (last < 0) return null;
    stop = last + 5;
  }
  return text.length < stop ? null : { request: { head, body: text.slice(start, stop) }, length: stop };
}
