/** One proxy with its upstreams, and a client that sends exchanges through it one after another. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bootstrapOf, upstreamNames } from "../contract/harness/bootstrap.ts";
import type { Act, ContractCase, Observation, Stream } from "../contract/harness/case.ts";
import { Client } from "../contract/harness/client.ts";
import { countComplete, linesOf, parse } from "../contract/harness/messages.ts";
import { normalised } from "../contract/harness/normalise.ts";
import type { Running, Subject } from "../contract/harness/subject.ts";
import { Activity } from "../contract/harness/waiting.ts";
import type { Configuration, Exchange } from "./exchange.ts";

/** One line for each request, its time first: that says of which exchange it is. */
const LOG =
  "%START_TIME(%s.%3f)% %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %ROUTE_NAME% %UPSTREAM_CLUSTER% %BYTES_RECEIVED% %BYTES_SENT% %REQ(:METHOD)% %REQ(:PATH)% %REQ(:AUTHORITY)% %REQ(X-ENVOY-ORIGINAL-PATH)% %PROTOCOL% %DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT% %UPSTREAM_REQUEST_ATTEMPT_COUNT%";

/** How long nothing happens until an exchange is over that has no answer, or an answer that says that the connection is closed. */
export interface Patience {
  readonly quietMs: number;
  readonly settleMs: number;
}

/** The first look; what differs then is looked at again. */
export const HASTY: Patience = { quietMs: 120, settleMs: 0 };
export const PATIENT: Patience = { quietMs: 800, settleMs: 60 };

const CLOSING = /^connection: close\r$/im;

/** What a retry has left of 15 s. */
const LEFT = [/^x-envoy-expected-rq-timeout-ms: 1(?:4\d{3}|5000)$/, "x-envoy-expected-rq-timeout-ms: {left}"] as const;

/** Proxies look at the clock once for all that happens at a time. */
const CLOCK_LAG_S = 0.003;

export class Side {
  private readonly upstreams: readonly EchoingUpstream[];
  private readonly running: Running;
  private readonly folder: string;
  private readonly activity: Activity;
  private client: Client | null = null;
  /** What the current connection was sent. */
  private sent = "";
  /** Lines of the current connection that have been looked at. */
  private shown = 0;
  /** Seconds since the epoch at which each exchange began. */
  private readonly begins: number[] = [];
  private clientPort = 0;

  static async start(configuration: Configuration, subject: Subject): Promise<Side | { readonly refusal: string }> {
    const folder = mkdtempSync(join(tmpdir(), "tulle-fuzz-"));
    const activity = new Activity();
    const contractCase: ContractCase = { name: "", feature: "", client: [], accessLog: LOG, ...configuration };
    const upstreams = upstreamNames(contractCase).map((name) => new EchoingUpstream(name, activity));
    for (const upstream of upstreams) await upstream.listen();
    const ports = new Map(upstreams.map(({ name, port }) => [name, port]));
    const started = await subject.start(bootstrapOf(contractCase, { ports, logFile: join(folder, "log") }));
    if (!("refusal" in started)) return new Side(started, upstreams, folder, activity);
    for (const upstream of upstreams) await upstream.close();
    rmSync(folder, { recursive: true, force: true });
    return started;
  }

  private constructor(running: Running, upstreams: readonly EchoingUpstream[], folder: string, activity: Activity) {
    this.running = running;
    this.upstreams = upstreams;
    this.folder = folder;
    this.activity = activity;
  }

  /** @returns the lines of the access log, by the number of the exchange: proxies write them out when they end */
  async stop(): Promise<ReadonlyMap<number, readonly string[]>> {
    this.hangUp();
    // Until the proxy has seen it, and has logged what was not answered.
    await new Promise((resolve) => setTimeout(resolve, 20));
    await this.running.stop();
    for (const upstream of this.upstreams) await upstream.close();
    const lines = new Map<number, string[]>();
    for (const line of this.logged()) {
      const [time] = line.split(" ", 1);
      const number = this.begins.findLastIndex((begin) => begin <= Number(time) + CLOCK_LAG_S);
      lines.set(number, [...(lines.get(number) ?? []), line.slice(time!.length + 1)]);
    }
    rmSync(this.folder, { recursive: true, force: true });
    return lines;
  }

  /** Whether the next exchange may follow on the same connection. */
  get clean(): boolean {
    const { client } = this;
    if (client === null || client.end !== null || CLOSING.test(client.received)) return false;
    const asked = parse(this.sent, "requests");
    if (asked.rest !== "" || asked.messages.some(({ complete }) => !complete)) return false;
    const answered = client.parsed();
    return (
      answered.rest === "" &&
      countComplete(answered) === asked.messages.length &&
      !/^HTTP\/1.1 101/m.test(client.received)
    );
  }

