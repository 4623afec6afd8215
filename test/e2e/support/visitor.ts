/** A visitor of the product page, who keeps a connection and a cookie, and steady visitors as load. */
import { Agent, request } from "node:http";
import { after } from "node:test";
import { setTimeout as delay } from "node:timers/promises";

interface Answer {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly body: string;
}

/** Nobody has forgotten it, however busy the machine is. */
const TIMEOUT_MS = 30_000;

export class Visitor {
  readonly #ingress: string;
  readonly #agent = new Agent({ keepAlive: true });
  #cookie: string | undefined;

  constructor(ingress: string) {
    this.#ingress = ingress;
  }

  /** Logs in by the product page's form. */
  async login(user: string): Promise<void> {
    const { status, headers } = await this.send("POST", "/login", `username=${user}&passwd=x`);
    const cookie = headers["set-cookie"]?.[0];
    if (status !== 302 || cookie === undefined) throw new Error(`login of ${user} was answered with ${status}`);
    this.#cookie = cookie.split(";")[0]!;
  }

  get(path: string): Promise<Answer> {
    return this.send("GET", path);
  }

  /** The version of reviews that answers, such as `v2`; throws unless the answer is whole. */
  async reviewsVersion(): Promise<string> {
    const { status, body } = await this.get("/api/v1/products/0/reviews");
    const podname = status === 200 ? (JSON.parse(body) as { podname: string }).podname : "";
    const version = /^reviews-(v\d)-/.exec(podname)?.[1];
    if (version === undefined) throw new Error(`${status}: ${body}`);
    return version;
  }

  send(method: string, path: string, body?: string): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const headers = {
        ...(this.#cookie === undefined ? {} : { cookie: this.#cookie }),
        ...(body === undefined ? {} : { "content-type": "application/x-www-form-urlencoded" }),
      };
      const options = { method, agent: this.#agent, headers, signal: AbortSignal.timeout(TIMEOUT_MS) };
      const sent = request(this.#ingress + path, options, (response) => {
        let text = "";
        response.on("data", (chunk: Buffer) => (text += chunk.toString()));
        response.once("error", reject);
        response.once("end", () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }),
        );
      });
      sent.once("error", reject);
      sent.end(body);
    });
  }

  leave(): void {
    this.#agent.destroy();
  }
}

interface Visit {
  /** performance.now() when it was sent, and when it was answered. */
  readonly sent: number;
  readonly answered: number;
  readonly version: string;
}

export interface Load {
  readonly visits: readonly Visit[];
  /** Why visits failed. */
  readonly failures: readonly string[];
  /** Resolves when all visitors have left. */
  stop(): Promise<void>;
}

const loads: Load[] = [];
// A test that fails leaves its visitors, and the file's process could not end.
after(() => Promise.all(loads.map((load) => load.stop())));

/** Visitors who ask for the reviews again and again, with a short breath between. */
export function startLoad(ingress: string, visitors: number): Load {
  const visits: Visit[] = [];
  const failures: string[] = [];
  const leaving = new AbortController();
  const visit = async (): Promise<void> => {
    const visitor = new Visitor(ingress);
    while (!leaving.signal.aborted) {
      const sent = performance.now();
      try {
        const version = await visitor.reviewsVersion();
        visits.push({ sent, answered: performance.now(), version });
      } catch (error) {
        failures.push(error instanceof Error ? error.message : String(error));
      }
      await delay(5);
    }
    visitor.leave();
  };
  const all = Array.from({ length: visitors }, visit);
  const stop = async (): Promise<void> => {
    leaving.abort();
    await Promise.all(all);
  };
  const load = { visits, failures, stop };
  loads.push(load);
  return load;
}
