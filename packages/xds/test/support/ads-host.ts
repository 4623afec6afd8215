/** An ADS server of ours on a real port, with one view for all who come. */
import type { Socket } from "node:net";
import { connect, createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import type { Clock } from "../../src/clock.ts";
import { systemClock } from "../../src/clock.ts";
import type { ResourceView } from "../../src/resource.ts";
import { ADS_SERVER_OPTIONS, AdsServer } from "../../src/server/index.ts";
import type { AdsConnection, AdsEvents, AdsSource } from "../../src/server/index.ts";

export class AdsHost implements AdsSource {
  readonly connections: AdsConnection[] = [];
  readonly disconnected: string[] = [];
  readonly logged: Readonly<Record<string, unknown>>[] = [];
  /** Of health, in order. */
  readonly reports: string[] = [];
  readonly events: AdsEvents;
  #view: ResourceView;
  #grpc = new Server(ADS_SERVER_OPTIONS);
  #ads: AdsServer;
  port = 0;

  readonly #clock: Clock;

  constructor(view: ResourceView, events: AdsEvents = {}, clock: Clock = systemClock) {
    this.#view = view;
    this.events = events;
    this.#clock = clock;
    this.#ads = new AdsServer({
      source: this,
      events,
      clock,
      log: (level, message, fields) => this.logged.push({ level, message, ...fields }),
    });
  }

  connect(connection: AdsConnection): ResourceView {
    this.connections.push(connection);
    return this.#view;
  }

  disconnect(streamId: string): void {
    this.disconnected.push(streamId);
  }

  health(_streamId: string, healthy: boolean, message: string): void {
    this.reports.push(healthy ? "healthy" : message);
  }

  get ads(): AdsServer {
    return this.#ads;
  }

  async start(): Promise<void> {
    this.#ads.register(this.#grpc);
    this.port = await new Promise<number>((resolve, reject) =>
      this.#grpc.bindAsync(`127.0.0.1:${this.port}`, ServerCredentials.createInsecure(), (error, port) =>
        error ? reject(error) : resolve(port),
      ),
    );
  }

  /** The same port again, with nothing remembered. */
  async restart(): Promise<void> {
    this.#grpc = new Server(ADS_SERVER_OPTIONS);
    this.#ads = new AdsServer({ source: this, events: this.events, clock: this.#clock });
    await this.start();
  }

  stop(): void {
    this.#ads.close();
    this.#grpc.forceShutdown();
  }

  push(view: ResourceView): void {
    this.#view = view;
    for (const { streamId } of this.#ads.status()) this.#ads.update(streamId, view);
  }
}

/** A TCP relay whose connections can be cut, as by `kill -9` or a cable. */
export class Relay {
  readonly #sockets = new Set<Socket>();
  readonly #server;
  port = 0;

  constructor(targetPort: () => number) {
    this.#server = createServer((downstream) => {
      const upstream = connect(targetPort(), "127.0.0.1");
      for (const [socket, other] of [
        [downstream, upstream],
        [upstream, downstream],
      ] as const) {
        this.#sockets.add(socket);
        socket.on("error", () => other.destroy());
        socket.on("close", () => {
          this.#sockets.delete(socket);
          other.destroy();
        });
        socket.pipe(other);
      }
    });
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(this.port, "127.0.0.1", resolve));
    this.port = (this.#server.address() as AddressInfo).port;
  }

  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  stop(): void {
    this.#server.close();
    this.cut();
  }
}
