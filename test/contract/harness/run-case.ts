/** Plays one case against one proxy and gives what was to be seen. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { bootstrapOf, upstreamNames } from "./bootstrap.ts";
import type { ContractCase, IstioParts, Observation, Step, Stream } from "./case.ts";
import { Client } from "./client.ts";
import { LOG_FILE, Mesh, meshUpstreams } from "./mesh.ts";
import { NameServer } from "./name-server.ts";
import { normalised } from "./normalise.ts";
import type { Running, Subject } from "./subject.ts";
import type { TlsClientEnd } from "./tls.ts";
import { Gates, ScriptedUpstream } from "./upstream.ts";
import { Activity, Stuck } from "./waiting.ts";

/** For a step's condition. */
const STEP_LIMIT_MS = 30_000;
/** Without a record to compare with, a case is over when nothing has happened for so long; longer if no client has got anything. */
const QUIET_MS = 500;
const SILENT_MS = 2000;
/** With one: what is seen is what was expected, and nothing comes after it for so long. */
const SETTLE_MS = 40;
/** With one: nothing has happened for so long, and what is seen is something else. */
const DIFFERENT_MS = 2500;
/** Longest of all, for what never rests: names that are looked up again and again, health checks. */
const OBSERVED_MS = 12_000;

/**
 * @param expected what would be right: the case is over as soon as it is seen.
 * @param stepLimitMs for the condition that a step waits for.
 */
