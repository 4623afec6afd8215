/** A scripted upstream: answers the n-th request as its script says and keeps every byte of every connection. */
import { createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { TLSSocket } from "node:tls";
import type { Act, Answer, Upstream, UpstreamScript } from "./case.ts";
import { type AuthorizerConnection, authorizerServer } from "./authorizer.ts";
import { logCollector } from "./log-collector.ts";
import { countComplete, parse } from "./messages.ts";
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
  readonly connections: (Connection | AuthorizerConnection)[] = [];
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
    return this.connections.reduce((sum, { received }) => sum + countComplete(parse(received, "requests")), 0);
  }

  has(what: string | RegExp | number): boolean {
    if (typeof what === "number") return this.requests() >= what;
    const text = this.connections.map(({ received }) => received).join("\0");
    return typeof what === "string" ? text.includes(what) : what.test(text);
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

class Connection {
  received = "";
  end: "closed" | "reset" | null = null;
  readonly tls: string;
  /** The proxy's port. */
  readonly port: number;
  private readonly upstream: ScriptedUpstream;
  private readonly socket: Socket;
  /** Requests of this connection that have been answered or are being answered. */
  private taken = 0;
  private work: Promise<void> = Promise.resolve();
  private ended = false;

  constructor(upstream: ScriptedUpstream, socket: Socket) {
    this.upstream = upstream;
    this.socket = socket;
    this.port = socket.remotePort!;
    this.tls = socket instanceof TLSSocket ? describeHandshake(socket, serverNameOf(socket)) : "";
    const { script, gates, activity } = upstream;
    if (script.greeting !== undefined) this.play(script.greeting);
    socket.on("data", (chunk) => {
      this.received += chunk.toString("latin1");
      this.takeRequests();
      activity.happened();
    });
    const over = (end: "closed" | "reset"): void => {
      if (!this.ended) this.end ??= end;
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

  destroy(): void {
    this.ended = true;
    this.socket.destroy();
  }

  private takeRequests(): void {
    const { script } = this.upstream;
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

  private async act(act: Act): Promise<void> {
    const { socket } = this;
    if (typeof act === "string") {
      if (this.ended || socket.destroyed) return;
      await new Promise<void>((resolve) => socket.write(act, "latin1", () => setTimeout(resolve, 1)));
      return;
    }
    if (act.do === "gate") await this.upstream.gates.pass(act.gate);
    else if (act.do === "sees") {
      while (!this.received.includes(act.text) && !socket.destroyed) await this.upstream.activity.next(20);
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
