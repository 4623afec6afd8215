/** The demo's processes: a control plane, six services with a sidecar each, an ingress gateway. */
import { setTimeout as delay } from "node:timers/promises";
import { ControlPlaneClient } from "../control-plane/client.ts";
import type { ProxyStatus } from "../control-plane/client.ts";
import { CliError, reason } from "../errors.ts";
import { parseAddress } from "../options.ts";
import { startPart } from "../process/part.ts";
import type { Part } from "../process/part.ts";
import { reservePorts } from "../process/ports.ts";
import { GATEWAY_PORT, programOf, SERVICE_PORT, WORKLOADS } from "./bookinfo.ts";
import { countEdges } from "./edges.ts";
import type { Counts } from "./edges.ts";

export interface MeshOptions {
  readonly configDir: string;
  readonly stateDir: string;
  /** 0: any free port. */
  readonly ingressPort: number;
  readonly httpPort: number;
  /** Something a person watching should know: a part that ended, what a part wrote to its log. */
  readonly onNote: (note: string) => void;
}

const LOOPBACK = "127.0.0.1";
const GATEWAY_SERVICE = "istio-ingressgateway";
const IN_SYNC_MS = 60_000;
const POLL_MS = 50;
const STOP_MS = 5000;
const RESTART_MS = 1000;
const REQUEST_MS = 5000;

/** Another control plane that the environment names is none of the demo's business. */
const ELSEWHERE = { TULLE_XDS: "", TULLE_XDS_TLS: "", TULLE_TOKEN: "", TULLE_CA_ROOTS: "" };

interface ControlPlaneReady {
  readonly xds: string;
  readonly xdsTls: string;
  readonly http: string;
}

interface ProxyReady {
  readonly admin: string;
  readonly ports?: Readonly<Record<string, string>>;
}

export class DemoMesh {
  readonly #options: MeshOptions;
  #controlPlane: Part | undefined;
  #addresses: ControlPlaneReady | undefined;
  #workloads: Part[] = [];
  #admins: string[] = [];
  #ingress: string | undefined;
  #stopping = false;

  constructor(options: MeshOptions) {
    this.#options = options;
  }

  /** `http://127.0.0.1:8080`. */
  get ingress(): string {
    if (this.#ingress === undefined) throw new Error("the demo has not started");
    return this.#ingress;
  }

  /** The caller of all traffic that enters, as edges name it. */
  get ingressName(): string {
    return GATEWAY_SERVICE;
  }

  /** Where the control plane serves proxies and its API. */
  get controlPlane(): ControlPlaneReady {
    if (this.#addresses === undefined) throw new Error("the demo has not started");
    return this.#addresses;
  }

  /** Resolves when every proxy has the configuration and every service takes requests. */
  async start(): Promise<void> {
    // Never released: a control plane that is started again finds its ports free.
    const { ports } = await reservePorts(3, LOOPBACK);
    const [xds, xdsTls, http] = ports.map((port) => `${LOOPBACK}:${port}`) as [string, string, string];
    const { httpPort } = this.#options;
    this.#addresses = await this.#startControlPlane({
      xds,
      xdsTls,
      http: httpPort === 0 ? http : `${LOOPBACK}:${httpPort}`,
    });
    if (this.#stopping) throw new Error("stopped");
    const gateway = this.#startGateway();
    this.#workloads = [gateway, ...WORKLOADS.map(({ service, version }) => this.#startWorkload(service, version))];
    const ready = (await Promise.all(this.#workloads.map(({ ready }) => ready)).catch((error: unknown) => {
      throw new CliError(reason(error));
    })) as ProxyReady[];
    this.#admins = ready.map(({ admin }) => admin);
    this.#ingress = `http://${ready[0]!.ports![GATEWAY_PORT]}`;
    for (const part of this.#workloads) void this.#noteExit(part);
    await this.#inSync();
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#workloads.map((part) => part.stop(STOP_MS)));
    await this.#controlPlane?.stop(STOP_MS);
  }

  proxies(): Promise<readonly ProxyStatus[]> {
    return this.#client().proxies();
  }

  /** What all proxies have counted so far; a proxy that is gone counts no more. */
  async counts(): Promise<Counts> {
    const pages = await Promise.all(this.#admins.map((admin) => page(admin, "/stats/prometheus").catch(() => "")));
    return countEdges(pages);
  }

  #client(): ControlPlaneClient {
    const address = parseAddress("http", this.controlPlane.http);
    return new ControlPlaneClient({ address, from: "the demo" });
  }

  async #startControlPlane({ xds, xdsTls, http }: ControlPlaneReady): Promise<ControlPlaneReady> {
    const { configDir, stateDir } = this.#options;
    const args = ["up", "--config", configDir, "--state-dir", stateDir, "--json", "--log-level", "warning"];
    const part = this.#part("control plane", [...args, "--xds", xds, "--xds-tls", xdsTls, "--http", http]);
    this.#controlPlane = part;
    const ready = (await part.ready.catch((error: unknown) => {
      throw new CliError(reason(error));
    })) as ControlPlaneReady;
    void this.#reviveControlPlane(part);
    return ready;
  }

