/** The process that Tulle's proxies and control planes of the contract suite run in, started and stopped by messages. */
import { join } from "node:path";
import { startControlPlane } from "@tulle/control";
import type { ControlPlane } from "@tulle/control";
import { ConfigError, createLog, formatProblem, parseBootstrap, startProxy } from "@tulle/proxy";
import type { Proxy } from "@tulle/proxy";
import type { JsonObject } from "./case.ts";

export type HostRequest =
  | { readonly do: "proxy"; readonly bootstrap: JsonObject }
  | { readonly do: "control plane"; readonly folder: string; readonly identities: boolean }
  | { readonly do: "stop"; readonly which: number };

export interface HostAnswer {
  readonly id: number;
  readonly refusal?: string;
  readonly error?: string;
  readonly ports?: readonly (readonly [string, number])[];
  readonly adminPort?: number;
  readonly xds?: string;
  readonly xdsSocket?: string;
  readonly http?: string;
}

type Told = Omit<HostAnswer, "id">;

/** As short as Envoy's in subjects.ts: a case waits for its log. */
const LOG_FLUSH_MS = 10;

const running = new Map<number, Proxy | ControlPlane>();
const log = createLog({ level: "error", write: (line) => process.stderr.write(line), now: () => new Date() });

process.on("message", (request: HostRequest & { id: number }) => {
  void done(request)
    .catch((error: unknown): Told => ({ error: error instanceof Error ? error.stack! : String(error) }))
    .then((told) => process.send?.({ ...told, id: request.id }));
});
process.on("disconnect", () => process.exit(0));

function done(request: HostRequest & { id: number }): Promise<Told> {
  if (request.do === "proxy") return proxy(request.id, request.bootstrap);
  return request.do === "control plane" ? controlPlane(request.id, request) : stop(request.which);
}

async function proxy(id: number, bootstrap: JsonObject): Promise<Told> {
  let started: Proxy;
  try {
    started = await startProxy({
      bootstrap: await parseBootstrap(JSON.stringify(bootstrap), "bootstrap.json"),
      logFlushMs: LOG_FLUSH_MS,
      log,
    });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { refusal: error.problems.map(formatProblem).join("\n") };
  }
  await started.ready;
  running.set(id, started);
  const ports = started.listenerAddresses().map(({ name, port }) => [name, port] as const);
  return { ports, adminPort: Number(started.adminAddress!.split(":").at(-1)) };
}

async function controlPlane(
  id: number,
  { folder, identities }: Extract<HostRequest, { do: "control plane" }>,
): Promise<Told> {
  const started = await startControlPlane({
    configDir: join(folder, "config"),
    stateDir: join(folder, "state"),
    xds: "127.0.0.1:0",
    http: "127.0.0.1:0",
    telemetry: false,
    ...(identities ? { identity: { xdsTls: "127.0.0.1:0" } } : {}),
    log: () => undefined,
  });
  running.set(id, started);
  const { xdsAddress: xds, httpAddress: http, identity } = started;
  return { xds, http, ...(identity === undefined ? {} : { xdsSocket: identity.grpcSocket }) };
}

async function stop(which: number): Promise<Told> {
  await running.get(which)?.close();
  running.delete(which);
  return {};
}