  hangUp(): void {
    this.client?.close();
    this.client = null;
    this.sent = "";
    this.shown = 0;
  }

  async play(exchange: Exchange, patience: Patience): Promise<Observation> {
    for (const upstream of this.upstreams) upstream.begin(exchange.answer);
    const bytes = exchange.request.join("");
    if (this.client === null) {
      this.client = new Client(this.running.ports.get("l")!, this.activity);
      this.clientPort = await this.client.port;
    }
    const { client } = this;
    this.begins.push(Date.now() / 1000);
    this.sent += bytes;
    await client.send(bytes);
    this.activity.happened();
    await this.settled(client, patience);
    return this.look(client, exchange);
  }

  private async settled(client: Client, { quietMs, settleMs }: Patience): Promise<void> {
    const asked = parse(this.sent, "requests");
    const expected = Math.max(1, asked.messages.length);
    for (;;) {
      const quiet = performance.now() - this.activity.last;
      if (client.end !== null && quiet >= settleMs) return;
      const answered = client.parsed();
      const closing = CLOSING.test(client.received);
      const whole = asked.rest === "" && asked.messages.every(({ complete }) => complete);
      if (quiet >= quietMs) return;
      if (whole && !closing && answered.rest === "" && countComplete(answered) >= expected && quiet >= settleMs) return;
      await this.activity.next(5);
    }
  }

  private look(client: Client, exchange: Exchange): Observation {
    const lines = linesOf(client.parsed(), false);
    const received = lines.slice(this.shown);
    this.shown = lines.length;
    const stream: Stream = client.end === null ? { received } : { received, end: client.end };
    const upstreams: Record<string, Stream[]> = {};
    for (const upstream of this.upstreams) {
      const streams = upstream.seen();
      if (streams.length > 0) upstreams[upstream.name] = streams;
    }
    const ports = new Map(this.upstreams.map(({ name, port }) => [port, name] as const));
    ports.set(this.running.ports.get("l")!, "listener").set(this.clientPort, "client");
    const own = exchange.request.join("");
    const port = new RegExp(`^x-forwarded-port: ${this.running.ports.get("l")}$`);
    return normalised(
      { client: { c: stream }, upstreams },
      { ports, mask: [[port, "x-forwarded-port: {port}"], LEFT], own },
    );
  }

  private logged(): string[] {
    try {
      return readFileSync(join(this.folder, "log"), "latin1").split("\n").slice(0, -1);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
      throw error;
    }
  }
}

/** Answers every request of an exchange alike, and keeps what came since the exchange began. */
class EchoingUpstream {
  readonly name: string;
  port = 0;
  private readonly activity: Activity;
  private readonly connections = new Set<UpstreamConnection>();
  private readonly server: Server;
  answer: readonly Act[] = [];

  constructor(name: string, activity: Activity) {
    this.name = name;
    this.activity = activity;
    this.server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
      const connection = new UpstreamConnection(this, socket, activity);
      this.connections.add(connection);
      socket.on("close", () => (connection.over = true));
      this.activity.happened();
    });
  }

  async listen(): Promise<void> {
    const { server } = this;
    await new Promise<void>((resolve, reject) => server.once("error", reject).listen(0, "127.0.0.1", () => resolve()));
    this.port = (server.address() as AddressInfo).port;
  }

  begin(answer: readonly Act[]): void {
    this.answer = answer;
    for (const connection of this.connections) {
      if (connection.over) this.connections.delete(connection);
      else connection.forget();
    }
  }

  seen(): Stream[] {
    return [...this.connections]
      .filter(({ received }) => received !== "")
      .map(({ received }) => ({ received: linesOf(parse(received, "requests"), false) }));
  }

  async close(): Promise<void> {
    for (const { socket } of this.connections) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

class UpstreamConnection {
  readonly socket: Socket;
  received = "";
  over = false;
  private taken = 0;

  constructor(upstream: EchoingUpstream, socket: Socket, activity: Activity) {
    this.socket = socket;
    socket.on("data", (chunk) => {
      this.received += chunk.toString("latin1");
      const complete = countComplete(parse(this.received, "requests"));
      for (; this.taken < complete; this.taken++) this.play(upstream.answer);
      activity.happened();
    });
    socket.on("end", () => {
      socket.end();
      activity.happened();
    });
    socket.on("error", () => socket.destroy());
  }

  forget(): void {
    this.received = "";
    this.taken = 0;
  }

  private play(answer: readonly Act[]): void {
    for (const act of answer) {
      if (this.socket.destroyed) return;
      if (typeof act === "string") this.socket.write(act, "latin1");
      else if (act.do === "reset") this.socket.resetAndDestroy();
      else if (act.do === "close" || act.do === "finish") this.socket.end();
    }
  }
}
