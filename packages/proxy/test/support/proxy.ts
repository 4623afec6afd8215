/** A data plane on real sockets, with a scripted upstream and a raw client. */
import { type Socket, connect, createServer } from "node:net";
import { once } from "node:events";
import type { TestContext } from "node:test";
import { type Clock, systemClock } from "../../src/clock/clock.ts";
import { DataPlane } from "../../src/data-plane.ts";
import { createLog } from "../../src/log.ts";
import type { ClusterPlan } from "../../src/plan/cluster-plan.ts";
import type { HttpConnectionManagerPlan, ListenerPlan } from "../../src/plan/listener-plan.ts";
import type { RouteAction } from "../../src/plan/route-plan.ts";
import { StatsRegistry } from "../../src/stats/index.ts";
import { clusterPlan, endpoint, forwardTo, listenerPlan, managerPlan, prefixTable, routePlan } from "./plans.ts";

export const OK = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";
export const GET = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

/** One connection that the proxy opened to the backend. */
export interface BackendConnection {
  readonly socket: Socket;
  received: string;
  ended: boolean;
  closed: boolean;
}

export class Backend {
  readonly connections: BackendConnection[] = [];
  port = 0;
  /** No connection is taken any more; those that there are stay. */
  refuse: () => void = () => {};
  /** Answers what has come; default: OK to each complete head. */
  onData: (connection: BackendConnection, chunk: Buffer) => void = (connection, chunk) => {
    const heads = chunk.toString("latin1").split("\r\n\r\n").length - 1;
    for (let i = 0; i < heads; i++) connection.socket.write(OK);
  };

  get received(): string {
    return this.connections.map((connection) => connection.received).join("");
  }

  get requests(): number {
    return this.received.split(" HTTP/1.1\r\n").length - 1;
  }
}

export async function startBackend(t: TestContext): Promise<Backend> {
  const backend = new Backend();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const connection: BackendConnection = { socket, received: "", ended: false, closed: false };
    backend.connections.push(connection);
    socket.on("error", () => {
      connection.ended = true;
    });
    socket.on("data", (chunk: Buffer) => {
      connection.received += chunk.toString("latin1");
      backend.onData(connection, chunk);
    });
    socket.on("end", () => {
      connection.ended = true;
      socket.end();
    });
    socket.on("close", () => {
      connection.closed = true;
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  backend.port = address.port;
  backend.refuse = () => void server.close();
  t.after(() => {
    for (const { socket } of backend.connections) socket.destroy();
    server.close();
  });
  return backend;
}

export interface ProxyOptions {
  clock?: Clock;
  manager?: Partial<HttpConnectionManagerPlan>;
  cluster?: Partial<ClusterPlan>;
  action?: Partial<RouteAction>;
  listener?: Partial<ListenerPlan>;
  readIntoBuffers?: boolean;
}

export class Proxy {
  readonly stats = new StatsRegistry();
  readonly errors: string[] = [];
  readonly plane: DataPlane;
  readonly backend: Backend;
  port = 0;

  constructor(backend: Backend, clock: Clock, readIntoBuffers = true) {
    this.backend = backend;
    this.plane = new DataPlane({
      clock,
      readIntoBuffers,
      random: Math.random,
      stats: this.stats,
      log: createLog({
        level: "error",
        write: (line) => this.errors.push(line),
        now: () => new Date(0),
      }),
    });
  }

  counter(name: string): number {
    return this.stats.counter(name).value;
  }

  gauge(name: string): number {
    return this.stats.gauge(name).value;
  }

  client(t: TestContext): Promise<Client> {
    return connectClient(t, this.port);
  }
}

/** Routes everything to cluster `b`, which is the backend. Fails the test if the proxy had an internal error. */
export async function startProxy(t: TestContext, options: ProxyOptions = {}): Promise<Proxy> {
  const backend = await startBackend(t);
  const proxy = new Proxy(backend, options.clock ?? systemClock, options.readIntoBuffers);
  const { plane } = proxy;
  const table = prefixTable([{ prefix: "", route: routePlan(forwardTo(plane.clusterRef("b"), options.action)) }]);
  plane.setCluster(clusterPlan("b", options.cluster));
  plane.setEndpoints("b", [endpoint(backend.port)]);
  const bound = await plane.setListener(listenerPlan("l", managerPlan(table, options.manager), options.listener));
  proxy.port = bound.port;
  t.after(async () => {
    await plane.close();
    if (proxy.errors.length > 0) throw new Error(proxy.errors.join("\n"));
  });
  return proxy;
}

export class Client {
  readonly socket: Socket;
  received = "";
  ended = false;
  /** Error code, "" if none. */
  error = "";

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (chunk: Buffer) => {
      this.received += chunk.toString("latin1");
    });
    socket.on("end", () => {
      this.ended = true;
    });
    socket.on("error", (error: NodeJS.ErrnoException) => {
      this.error = error.code ?? error.message;
      this.ended = true;
    });
  }

  send(text: string): void {
    this.socket.write(text, "latin1");
  }

  get statuses(): number[] {
    return [...this.received.matchAll(/HTTP\/1\.[01] (\d{3})/g)].map((match) => Number(match[1]));
  }
}

export async function connectClient(t: TestContext, port: number): Promise<Client> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true, allowHalfOpen: true });
  const client = new Client(socket);
  t.after(() => socket.destroy());
  await once(socket, "connect");
  return client;
}

/** Waits until something holds; fails after `ms` with the last state. */
export async function until(what: () => boolean, describe: () => string = () => "", ms = 30_000): Promise<void> {
  const deadline = performance.now() + ms;
  while (!what()) {
    if (performance.now() > deadline) throw new Error(`did not come true: ${what.toString()} ${describe()}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
