/** `tulle proxy`: runs a proxy until it is told to stop. */
import { systemClock } from "./clock/clock.ts";
import { type LogLevel, createLog } from "./log.ts";
import { ConfigError, formatProblem } from "./plan/problems.ts";
import { DEFAULT_DRAIN_TIME_MS, type Proxy, startProxy } from "./proxy.ts";
import { collectStartupGarbage } from "./startup-garbage.ts";

export interface RunProxyOptions {
  /** Bootstrap file, YAML or JSON. */
  readonly file: string;
  /** Default `info`. */
  readonly logLevel?: LogLevel;
  readonly logFormat?: "text" | "json";
  /** How long requests in flight may take to finish after SIGTERM. Default 5 s (Envoy: 600 s, Istio's agent: 5 s). */
  readonly drainTimeMs?: number;
  /** Called when listeners are up. */
  readonly onReady?: (proxy: Proxy) => void;
}

/** Problems of a bootstrap that are shown; a broken template repeats its mistake in every route. */
const SHOWN_PROBLEMS = 50;

/**
 * Starts the proxy, stops it gracefully on SIGTERM and SIGINT (at once on the second), and gives the exit code: 0, or 1 if it
 * could not start. Problems go to stderr, one a line.
 */
export async function runProxy(options: RunProxyOptions): Promise<number> {
  const log = createLog({
    level: options.logLevel ?? "info",
    format: options.logFormat ?? "text",
    write: (line) => process.stderr.write(line),
    now: () => new Date(systemClock.wallMs()),
  });
  let proxy: Proxy;
  try {
    proxy = await startProxy({
      bootstrap: { file: options.file },
      log,
      drainTimeMs: options.drainTimeMs ?? DEFAULT_DRAIN_TIME_MS,
    });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    report(error);
    return 1;
  }
  const letEnd = stayAlive();
  const stop = stopOnSignals(proxy, (message) => log.info(message));
  try {
    await Promise.race([proxy.ready, proxy.closed]);
    collectStartupGarbage();
    for (const { name, address, port } of proxy.listenerAddresses())
      log.info("listening", { listener: name, address, port });
    if (proxy.adminAddress !== null) log.info("admin endpoint", { address: proxy.adminAddress });
    options.onReady?.(proxy);
    await proxy.closed;
    return 0;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    await proxy.close();
    return 1;
  } finally {
    stop();
    letEnd();
  }
}

function report(error: ConfigError): void {
  for (const problem of error.problems.slice(0, SHOWN_PROBLEMS)) process.stderr.write(`${formatProblem(problem)}\n`);
  const more = error.problems.length - SHOWN_PROBLEMS;
  if (more > 0) process.stderr.write(`… and ${more} more\n`);
}

/** Neither signal handlers nor pending attempts to connect keep a process: one without a socket yet, or at all, would end. */
function stayAlive(): () => void {
  const { port1 } = new MessageChannel();
  port1.ref();
  return () => port1.close();
}

/** Returns what takes the handlers away again. */
function stopOnSignals(proxy: Proxy, info: (message: string) => void): () => void {
  let draining = false;
  const onSignal = (): void => {
    if (draining) {
      info("second signal: closing at once");
      void proxy.close();
      return;
    }
    draining = true;
    info("draining: no new connections, requests in flight finish");
    void proxy.drain();
  };
  process.on("SIGTERM", onSignal);
  process.on("SIGINT", onSignal);
  return () => {
    process.off("SIGTERM", onSignal);
    process.off("SIGINT", onSignal);
  };
}
