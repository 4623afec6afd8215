/** A real Zipkin, in memory. */
import { spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { freePorts } from "../../support/ports.ts";
import { eventually } from "./tulle.ts";

const JAR = join(import.meta.dirname, "..", "..", "..", ".cache", "zipkin", "zipkin-server-3.5.1-exec.jar");
/** A Java program of this size on a busy machine. */
const START_MS = 120_000;

export interface ZipkinSpan {
  readonly traceId: string;
  readonly id: string;
  readonly parentId?: string;
  readonly kind?: string;
  readonly name?: string;
  readonly timestamp: number;
  readonly duration: number;
  readonly localEndpoint?: { readonly serviceName?: string };
  readonly tags?: Readonly<Record<string, string>>;
}

/** Why there can be none; false if there can. */
export function whyNoZipkin(): string | false {
  if (spawnSync("java", ["-version"]).status !== 0) return "needs Java 17: apt-get install openjdk-17-jre-headless";
  return existsSync(JAR) ? false : "needs Zipkin: bash scripts/install-zipkin.sh";
}

export class Zipkin {
  readonly port: number;
  private readonly stopJava: () => Promise<void>;

  private constructor(port: number, stopJava: () => Promise<void>) {
    this.port = port;
    this.stopJava = stopJava;
  }

  /** Resolves when it takes spans. */
  static async start(): Promise<Zipkin> {
    const [port] = await freePorts(1);
    const java = spawn("java", ["-Xmx384m", "-XX:TieredStopAtLevel=1", "-jar", JAR], {
      env: { ...process.env, QUERY_PORT: String(port), SELF_TRACING_ENABLED: "false", MEM_MAX_SPANS: "500000" },
      stdio: "ignore",
    });
    const ended = new Promise<void>((resolve) => java.once("exit", () => resolve()));
    const zipkin = new Zipkin(port!, async () => {
      java.kill("SIGTERM");
      await ended;
    });
    await eventually("Zipkin starts", START_MS, async () => (await zipkin.get("/health")) !== undefined);
    return zipkin;
  }

  /** All traces that it has of a service. */
  async traces(service: string): Promise<readonly (readonly ZipkinSpan[])[]> {
    const query = new URLSearchParams({ serviceName: service, limit: "100000", lookback: "86400000" });
    return ((await this.get(`/api/v2/traces?${query.toString()}`)) ?? []) as readonly (readonly ZipkinSpan[])[];
  }

  /** Undefined: not yet. */
  private async get(path: string): Promise<unknown> {
    try {
      const response = await fetch(`http://127.0.0.1:${this.port}${path}`);
      return response.ok ? await response.json() : undefined;
    } catch (error) {
      if (error instanceof TypeError) return undefined; // Nobody listens.
      throw error;
    }
  }

  stop(): Promise<void> {
    return this.stopJava();
  }
}
