/** The HTTP server that all four services share: a table of routes, JSON and text answers, a graceful end. */
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface Reply {
  status: number;
  headers: Record<string, string>;
  body: string | Uint8Array;
}

/** A request as a route sees it: `params` are the route's regular-expression groups, percent-decoded. */
export interface Call {
  request: IncomingMessage;
  params: readonly string[];
}

export interface Route {
  method: "GET" | "POST";
  path: RegExp;
  answer: (call: Call) => Reply | Promise<Reply>;
}

const MAX_BODY_BYTES = 64 * 1024;
/** How long open requests may take to finish after SIGTERM. */
const DRAIN_MS = 10_000;

export function json(value: unknown, status = 200): Reply {
  return { status, headers: { "content-type": "application/json" }, body: JSON.stringify(value) };
}

export function text(body: string, status = 200): Reply {
  return { status, headers: { "content-type": "text/plain; charset=utf-8" }, body };
}

/** The request's body, or undefined if it is longer than 64 KiB. */
export async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** A server that answers from the table; not listening yet. */
export function createService(routes: readonly Route[]): Server {
  return createServer((request, response) => {
    void respond(routes, request, response);
  });
}

/**
 * Runs a service as a program: listens on `PORT` (default 9080, the original's) of `HOST` (default 127.0.0.1: beside a
 * sidecar nobody else needs to reach it) and on SIGTERM or SIGINT finishes the open requests before it exits.
 */
export function main(name: string, routes: readonly Route[]): void {
  const server = createService(routes);
  const port = Number(process.env["PORT"] ?? 9080);
  server.once("error", (error) => {
    console.error(`${name}: ${error.message}`);
    process.exitCode = 1;
  });
  server.listen(port, process.env["HOST"] ?? "127.0.0.1", () => {
    const { address, port } = server.address() as AddressInfo;
    console.log(`${name} listening on http://${address}:${port}`);
  });
  // Who closes idle connections is the proxy: a server that does it at the moment of the next request fails that one (RFC 9112 §9.3.1).
  server.keepAliveTimeout = 0;
  let stopping = false;
  let open = 0;
  // To Node a connection on which nothing was ever asked is not idle: close() would wait for it for a minute.
  const closeWhenAnswered = (): void => {
    if (stopping && open === 0) server.closeAllConnections();
  };
  server.on("request", (_, response: ServerResponse) => {
    open++;
    response.once("close", () => {
      open--;
      closeWhenAnswered();
    });
  });
  const stop = (): void => {
    if (!server.listening) return;
    stopping = true;
    server.close(() => process.exit(0));
    closeWhenAnswered();
    setTimeout(() => server.closeAllConnections(), DRAIN_MS).unref();
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
}

async function respond(routes: readonly Route[], request: IncomingMessage, response: ServerResponse): Promise<void> {
  let reply: Reply;
  try {
    reply = await findAnswer(routes, request);
  } catch (error) {
    console.error(`${request.method} ${request.url}:`, error);
    reply = json({ error: "internal error" }, 500);
  }
  response.writeHead(reply.status, { ...reply.headers, "content-length": Buffer.byteLength(reply.body) });
  response.end(request.method === "HEAD" ? undefined : reply.body);
}

async function findAnswer(routes: readonly Route[], request: IncomingMessage): Promise<Reply> {
  const target = request.url ?? "/";
  if (!URL.canParse(target, "http://service")) return json({ error: "malformed request target" }, 400);
  const { pathname } = new URL(target, "http://service");
  const method = request.method === "HEAD" ? "GET" : request.method;
  const allowed: string[] = [];
  for (const route of routes) {
    const match = route.path.exec(pathname);
    if (match === null) continue;
    if (route.method !== method) {
      allowed.push(route.method);
      continue;
    }
    const params = decodeAll(match.slice(1));
    return params === undefined
      ? json({ error: "malformed percent-encoding" }, 400)
      : route.answer({ request, params });
  }
  if (allowed.length === 0) return json({ error: `no such path: ${pathname}` }, 404);
  const reply = json({ error: `method ${request.method} is not allowed here` }, 405);
  return { ...reply, headers: { ...reply.headers, allow: allowed.join(", ") } };
}

function decodeAll(params: readonly (string | undefined)[]): string[] | undefined {
  try {
    return params.map((param) => decodeURIComponent(param ?? ""));
  } catch {
    return undefined; // a URIError: answered with 400
  }
}