  /** A control plane that dies is started again where it was: the proxies work on and find it again. */
  async #reviveControlPlane(part: Part): Promise<void> {
    const { code, signal } = await part.exit;
    if (this.#stopping) return;
    this.#options.onNote(`the control plane ended (${signal ?? `code ${code}`}); traffic goes on, it is started again`);
    for (;;) {
      await delay(RESTART_MS);
      if (this.#stopping) return;
      try {
        await this.#startControlPlane(this.controlPlane);
        this.#options.onNote("the control plane is back");
        return;
      } catch (error) {
        this.#options.onNote(reason(error));
      }
    }
  }

  #startWorkload(service: string, version: string): Part {
    const identity = ["--service", service, "--version", version, "--service-account", `bookinfo-${service}`];
    const args = ["run", ...identity, "--port", `${SERVICE_PORT}`, ...this.#joining()];
    const program = ["--", process.execPath, programOf(service)];
    return this.#part(`${service}-${version}`, [...args, ...program], { SERVICE_VERSION: version });
  }

  #startGateway(): Part {
    const port = `${GATEWAY_PORT}=${this.#options.ingressPort}`;
    const args = [
      "gateway",
      "--service",
      GATEWAY_SERVICE,
      "--address",
      LOOPBACK,
      "--port",
      port,
      "--label",
      "istio=ingressgateway",
    ];
    return this.#part("ingress", [...args, "--json", ...this.#joining()]);
  }

  /** By the state directory a workload finds the control plane and the socket over which it gets its identity. */
  #joining(): string[] {
    return ["--state-dir", this.#options.stateDir, "--wait", "60"];
  }

  #part(name: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Part {
    const onLine = (line: string): void => {
      if (/\b(?:warn|warning|error|critical)\b/.test(line)) this.#options.onNote(`${name}: ${line}`);
    };
    return startPart({ name, args, env: { ...env, ...ELSEWHERE }, onLine });
  }

  async #noteExit({ name, exit }: Part): Promise<void> {
    const { code, signal } = await exit;
    if (!this.#stopping) this.#options.onNote(`${name} ended (${signal ?? `code ${code}`})`);
  }

  async #inSync(): Promise<void> {
    const deadline = performance.now() + IN_SYNC_MS;
    for (;;) {
      const missing = await this.#outOfSync();
      if (missing === undefined) return;
      if (performance.now() > deadline) throw new CliError(`not in sync after ${IN_SYNC_MS / 1000} s: ${missing}`);
      await delay(POLL_MS);
    }
  }

  /** Who has not got everything yet; undefined if nobody. */
  async #outOfSync(): Promise<string | undefined> {
    const proxies = await this.proxies();
    const expected = WORKLOADS.length + 1;
    if (proxies.length < expected) return `${proxies.length} of ${expected} proxies are connected`;
    for (const { node, types } of proxies) {
      const late = Object.entries(types).find(([, { state }]) => state !== "SYNCED");
      if (late !== undefined) return `${node}: ${late[0]} ${late[1].state} ${late[1].error ?? ""}`.trimEnd();
    }
    // Accepted is not all: each service's endpoints have become healthy one after the other, in pushes of their own.
    const clusters = await Promise.all(this.#admins.map((admin) => page(admin, "/clusters")));
    for (const service of new Set(WORKLOADS.map(({ service }) => service))) {
      const count = WORKLOADS.filter((workload) => workload.service === service).length;
      const known = clusters.map((text) => healthyHosts(text, service)).filter((hosts) => hosts !== undefined);
      if (known.length === 0) return `no proxy knows ${service}`;
      if (known.some((hosts) => hosts < count)) return `not every proxy knows that ${service} is healthy`;
    }
    return undefined;
  }
}

/** Healthy endpoints of a service by Envoy's /clusters page; undefined if the proxy has no such cluster. */
function healthyHosts(clusters: string, service: string): number | undefined {
  const prefix = `outbound|${SERVICE_PORT}||${service}.`;
  const lines = clusters.split("\n").filter((line) => line.startsWith(prefix));
  return lines.length === 0 ? undefined : lines.filter((line) => line.endsWith("::health_flags::healthy")).length;
}

async function page(admin: string, path: string): Promise<string> {
  const response = await fetch(`http://${admin}${path}`, { signal: AbortSignal.timeout(REQUEST_MS) });
  return response.text();
}
