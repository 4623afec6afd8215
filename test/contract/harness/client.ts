/** A client connection that does what a case's steps say and keeps every byte. */
import { connect } from "node:net";
import type { TLSSocket } from "node:tls";
import type { Socket } from "node:net";
import { countComplete, linesOf, methodsIn, parse } from "./messages.ts";
import type { Parsed } from "./messages.ts";
import { Conversation, type Duty } from "./http2/conversation.ts";
import { PREFACE } from "./http2/frames.ts";
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
  private readonly duties = new Set<Duty>(["settings", "pings", "windows"]);
  /** What has been sent begins as HTTP/2 does. */
  private conversation: Conversation | null = null;

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
      // Who does not speak it answers something else.
      if (this.received.startsWith("HTTP/1")) this.conversation = null;
      this.conversation?.feed(chunk);
      activity.happened();
    });
    const over = (end: "closed" | "reset"): void => {
      // An HTTP/2 connection that is closed may have said something meanwhile that nobody reads.
      this.end ??= this.conversation === null ? end : "closed";
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
    if (this.conversation === null && this.sent.startsWith(PREFACE) && this.sent.length > PREFACE.length) {
      const write = (frames: string): void => void (this.socket.writable && this.socket.write(frames, "latin1"));
      this.conversation = new Conversation({ server: false, write, duties: this.duties });
    }
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

  /** What every HTTP/2 client does by itself, this one does not. */
  doByHand(duties: readonly Duty[]): void {
    for (const duty of duties) this.duties.delete(duty);
  }

  /** What was received. @param frames of HTTP/2, frame by frame */
  lines(exactChunks: boolean, frames: boolean): string[] {
    const { conversation } = this;
    if (conversation === null) return linesOf(this.parsed(), exactChunks);
    return frames ? conversation.frames() : conversation.lines(exactChunks);
  }

  parsed(): Parsed {
    return parse(this.received, "responses", methodsIn(this.sent));
  }

  has(what: string | RegExp | number): boolean {
    const { conversation } = this;
    if (conversation !== null) {
      // A connection that is over brings nothing more.
      return typeof what === "number"
        ? conversation.countComplete() >= what || this.end !== null
        : conversation.has(what);
    }
    if (typeof what === "number") return countComplete(this.parsed()) >= what;
    return typeof what === "string" ? this.received.includes(what) : what.test(this.received);
  }
}
