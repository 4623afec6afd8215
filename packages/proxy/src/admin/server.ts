/**
 * The admin endpoint. Node's own HTTP server is good enough here: nothing of this is on the path of a request.
 * Methods, texts and status codes are Envoy's. (Envoy docs, "Administration interface")
 */
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { SocketAddress } from "../plan/address.ts";
import { ConfigError } from "../plan/problems.ts";
import type { ServerState } from "../server-state.ts";
import { clustersEndpoint } from "./clusters-endpoint.ts";
import { certsEndpoint } from "./certs-endpoint.ts";
import { configDumpEndpoint } from "./config-dump-endpoint.ts";
import { type AdminContext, type AdminEndpoint, type AdminReply, text } from "./endpoint.ts";
import { helpEndpoints, helpText } from "./help-endpoints.ts";
import { listenersEndpoint } from "./listeners-endpoint.ts";
import {
  drainListenersEndpoint,
  healthCheckFailEndpoint,
  healthCheckOkEndpoint,
  hotRestartEndpoint,
  loggingEndpoint,
  memoryEndpoint,
  quitEndpoint,
  readyEndpoint,
  reopenLogsEndpoint,
  serverInfoEndpoint,
} from "./state-endpoints.ts";
import { runtimeEndpoint, runtimeModifyEndpoint } from "./runtime-endpoints.ts";
import { prometheusEndpoint, resetCountersEndpoint, statsEndpoint } from "./stats-endpoints.ts";

// Not by `import`: that evaluates every export of node:http, among them those that load the whole of `fetch` (7 MB resident).
const { createServer } = process.getBuiltinModule("node:http");

const ENDPOINTS: readonly AdminEndpoint[] = [
  certsEndpoint,
  clustersEndpoint,
  configDumpEndpoint,
  drainListenersEndpoint,
  healthCheckFailEndpoint,
  healthCheckOkEndpoint,
  hotRestartEndpoint,
  listenersEndpoint,
  loggingEndpoint,
  memoryEndpoint,
  prometheusEndpoint,
  quitEndpoint,
  readyEndpoint,
  reopenLogsEndpoint,
  resetCountersEndpoint,
  runtimeEndpoint,
  runtimeModifyEndpoint,
  serverInfoEndpoint,
  statsEndpoint,
  ...helpEndpoints(() => ENDPOINTS),
];

const BY_PATH: ReadonlyMap<string, AdminEndpoint> = new Map(ENDPOINTS.map((endpoint) => [endpoint.path, endpoint]));

export class AdminServer {
  private readonly context: AdminContext;
  private readonly server: Server;
  private bound = "";

  constructor(context: Omit<AdminContext, "startedMs">) {
    this.context = {
      ...context,
      startedMs: context.clock.wallMs(),
      // A server that fails its health checks on purpose says that it is draining, as Envoy does.
      state: (): ServerState =>
        context.dataPlane.failsHealthChecks && context.state() === "LIVE" ? "DRAINING" : context.state(),
    };
    this.server = createServer((request, response) => this.answer(request, response));
  }

  /** `127.0.0.1:15000` once it listens. */
  get address(): string {
    return this.bound;
  }

  /** Throws ConfigError if the address cannot be bound. */
  async listen({ address, port }: SocketAddress): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.server.once("error", (error) =>
        reject(new ConfigError([{ path: "admin.address", message: `cannot be bound: ${error.message}` }])),
      );
      this.server.listen({ host: address, port }, resolve);
    });
    this.server.removeAllListeners("error");
    this.server.on("error", (error) => this.context.log.error("admin endpoint failed", { error: error.message }));
    const bound = this.server.address() as AddressInfo;
    this.context.dataPlane.reservePort(bound);
    this.bound = bound.family === "IPv6" ? `[${bound.address}]:${bound.port}` : `${bound.address}:${bound.port}`;
    if (!/^(127\.|::1$)/.test(bound.address)) {
      this.context.log.warn("the admin endpoint is not on loopback: whoever reaches it can stop this proxy", {
        address: this.bound,
      });
    }
  }

  async close(): Promise<void> {
    if (!this.server.listening) return;
    // A reply that is being written (to /quitquitquit) is finished; idle connections are not waited for.
    await new Promise<void>((resolve) => {
      this.server.close(() => resolve());
      this.server.closeIdleConnections();
    });
  }

  private answer(request: IncomingMessage, response: ServerResponse): void {
    let reply: AdminReply;
    try {
      reply = this.reply(request.method ?? "GET", request.url ?? "/", request.headers.accept ?? "");
    } catch (error) {
      this.context.log.error("admin endpoint failed", { url: request.url ?? "", error: String(error) });
      reply = text("internal error\n", 500);
    }
    request.resume();
    response.writeHead(reply.status, {
      "content-type": reply.contentType,
      "cache-control": "no-cache, max-age=0",
      "x-content-type-options": "nosniff",
      server: "envoy",
      // One request a connection: nothing here is worth keeping one open, and `close` need not wait.
      connection: "close",
    });
    response.end(request.method === "HEAD" ? undefined : reply.body);
  }

  private reply(method: string, url: string, accept: string): AdminReply {
    const cut = url.indexOf("?");
    const path = cut < 0 ? url : url.slice(0, cut);
    const endpoint = BY_PATH.get(path);
    if (endpoint === undefined) return text(`invalid path. ${helpText(ENDPOINTS)}`, 404);
    if (endpoint.post && method !== "POST") return text(`Method ${method} not allowed, POST required.`, 405);
    return endpoint.handle(new URLSearchParams(cut < 0 ? "" : url.slice(cut + 1)), this.context, accept);
  }
}
