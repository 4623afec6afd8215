import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { join } from "node:path";
import type { JsonObject } from "./case.ts";
import type { HostAnswer, HostRequest } from "./host-process.ts";
import type { Refusal, Running, RunningControlPlane } from "./subject.ts";

/** Tulle's proxies and control planes, all in one process of their own (host-process.ts): a proxy is up in 2 ms there. */
export class Host {
  private life: Life | null = null;

  async proxy(bootstrap: JsonObject): Promise<Running | Refusal> {
    const life = this.living();
    const { id, refusal, ports, adminPort } = await life.ask({ do: "proxy", bootstrap });
    if (refusal !== undefined) return { refusal };
    return { ports: new Map(ports), adminPort: adminPort!, stop: () => life.stop(id) };
  }

  async controlPlane(folder: string, identities: boolean): Promise<RunningControlPlane> {
    const life = this.living();
    const { id, xds, http, xdsSocket } = await life.ask({ do: "control plane", folder, identities });
    return { xdsPort: Number(xds!.split(":").at(-1)), xdsSocket, http: http!, stop: () => life.stop(id) };
  }

  async end(): Promise<void> {
    await this.life?.end();
  }

  private living(): Life {
    if (this.life === null || this.life.over) this.life = new Life();
    return this.life;
  }
}

/** One process. It ends with this one, or by a bug in it: then a next one begins. */
class Life {
  over = false;
  private log = "";
  private readonly child: ChildProcess;
  private readonly exit: Promise<void>;
  private readonly waiting = new Map<number, (answer: HostAnswer) => void>();
  private lastId = 0;

  constructor() {
    this.child = fork(join(import.meta.dirname, "host-process.ts"), { stdio: ["ignore", "pipe", "pipe", "ipc"] });
    this.child.stdout!.on("data", (chunk: Buffer) => void (this.log += chunk.toString()));
    this.child.stderr!.on("data", (chunk: Buffer) => void (this.log += chunk.toString()));
    this.child.on("message", (answer: HostAnswer) => {
      this.waiting.get(answer.id)?.(answer);
      this.waiting.delete(answer.id);
    });
    this.exit = new Promise((resolve) =>
      this.child.once("exit", () => {
        this.over = true;
        for (const [id, tell] of this.waiting) tell({ id, error: `the proxies' process ended:\n${this.log}` });
        resolve();
      }),
    );
  }

  async ask(request: HostRequest): Promise<HostAnswer> {
    if (this.over) throw new Error(`the proxies' process has ended:\n${this.log}`);
    const id = ++this.lastId;
    const answer = await new Promise<HostAnswer>((resolve) => {
      this.waiting.set(id, resolve);
      this.child.send({ ...request, id });
    });
    if (answer.error !== undefined) throw new Error(answer.error);
    return answer;
  }

  async stop(which: number): Promise<void> {
    await this.ask({ do: "stop", which });
  }

  async end(): Promise<void> {
    if (!this.over) this.child.disconnect();
    await this.exit;
  }
}
