/** The process that Tulle's proxies of the contract suite run in, a proxy for each case, started and stopped by messages. */
import { ConfigError, createLog, formatProblem, parseBootstrap, startProxy } from "@tulle/proxy";
import type { Proxy } from "@tulle/proxy";
import type { JsonObject } from "./case.ts";

export type HostRequest =
  | { readonly do: "start"; readonly bootstrap: JsonObject }
  | { readonly do: "stop"; readonly proxy: number };

export interface HostAnswer {
  readonly id: number;
  readonly refusal?: string;
  readonly error?: string;
  readonly ports?: readonly (readonly [string, number])[];
  readonly adminPort?: number;
}

const proxies = new Map<number, Proxy>();
const log = createLog({ level: "error", write: (line) => process.stderr.write(line), now: () => new Date() });

process.on("message", (request: HostRequest & { id: number }) => {
  void (request.do === "start" ? start(request.id, request.bootstrap) : stop(request.proxy))
    .catch((error: unknown): Omit<HostAnswer, "id"> => ({
      error: error instanceof Error ? error.stack! : String(error),
    }))
    .then((answer) => process.send?.({ ...answer, id: request.id }));
});
process.on("disconnect", () => process.exit(0));

async function start(id: number, bootstrap: JsonObject): Promise<Omit<HostAnswer, "id">> {
  let proxy: Proxy;
  try {
    proxy = await startProxy({ bootstrap: await parseBootstrap(JSON.stringify(bootstrap), "bootstrap.json"), log });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { refusal: error.problems.map(formatProblem).join("\n") };
  }
  await proxy.ready;
  proxies.set(id, proxy);
  const ports = proxy.listenerAddresses().map(({ name, port }) => [name, port] as const);
  return { ports, adminPort: Number(proxy.adminAddress!.split(":").at(-1)) };
}

async function stop(id: number): Promise<Omit<HostAnswer, "id">> {
  await proxies.get(id)?.close();
  proxies.delete(id);
  return {};
}