export async function runCase(
  contractCase: ContractCase,
  subject: Subject,
  expected: Observation | null,
  stepLimitMs = STEP_LIMIT_MS,
): Promise<Observation & { readonly refusal?: string }> {
  const folder = mkdtempSync(join(tmpdir(), "tulle-contract-"));
  const activity = new Activity();
  const gates = new Gates();
  const upstreams = new Map<string, ScriptedUpstream>();
  const nameServer = contractCase.dns === undefined ? null : new NameServer(contractCase.dns, gates, activity);
  let mesh: Mesh | null = null;
  let running: Running | null = null;
  let stage: Stage | null = null;
  try {
    const { istio } = contractCase;
    const names = istio === undefined ? upstreamNames(contractCase) : upstreamsOfMesh(contractCase, istio);
    for (const [index, name] of [...names].entries()) {
      const upstream = new ScriptedUpstream(name, contractCase.upstreams?.[name], gates, activity);
      upstreams.set(name, upstream);
      await upstream.listen(index);
    }
    const logFile = join(folder, LOG_FILE);
    const ports = new Map([...upstreams].map(([name, { port }]) => [name, port]));
    if (nameServer !== null) {
      await nameServer.listen();
      ports.set("dns", nameServer.port);
    }
    if (istio !== undefined) mesh = await Mesh.start(istio, subject, folder, ports);
    const started = await subject.start(mesh?.bootstrap ?? bootstrapOf(contractCase, { ports, logFile }));
    if ("refusal" in started) return { refused: true, refusal: started.refusal };
    running = mesh === null ? started : { ...started, ports: mesh.ports };
    await mesh?.api.waitForSync();
    const nacks = (await mesh?.api.nacks()) ?? [];
    if (nacks.length > 0) return { refused: true, refusal: nacks.join("\n") };
    stage = new Stage({
      contractCase,
      proxy: running,
      mesh,
      upstreams,
      nameServer,
      gates,
      activity,
      logFile,
      stepLimitMs,
    });
    let stuck: string | undefined;
    try {
      for (const step of contractCase.refused === true ? [] : contractCase.client) await stage.play(step);
    } catch (error) {
      if (!(error instanceof Stuck)) throw error;
      stuck = error.message;
    }
    return await stage.observe(expected, stuck);
  } finally {
    stage?.close();
    await running?.stop();
    await mesh?.stop();
    for (const upstream of upstreams.values()) await upstream.close();
    await nameServer?.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

interface StageParts {
  readonly contractCase: ContractCase;
  readonly proxy: Running;
  readonly mesh: Mesh | null;
  readonly upstreams: ReadonlyMap<string, ScriptedUpstream>;
  readonly nameServer: NameServer | null;
  readonly gates: Gates;
  readonly activity: Activity;
  readonly logFile: string;
  readonly stepLimitMs: number;
}

/** Clients and upstreams of one case, at work. */
class Stage {
  private readonly parts: StageParts;
  private readonly clients = new Map<string, Client>();
  private readonly clientPorts = new Map<string, number>();
  private readonly own: string;

  constructor(parts: StageParts) {
    this.parts = parts;
    this.own = JSON.stringify(parts.contractCase);
  }

  close(): void {
    for (const client of this.clients.values()) client.close();
  }

  async play(step: Step): Promise<void> {
    await this.act(step);
    this.parts.activity.happened();
  }

  private async act(step: Step): Promise<void> {
    if (typeof step === "string") return this.send("c", step);
    switch (step.do) {
      case "send":
        return this.send(step.on, step.bytes);
      case "connect":
        return void (await this.client(step.on, step.listener, step.tls));
      case "finish":
      case "reset":
      case "close":
      case "pause":
      case "resume": {
        const client = await this.client(step.on);
        return client[step.do]();
      }
      case "by hand": {
        const client = await this.client(step.on);
        return client.doByHand(step.duties);
      }
      case "got": {
        const client = await this.client(step.on);
        return this.until(`${step.on} to get ${String(step.what)}`, () => client.has(step.what));
      }
      case "ended": {
        const client = await this.client(step.on);
        return this.until(`the end of ${step.on}`, () => client.end !== null);
      }
      case "seen": {
        const upstream = this.parts.upstreams.get(step.upstream)!;
        return this.until(`${step.upstream} to see ${String(step.what)}`, () => upstream.has(step.what));
      }
      case "asked":
        return this.until(`the name server to be asked ${step.question}`, () => {
          return (this.parts.nameServer?.count(step.question) ?? 0) >= step.times;
        });
      case "let":
        return this.parts.gates.open(step.gate);
      case "stat":
        return this.until(`${step.name} to be ${step.value}`, async () => (await this.stat(step.name)) === step.value);
      case "admin":
        await this.admin(step.path, step.method);
        return;
      case "apply":
        await this.parts.mesh!.api.apply(step.yaml);
        await this.parts.mesh!.api.waitForSync();
        return;
      case "elapse":
        await new Promise((resolve) => setTimeout(resolve, step.ms));
    }
  }

  private until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
    return this.parts.activity.until(what, this.parts.stepLimitMs, holds);
  }

  private async send(on: string, bytes: string): Promise<void> {
    const client = await this.client(on);
    const filled = bytes.replaceAll(/\{(port|session|cookie) ([^}]+)\}/g, (_, kind: string, name: string) => {
      const { port } = this.parts.upstreams.get(name)!;
      return kind === "port" ? `${port}` : sessionOf(`127.0.0.1:${port}`, kind === "cookie");
    });
    await client.send(filled);
    // Segments that follow one another are to arrive one by one.
    await new Promise((resolve) => setTimeout(resolve, 1));
  }

  private async client(name: string, listener = "l", tls?: TlsClientEnd): Promise<Client> {
    let client = this.clients.get(name);
    if (client === undefined) {
      const session = tls?.resumes === undefined ? undefined : this.clients.get(tls.resumes)?.session;
      client = new Client(this.parts.proxy.ports.get(listener)!, this.parts.activity, tls, session);
      this.clients.set(name, client);
      this.clientPorts.set(name, await client.port);
    }
    return client;
  }

  /** Looks until it is clear whether what is seen is what was expected, or until all is quiet. */
  async observe(expected: Observation | null, stuck: string | undefined): Promise<Observation> {
    const began = performance.now();
    for (;;) {
      const seen = normalised(await this.look(stuck), this.varying());
      if (performance.now() - began > OBSERVED_MS) return seen;
      const quiet = performance.now() - this.parts.activity.last;
      if (expected === null) {
        const silent = [...this.clients.values()].every(({ received, end }) => received === "" && end === null);
        if (quiet > (silent ? SILENT_MS : QUIET_MS)) return seen;
      } else {
        const same = isDeepStrictEqual(seen, expected);
        if (quiet > (same ? SETTLE_MS : DIFFERENT_MS)) return seen;
      }
      await this.parts.activity.next(15);
    }
  }

  private async look(stuck: string | undefined): Promise<Observation> {
    const { exactChunks = false, exactFrames = false, stats = [] } = this.parts.contractCase;
    const client: Record<string, Stream> = {};
    for (const [name, each] of this.clients) client[name] = streamOf(each.lines(exactChunks, exactFrames), each);
    const upstreams: Record<string, Stream[]> = {};
    for (const [name, { connections }] of this.parts.upstreams) {
      const streams = connections
        .filter(({ received }) => received !== "")
        .map((each) =>
          // What a proxy of ours says to who speaks no TLS is full of random numbers.
          each.received.startsWith("\x16\x03") && this.own.includes("UpstreamTlsContext")
            ? { received: ["{TLS}"] }
            : streamOf(each.lines(exactChunks, exactFrames), each),
        );
      if (streams.length > 0) upstreams[name] = streams;
    }
    const seen: Observation = { ...(stuck === undefined ? {} : { stuck }), client, upstreams };
    const counted = stats.length === 0 ? {} : { stats: await this.stats(stats) };
    return { ...seen, ...counted, ...(this.wantsLog() ? { log: this.log() } : {}) };
  }

  private wantsLog(): boolean {
    return this.parts.contractCase.accessLog !== undefined || this.own.includes("{log}");
  }

  private log(): string[] {
    try {
      return readFileSync(this.parts.logFile, "utf8").split("\n").slice(0, -1);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
      throw error;
    }
  }

  private varying(): Parameters<typeof normalised>[1] {
    const ports = new Map<number, string>();
    for (const [name, { port, connections }] of this.parts.upstreams) {
      ports.set(port, name);
      for (const connection of connections) ports.set(connection.port, "proxy");
    }
    for (const [name, port] of this.parts.proxy.ports) ports.set(port, name === "l" ? "listener" : name);
    for (const [name, port] of this.clientPorts) ports.set(port, name === "c" ? "client" : `client ${name}`);
    return { ports, mask: this.parts.contractCase.mask, own: this.own };
  }

  private async stat(name: string): Promise<number | null> {
    return (await this.stats([name]))[name]!;
  }

  private async stats(names: readonly string[]): Promise<Record<string, number | null>> {
    const lines = (await this.admin("/stats", "GET")).split("\n");
    const values = new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(": ")), line]));
    return Object.fromEntries(
      names.map((name) => {
        const line = values.get(name);
        return [name, line === undefined ? null : Number(line.slice(name.length + 2))];
      }),
    );
  }

  private async admin(path: string, method: string): Promise<string> {
    const response = await fetch(`http://127.0.0.1:${this.parts.proxy.adminPort}${path}`, {
      method,
      headers: { connection: "close" },
    });
    return response.text();
  }
}

function streamOf(received: string[], { tls, end }: { tls: string; end: "closed" | "reset" | null }): Stream {
  return { received, ...(tls === "" ? {} : { tls }), ...(end === null ? {} : { end }) };
}

/** Those behind workloads, and those that only the YAML or the script knows. */
function upstreamsOfMesh({ upstreams = {} }: ContractCase, istio: IstioParts): Iterable<string> {
  return new Set([...meshUpstreams(istio), ...Object.keys(upstreams)]);
}

/** How `stateful_session` names a host: base64 of its address, in a cookie as field 1 of a message. */
function sessionOf(address: string, inCookie: boolean): string {
  const prefix = inCookie ? Buffer.of(0x0a, address.length) : Buffer.alloc(0);
  return Buffer.concat([prefix, Buffer.from(address)]).toString("base64");
}
