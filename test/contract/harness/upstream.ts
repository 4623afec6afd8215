/** A scripted upstream: answers the n-th request as its script says and keeps every byte of every connection. */
import { createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { TLSSocket } from "node:tls";
import type { Act, Answer, Upstream, UpstreamScript } from "./case.ts";
import { authorizerServer } from "./authorizer.ts";
import { logCollector } from "./log-collector.ts";
import { Conversation, type Duty } from "./http2/conversation.ts";
import { PREFACE, onStream, settings, translated } from "./http2/frames.ts";
import { parse } from "./messages.ts";
import { ObservedConnection } from "./observed.ts";
import { createTlsServer, describeHandshake } from "./tls.ts";
import type { Activity } from "./waiting.ts";

/** Nobody listens on these, and nobody without privileges may: connecting to them is refused. */
const REFUSING_PORTS = [1, 2, 3, 4];

/** Gates of a case, opened by its steps. */
export class Gates {
  private readonly opened = new Set<string>();
  private waiting: { readonly gate: string; readonly pass: () => void }[] = [];

  open(gate: string): void {
    this.opened.add(gate);
    for (const each of this.waiting) if (each.gate === gate) each.pass();
    this.waiting = this.waiting.filter((each) => each.gate !== gate);
  }

  pass(gate: string): Promise<void> {
    if (this.opened.has(gate)) return Promise.resolve();
    return new Promise((pass) => this.waiting.push({ gate, pass }));
  }
}

export class ScriptedUpstream {
  readonly connections: ObservedConnection[] = [];
  readonly script: UpstreamScript;
  readonly gates: Gates;
  readonly activity: Activity;
  /** Requests that have been answered or are being answered. */
  taken = 0;
  private server: Server | null = null;
  /** As they were accepted: with TLS there are some whose handshake never ends. */
  private readonly accepted: Socket[] = [];
  port = 0;

  constructor(name: string, script: Upstream | undefined, gates: Gates, activity: Activity) {
    this.script = scriptOf(name, script);
    this.gates = gates;
    this.activity = activity;
  }

  async listen(refusingIndex: number): Promise<void> {
    if (this.script.answers.length === 0) {
      this.port = REFUSING_PORTS[refusingIndex % REFUSING_PORTS.length]!;
      return;
    }
    const { tls, checks, collects } = this.script;
    const onConnection = (socket: Socket): void => {
      this.connections.push(new Connection(this, socket));
      this.activity.happened();
    };
    const server: Server =
      checks !== undefined
        ? authorizerServer(
            checks,
            (connection) => this.connections.push(connection),
            () => this.activity.happened(),
          )
        : collects !== undefined
          ? logCollector(
              collects,
              (connection) => this.connections.push(connection),
              () => this.activity.happened(),
            )
          : tls === undefined
            ? createServer({ noDelay: true, allowHalfOpen: true }, onConnection)
            : createTlsServer(tls, onConnection);
    this.server = server;
    server.on("connection", (socket: Socket) => this.accepted.push(socket));
    await new Promise<void>((resolve, reject) => server.once("error", reject).listen(0, "127.0.0.1", () => resolve()));
    this.port = (server.address() as AddressInfo).port;
  }

  requests(): number {
    return this.connections.reduce((sum, connection) => sum + connection.countComplete(), 0);
  }

  has(what: string | RegExp | number): boolean {
    if (typeof what === "number") return this.requests() >= what;
    return this.connections.some((connection) => connection.has(what));
  }

  async close(): Promise<void> {
    for (const connection of this.connections) connection.destroy();
    for (const socket of this.accepted) socket.destroy();
    const { server } = this;
    if (server !== null) await new Promise((resolve) => server.close(resolve));
  }
}

function scriptOf(name: string, script: Upstream | undefined): UpstreamScript {
  if (script === undefined) {
    const lines = ["HTTP/1.1 200 OK", "content-type: text/plain", `content-length: ${name.length}`, "", name];
    return { answers: [lines.join("\r\n")] };
  }
  if (typeof script === "string") return { answers: [script] };
  return "refused" in script ? { answers: [] } : script;
}

class Connection extends ObservedConnection {
  private readonly upstream: ScriptedUpstream;
  private readonly socket: Socket;
  /** Requests of this connection that have been answered or are being answered. */
  private taken = 0;
  private work: Promise<void> = Promise.resolve();
  private ended = false;
  /** Of HTTP/2, streams that are answered side by side. */
  private readonly answered = new Set<number>();

  constructor(upstream: ScriptedUpstream, socket: Socket) {
    super(socket.remotePort!, () => {
      this.ended = true;
      socket.destroy();
    });
    this.upstream = upstream;
    this.socket = socket;
    this.tls = socket instanceof TLSSocket ? describeHandshake(socket, serverNameOf(socket)) : "";
    const { script, gates, activity } = upstream;
    if (script.greeting !== undefined) this.play(script.greeting);
    socket.on("data", (chunk) => {
      this.received += chunk.toString("latin1");
      if (this.conversation === null && this.received.startsWith(PREFACE)) {
        this.conversation = this.converse();
        this.conversation.feed(Buffer.from(this.received, "latin1"));
      } else this.conversation?.feed(chunk);
      this.takeRequests();
      activity.happened();
    });
    const over = (end: "closed" | "reset"): void => {
      // As for clients, the end of HTTP/2 is one.
      if (!this.ended) this.end ??= this.conversation === null ? end : "closed";
      activity.happened();
    };
    socket.on("end", () => {
      over("closed");
      // An ordinary server closes when the other side has; one that is in the middle of an answer finishes it.
      void this.work.then(() => socket.end());
    });
    socket.on("error", () => over(script.tls === undefined ? "reset" : "closed"));
    if (script.deafUntil !== undefined) {
      socket.pause();
      void gates.pass(script.deafUntil).then(() => socket.resume());
    }
  }

  private converse(): Conversation {
    const { http2 = {} } = this.upstream.script;
    const duties = new Set<Duty>(["settings", "pings", "windows"]);
    for (const duty of http2.byHand ?? []) duties.delete(duty);
    const write = (frames: string): void => void (this.socket.writable && this.socket.write(frames, "latin1"));
    write(settings(http2.settings));
    return new Conversation({ server: true, write, duties });
  }

  private takeRequests(): void {
    const { script } = this.upstream;
    if (this.conversation !== null) {
      for (const { id, complete } of this.conversation.begun()) {
        if (this.answered.has(id) || !(complete || script.early === true)) continue;
        this.answered.add(id);
        const answer = script.answers[Math.min(this.upstream.taken++, script.answers.length - 1)]!;
        void this.playOn(id, typeof answer === "string" ? [answer] : answer);
      }
      return;
    }
    const { messages } = parse(this.received, "requests");
    const ready = messages.filter(({ complete }) => complete || script.early === true).length;
    for (; this.taken < ready; this.taken++) {
      const answer = script.answers[Math.min(this.upstream.taken++, script.answers.length - 1)]!;
      this.play(answer);
    }
  }

  private play(answer: Answer): void {
    const acts = typeof answer === "string" ? [answer] : answer;
    this.work = this.work.then(async () => {
      for (const act of acts) await this.act(act);
    });
  }

  /** HTTP/2: streams are answered side by side. */
  private async playOn(stream: number, acts: readonly Act[]): Promise<void> {
    for (const act of acts) {
      if (typeof act !== "string") await this.act(act);
      else await this.write(onStream(act.startsWith("HTTP/1.1 ") ? translated(act) : act, stream));
    }
  }

  private async write(bytes: string): Promise<void> {
    const { socket } = this;
    if (this.ended || socket.destroyed) return;
    await new Promise<void>((resolve) => socket.write(bytes, "latin1", () => setTimeout(resolve, 1)));
  }

  private async act(act: Act): Promise<void> {
    const { socket } = this;
    if (typeof act === "string") return this.write(act);
    if (act.do === "gate") await this.upstream.gates.pass(act.gate);
    else if (act.do === "sees") {
      while (!this.has(act.text) && !socket.destroyed) await this.upstream.activity.next(20);
    } else {
      this.ended = true;
      if (act.do === "finish") socket.end();
      else if (act.do === "reset") socket.resetAndDestroy();
      else socket.destroy();
    }
  }
}

function serverNameOf(socket: TLSSocket): string {
  const { servername } = socket as { servername?: string | false | null };
  return typeof servername === "string" ? servername : "";
}
