/** Services inside the test's own process, on ports of their own. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { RequestListener, Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import { createService } from "../src/server.ts";
import type { Route } from "../src/server.ts";
import { upstream } from "../src/upstream.ts";
import type { Upstream } from "../src/upstream.ts";

/** Serves a table of routes until the test ends; gives its origin. */
export function serve(t: TestContext, routes: readonly Route[]): Promise<string> {
  return listen(t, createService(routes));
}

/** Serves with a plain handler until the test ends; gives its origin. */
export function serveWith(t: TestContext, handler: RequestListener): Promise<string> {
  return listen(t, createServer(handler));
}

export function upstreamAt(name: "details" | "reviews" | "ratings", origin: string): Upstream {
  const { hostname, port } = new URL(origin);
  const key = name.toUpperCase();
  return upstream(name, { [`${key}_HOSTNAME`]: hostname, [`${key}_SERVICE_PORT`]: port });
}

async function listen(t: TestContext, server: Server): Promise<string> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
