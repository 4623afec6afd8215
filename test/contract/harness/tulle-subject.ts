import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { join } from "node:path";
import type { JsonObject } from "./case.ts";
import type { Running, Subject } from "./subject.ts";
import type { HostAnswer, HostRequest } from "./tulle-host.ts";

/** Tulle's proxies, all in one process of their own (tulle-host.ts): a start costs 2 ms there. */
export function tulleSubject(): Subject {
  let host: Host | null = null;
  const living = (): Host => (host === null || host.gone ? (host = new Host()) : host);
  return {
    name: "tulle",
    start: (bootstrap) => living().start(bootstrap),
    stop: async () => host?.stop(),
  };
}

class Host {
  gone = false;
  private log = "";
  private readonly child: ChildProcess;
  private readonly exit: Promise<void>;
  private readonly waiting = new Map<number, (answer: HostAnswer) => void>();
  private lastId = 0;

  constructor() {
    this.child = fork(join(import.meta.dirname, "tulle-host.ts"), { stdio: ["ignore", "pipe", "pipe", "ipc"] });
    this.child.stdout!.on("data", (chunk: Buffer) => void (this.log += chunk.toString()));
    this.child.stderr!.on("data", (chunk: Buffer) => void (this.log += chunk.toString()));
    this.child.on("message", (answer: HostAnswer) => {
      this.waiting.get(answer.id)?.(answer);
      this.waiting.delete(answer.id);
    });
    this.exit = new Promise((resolve) =>
      this.child.once("exit", () => {
        this.gone = true;
        for (const [id, tell] of this.waiting) tell({ id, error: `the proxies' process ended:\n${this.log}` });
        resolve();
      }),
    );
  }

  async start(bootstrap: JsonObject): ReturnType<Subject["start"]> {
    const answer = await this.ask({ do: "start", bootstrap });
    if (answer.refusal !== undefined) return { refusal: answer.refusal };
    const stop: Running["stop"] = async () => void (await this.ask({ do: "stop", proxy: answer.id }));
    return { ports: new Map(answer.ports), adminPort: answer.adminPort!, stop };
  }

  async stop(): Promise<void> {
    this.child.disconnect();
    await this.exit;
  }

  private async ask(request: HostRequest): Promise<HostAnswer> {
    if (this.gone) throw new Error(`the proxies' process is gone:\n${this.log}`);
    const id = ++this.lastId;
    const answer = await new Promise<HostAnswer>((resolve) => {
      this.waiting.set(id, resolve);
      this.child.send({ ...request, id });
    });
    if (answer.error !== undefined) throw new Error(answer.error);
    return answer;
  }
}
