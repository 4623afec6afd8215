/** A client connection that does what a case's steps say and keeps every byte. */
import { connect } from "node:net";
import type { TLSSocket } from "node:tls";
import type { Socket } from "node:net";
import { countComplete, methodsIn, parse } from "./messages.ts";
import type { Parsed } from "./messages.ts";
import { type TlsClientEnd, connectTls, describeHandshake } from "./tls.ts";
import type { Activity } from "./waiting.ts";

export class Client {
  readonly port: Promise<number>;
  received = "";
  end: "closed" | "reset" | null = null;
  /** What the handshake came to; "" as long as there is none. */
  tls = "";
  /** The newest of the connection's. */
  session: Buffer | undefined;
  private sent = "";
  private readonly socket: Socket;

  constructor(port: number, activity: Activity, tls?: TlsClientEnd, session?: Buffer) {
    this.socket =
      tls === undefined
        ? connect({ port, host: "127.0.0.1", noDelay: true, allowHalfOpen: true })
        : this.secured(connectTls(port, tls, session), activity);
    this.port = new Promise((resolve, reject) => {
      this.socket.once("connect", () => resolve(this.socket.localPort!));
      this.socket.once("error", reject);
    });
    this.port.catch(() => undefined);
    this.socket.on("data", (chunk) => {
      this.received += chunk.toString("latin1");
      activity.happened();
    });
    const over = (end: "closed" | "reset"): void => {
      this.end ??= end;
      activity.happened();
    };
    this.socket.on("end", () => over("closed"));
    // How a TLS connection fails is told by alerts, resets or nothing but an end, as the implementation likes.
    this.socket.on("error", () => over(tls === undefined ? "reset" : "closed"));
  }

  private secured(socket: TLSSocket, activity: Activity): TLSSocket {
    socket.on("secureConnect", () => {
      this.tls = describeHandshake(socket, "");
      activity.happened();
    });
    socket.on("session", (session) => (this.session = session));
    return socket;
  }

  /** Resolves when the system has taken the bytes. */
  send(bytes: string): Promise<void> {
    this.sent += bytes;
    if (this.socket.destroyed) return Promise.resolve();
    return new Promise((resolve) => {
      // What is long may have to wait for a reader that a later step brings.
      if (!this.socket.write(bytes, "latin1", () => resolve())) resolve();
    });
  }

  finish(): void {
    this.socket.end();
  }

  close(): void {
    this.end ??= null;
    this.socket.destroy();
  }

  reset(): void {
    this.socket.resetAndDestroy();
  }

  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  parsed(): Parsed {
    return parse(this.received, "responses", methodsIn(this.sent));
  }

  has(what: string | RegExp | number): boolean {
    if (typeof what === "number") return countComplete(this.parsed()) >= what;
    return typeof what === "string" ? this.received.includes(what) : what.test(this.received);
  }
}
