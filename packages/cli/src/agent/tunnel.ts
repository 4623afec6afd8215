/**
 * A socket in the file system whose every byte goes to the control plane over TLS, with the workload's certificate: what talks xDS or
 * asks for certificates there needs no TLS of its own, whether it is our proxy, Envoy or the agent. (Istio's agent, XDS proxy)
 */
import { createServer, isIP } from "node:net";
import type { Server, Socket } from "node:net";
import { chmod } from "node:fs/promises";
import { connect } from "node:tls";
import type { TLSSocket } from "node:tls";
import type { Clock, Log } from "@tulle/xds";
import { reason } from "../errors.ts";
import { formatAddress } from "../options.ts";
import type { Address } from "../options.ts";
import type { Credentials } from "./workload-certificate.ts";

export interface TunnelOptions {
  readonly address: Address;
  /** What the control plane's certificate is checked against, PEM; asked for each connection. */
  readonly roots: () => string;
  /** Undefined: without a certificate. */
  readonly credentials: () => Credentials | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

const CONNECT_MS = 5_000;

export class Tunnel {
  readonly #options: TunnelOptions;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #lastError = "";

  constructor(options: TunnelOptions) {
    this.#options = options;
    this.#server = createServer((socket) => this.#open(socket));
  }

  /** Why the last connection failed; "" if it did not. */
  get lastError(): string {
    return this.#lastError;
  }

  /** `path` is in a directory that others cannot enter. */
  async listen(path: string): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(path, resolve);
    });
    await chmod(path, 0o600);
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #open(near: Socket): void {
    let far: TLSSocket;
    const { address, clock } = this.#options;
    const credentials = this.#options.credentials();
    this.#keep(near);
    near.on("error", () => near.destroy()); // the other end hears of it by "close"
    try {
      far = connect({
        host: address.host,
        port: address.port,
        ca: this.#options.roots(),
        ALPNProtocols: ["h2"],
        minVersion: "TLSv1.2",
        ...(isIP(address.host) === 0 ? { servername: address.host } : {}),
        ...(credentials === undefined ? {} : { cert: credentials.certificate, key: credentials.key }),
      });
    } catch (error) {
      this.#failed(reason(error));
      near.destroy();
      return;
    }
    this.#keep(far);
    const cancelConnect = clock.after(CONNECT_MS, () =>
      far.destroy(new Error(`no answer within ${CONNECT_MS / 1000} s`)),
    );
    far.once("secureConnect", () => {
      cancelConnect();
      this.#lastError = "";
      near.pipe(far);
      far.pipe(near);
    });
    far.on("error", (error) => this.#failed(reason(error)));
    far.once("close", () => {
      cancelConnect();
      near.destroy();
    });
    near.once("close", () => far.destroy());
  }

  /** Each reason once: whoever uses the tunnel tries again and again. */
  #failed(why: string): void {
    if (why !== this.#lastError) {
      const control = formatAddress(this.#options.address);
      this.#options.log("warn", "no TLS connection to the control plane", { control, reason: why });
    }
    this.#lastError = why;
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
  }
}
