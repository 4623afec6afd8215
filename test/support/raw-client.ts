/** A TCP client that sends exactly the bytes it is given and keeps exactly the bytes that come back. */
import { connect } from "node:net";

export interface RawExchange {
  /** Everything received, as latin1 text. */
  readonly text: string;
  /** How the other side ended: it closed, it reset, or it was still open when the exchange was over. */
  readonly end: "closed" | "reset" | "open";
}

export interface RawOptions {
  /** Milliseconds without a byte after which the exchange is over, once something came; default 150. */
  readonly idleMs?: number;
  /** Milliseconds after which it is over in any case; default 3,000. */
  readonly limitMs?: number;
  /** Half-close after sending. */
  readonly finish?: boolean;
  /** The exchange is over when the received text satisfies this. */
  readonly until?: (text: string) => boolean;
}

/**
 * Time is counted in turns of the event loop: what has come while a busy machine let this process wait is read before a silence of that
 * length is believed.
 */
const TURN_MS = 10;

/** Sends `segments` one after another (latin1), each flushed on its own, and returns what came back. */
export function exchange(
  port: number,
  segments: string | readonly string[],
  options: RawOptions = {},
): Promise<RawExchange> {
  const { idleMs = 150, limitMs = 3000, finish = false, until } = options;
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true, allowHalfOpen: true });
    let text = "";
    let [elapsed, silence] = [0, 0];
    const over = (end: RawExchange["end"]): void => {
      clearInterval(turns);
      socket.destroy();
      resolve({ text, end });
    };
    const turns = setInterval(() => {
      elapsed += TURN_MS;
      silence += TURN_MS;
      if (elapsed >= limitMs || (text !== "" && until === undefined && silence >= idleMs)) over("open");
    }, TURN_MS);
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
      silence = 0;
      if (until?.(text) === true) over("open");
    });
    socket.on("end", () => over("closed"));
    socket.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "ECONNRESET" || error.code === "EPIPE") return over("reset");
      clearInterval(turns);
      reject(error);
    });
    socket.on("connect", () => {
      const all = typeof segments === "string" ? [segments] : segments;
      const next = (index: number): void => {
        if (socket.destroyed) return;
        if (index === all.length) {
          if (finish) socket.end();
          return;
        }
        socket.write(all[index]!, "latin1", () => setImmediate(next, index + 1));
      };
      next(0);
    });
  });
}

export interface RawResponse {
  readonly statusLine: string;
  readonly status: number;
  /** Lines as sent, in order. */
  readonly headers: readonly string[];
  readonly body: string;
}

/** Splits what an exchange received into responses; framing by content-length or chunked, else until the end. */
export function responsesIn(text: string, bodiless: (index: number) => boolean = () => false): RawResponse[] {
  const found: RawResponse[] = [];
  let rest = text;
  while (rest !== "") {
    const end = rest.indexOf("\r\n\r\n");
    if (end < 0) break;
    const [statusLine = "", ...headers] = rest.slice(0, end).split("\r\n");
    rest = rest.slice(end + 4);
    const status = Number(statusLine.split(" ")[1]);
    let body = "";
    if (!bodiless(found.length) && status >= 200 && status !== 204 && status !== 304)
      [body, rest] = takeBody(headers, rest);
    found.push({ statusLine, status, headers, body });
  }
  return found;
}

function takeBody(headers: readonly string[], rest: string): [string, string] {
  const value = (name: string): string | undefined =>
    headers
      .find((line) => line.toLowerCase().startsWith(`${name}:`))
      ?.slice(name.length + 1)
      .trim();
  const length = value("content-length");
  if (length !== undefined) return [rest.slice(0, Number(length)), rest.slice(Number(length))];
  if (value("transfer-encoding") !== "chunked") return [rest, ""];
  let body = "";
  for (;;) {
    const line = rest.indexOf("\r\n");
    const size = Number.parseInt(rest.slice(0, line), 16);
    if (line < 0 || Number.isNaN(size)) return [body, ""];
    rest = rest.slice(line + 2);
    if (size === 0) return [body, rest.slice(rest.indexOf("\r\n") + 2)];
    body += rest.slice(0, size);
    rest = rest.slice(size + 2);
  }
}
