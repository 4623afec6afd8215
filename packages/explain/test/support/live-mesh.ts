/** A control plane, sidecars and applications, all of them real and in this process. */
import { startControlPlane } from "@tulle/control";
import { parseBootstrap, startProxy } from "@tulle/proxy";
import { Agent, createServer, request as httpRequest } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { atEnd } from "../../../control/test/support/at-end.ts";
import { temporaryFolder } from "../../../control/test/support/directory.ts";
import { freePorts } from "../../../../test/support/ports.ts";
import { adsBootstrap } from "../../../../test/support/workload.ts";
import type { Node } from "@tulle/xds/gen/envoy/config/core/v3/base_pb.js";
import { makeExplainer } from "../../src/index.ts";
import type { ChangeAnswer, ExplainAnswer, ExplainQuestion } from "../../src/index.ts";

export interface LiveWorkload {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Where its sidecar takes requests. */
  readonly bindPort: number;
}

export interface SentRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface Seen {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string;
}

export interface LiveMesh {
  readonly workloads: readonly LiveWorkload[];
  /** What its proxies say of themselves. */
  readonly nodes: readonly Node[];
  /** Replaces what was applied before, and waits until every proxy has it. */
  configure(yaml: string): Promise<void>;
  explain(question: ExplainQuestion): Promise<ExplainAnswer>;
  change(yaml: string): Promise<ChangeAnswer>;
  /** By the client's HTTP proxy. */
  send(request: SentRequest): Promise<Seen>;
  get(path: string): Promise<unknown>;
}

const CLIENT = "productpage-v1";

/** Services `reviews` v1 to v3 and `ratings` v1 and v2, called by `productpage`. */
export async function startLiveMesh(context: TestContext): Promise<LiveMesh> {
  const folder = temporaryFolder(context);
  const plane = await startControlPlane({
    configDir: join(folder, "config"),
    stateDir: join(folder, "state"),
    xds: "127.0.0.1:0",
    http: "127.0.0.1:0",
    telemetry: false,
    explainer: makeExplainer(),
    log: () => undefined,
  });
  atEnd(context, () => plane.close());
  const xdsPort = Number(plane.xdsAddress.split(":").at(-1));
  const names = ["reviews-v1", "reviews-v2", "reviews-v3", "ratings-v1", "ratings-v2"];
  const ports = await freePorts(names.length + 1);
  const clientPort = ports[names.length]!;
  const workloads: LiveWorkload[] = [];
  const nodes: Node[] = [];
  const start = async (name: string, labels: Readonly<Record<string, string>>, tulle: object): Promise<void> => {
    const bootstrap = await parseBootstrap(
      JSON.stringify(adsBootstrap(xdsPort, { name, labels, tulle, more: { user_agent_name: "tulle" } })),
      "bootstrap.json",
    );
    nodes.push(bootstrap.node!);
    const proxy = await startProxy({ bootstrap, logLevel: "error" });
    atEnd(context, () => proxy.close());
    await proxy.ready;
  };
  for (const [index, name] of names.entries()) {
    const [app = "", version = ""] = name.split("-");
    const labels = { app, version };
    const application = createServer((request, response) => {
      request.resume();
      response.setHeader("x-workload", name);
      response.end(name);
    });
    await new Promise<void>((resolve) => application.listen(0, "127.0.0.1", resolve));
    atEnd(context, () => {
      application.closeAllConnections();
      application.close();
    });
    const appPort = (application.address() as AddressInfo).port;
    const bindPort = ports[index]!;
    const inbound = [
      {
        port: 9080,
        protocol: "http",
        address: "127.0.0.1",
        bind_port: bindPort,
        app_address: "127.0.0.1",
        app_port: appPort,
      },
    ];
    await start(name, labels, { service: app, inbound });
    workloads.push({ name, labels, bindPort });
  }
  const httpProxy = { address: "127.0.0.1", port: clientPort };
  await start(CLIENT, { app: "productpage", version: "v1" }, { service: "productpage", http_proxy: httpProxy });
  const agent = new Agent({ keepAlive: true });
  atEnd(context, () => agent.destroy());
  const base = `http://${plane.httpAddress}`;
  const call = async (method: string, path: string, body?: string): Promise<unknown> => {
    const response = await fetch(base + path, {
      method,
      // Kept-open connections may end while a request is on its way.
      headers: { connection: "close" },
      ...(body === undefined ? {} : { body }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return JSON.parse(text) as unknown;
  };
  const get = (path: string): Promise<unknown> => call("GET", path);
  let applied: readonly { kind: string; name: string; group: string }[] = [];
  return {
    workloads,
    nodes,
    configure: async (yaml) => {
      const { results } = (await call("POST", "/api/v1/apply", yaml)) as { results: { kind: string; name: string }[] };
      const now = results.map(({ kind, name }) => ({ kind, name, group: GROUPS[kind] ?? "core" }));
      const gone = applied.filter((old) => !now.some((each) => each.kind === old.kind && each.name === old.name));
      for (const { kind, name, group } of gone)
        await call("DELETE", `/api/v1/objects/${group}/${kind}/default/${name}`);
      applied = now;
      await inSync(get);
    },
    explain: async (question) => (await call("POST", "/api/v1/explain", JSON.stringify(question))) as ExplainAnswer,
    change: async (yaml) => (await call("POST", "/api/v1/explain/change", yaml)) as ChangeAnswer,
    send: (sent) => send(agent, clientPort, sent),
    get,
  };
}

const GROUPS: Readonly<Record<string, string>> = {
  VirtualService: "networking.istio.io",
  DestinationRule: "networking.istio.io",
  AuthorizationPolicy: "security.istio.io",
  RequestAuthentication: "security.istio.io",
  PeerAuthentication: "security.istio.io",
};

/** Nothing waits to be sent, and everything that was is accepted; twice, so that nothing is on its way between. */
async function inSync(get: (path: string) => Promise<unknown>): Promise<void> {
  const deadline = performance.now() + 60_000;
  for (let calm = 0; calm < 2;) {
    const proxies = (await get("/api/v1/proxies")) as { types: Record<string, { state: string; error?: string }> }[];
    const states = proxies.flatMap(({ types }) => Object.values(types));
    const refused = states.find(({ state }) => state === "NACKED");
    if (refused !== undefined) throw new Error(`a proxy refused its configuration: ${refused.error ?? ""}`);
    calm = states.every(({ state }) => state === "SYNCED") ? calm + 1 : 0;
    if (performance.now() > deadline) throw new Error(`proxies are not in sync: ${JSON.stringify(states)}`);
    await delay(5);
  }
}

function send(agent: Agent, port: number, { method, url, headers }: SentRequest): Promise<Seen> {
  return new Promise((resolve, reject) => {
    const { host } = new URL(url);
    const sent = httpRequest(
      { agent, host: "127.0.0.1", port, method, path: url, headers: { host, ...headers } },
      (response) => {
        let body = "";
        response.setEncoding("utf8").on("data", (chunk: string) => (body += chunk));
        response.once("end", () =>
          resolve({ status: response.statusCode!, headers: response.headers as Record<string, string>, body }),
        );
        response.once("error", reject);
      },
    );
    sent.once("error", reject);
    sent.end();
  });
}
