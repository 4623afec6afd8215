/** The control plane of a case in Istio's YAML: the workloads that register with it, and the bootstrap of the proxy under test. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { controlPlaneApi } from "../../support/control-plane.ts";
import type { ControlPlaneApi } from "../../support/control-plane.ts";
import { freePorts } from "../../support/ports.ts";
import { adsBootstrap, registerWorkload } from "../../support/workload.ts";
import type { IstioParts, JsonObject, ProxyParts, Workload } from "./case.ts";
import type { RunningControlPlane, Subject } from "./subject.ts";

/** `echo` has two versions. */
const DEFAULT_WORKLOADS: Readonly<Record<string, Workload>> = {
  v1: { labels: { app: "echo", version: "v1" } },
  v2: { labels: { app: "echo", version: "v2" } },
};

const DEFAULT_PORT = 8080;

/** Proxies get them only over a socket that nobody else can open. */
const SECRETS = /^kind: Secret$/m;

/** Name of the access log in a case's folder. */
export const LOG_FILE = "access.log";

/** Upstreams that stand for the applications of workloads. */
export function meshUpstreams({ workloads = DEFAULT_WORKLOADS, proxy }: IstioParts): string[] {
  return [...Object.keys(workloads), ...Object.values(proxy?.inbound ?? {}).map(({ app }) => app)];
}

export class Mesh {
  readonly bootstrap: JsonObject;
  /** Listeners of the proxy under test. */
  readonly ports: ReadonlyMap<string, number>;
  readonly api: ControlPlaneApi;
  private readonly controlPlane: RunningControlPlane;
  private readonly registrations: readonly { close(): void }[];

  private constructor(
    controlPlane: RunningControlPlane,
    api: ControlPlaneApi,
    registrations: readonly { close(): void }[],
    ports: ReadonlyMap<string, number>,
    bootstrap: JsonObject,
  ) {
    this.controlPlane = controlPlane;
    this.api = api;
    this.registrations = registrations;
    this.ports = ports;
    this.bootstrap = bootstrap;
  }

  static async start(
    { yaml, workloads = DEFAULT_WORKLOADS, proxy = {} }: IstioParts,
    subject: Subject,
    folder: string,
    upstreams: ReadonlyMap<string, number>,
  ): Promise<Mesh> {
    const config = join(folder, "config");
    mkdirSync(config);
    const filled = yaml
      .replace(/\{port ([^}]+)\}/g, (_, name: string) => `${upstreams.get(name)}`)
      .replaceAll("{log}", join(folder, LOG_FILE));
    writeFileSync(join(config, "case.yaml"), filled);
    const controlPlane = await subject.controlPlane(folder, SECRETS.test(yaml));
    const api = controlPlaneApi(controlPlane.http, () => "(in the process of the proxies)");
    const registrations = Object.entries(workloads).map(([name, { labels, port = DEFAULT_PORT, namespace, node }]) =>
      registerWorkload(controlPlane.xdsPort, {
        name: `echo-${name}`,
        labels,
        port,
        bindPort: upstreams.get(name)!,
        ...(namespace === undefined ? {} : { namespace }),
        ...(node === undefined ? {} : { more: node }),
      }),
    );
    await api.waitForWorkloads(registrations.length);
    const [ports, bootstrap] = await proxyOf(proxy, controlPlane.xdsSocket ?? controlPlane.xdsPort, upstreams);
    return new Mesh(controlPlane, api, registrations, ports, bootstrap);
  }

  async stop(): Promise<void> {
    for (const registration of this.registrations) registration.close();
    await this.controlPlane.stop();
  }
}

async function proxyOf(
  { labels = { app: "client" }, namespace, type, node, ...listeners }: ProxyParts,
  xds: number | string,
  upstreams: ReadonlyMap<string, number>,
): Promise<[ReadonlyMap<string, number>, JsonObject]> {
  const { outbound = { l: 80 }, inbound = {}, gateway = {} } = listeners;
  const names = ["proxy", ...Object.keys(outbound), ...Object.keys(inbound), ...Object.keys(gateway)];
  const free = await freePorts(names.length);
  const ports = new Map(names.map((name, index) => [name, free[index]!]));
  const address = "127.0.0.1";
  const tulle = {
    ...(type === "router" ? {} : { http_proxy: { address, port: ports.get("proxy") } }),
    outbound: Object.entries(outbound).map(([name, to]) => {
      const place = { address, bind_port: ports.get(name) };
      if (typeof to === "number") return { port: to, ...place };
      const [service, port] = to.split(":");
      return { port: Number(port), service, ...place };
    }),
    inbound: Object.entries(inbound).map(([name, { port, app, protocol = "http" }]) => ({
      port,
      protocol,
      address,
      bind_port: ports.get(name),
      app_address: address,
      app_port: upstreams.get(app),
    })),
    gateway_ports: Object.fromEntries(
      Object.entries(gateway).map(([name, port]) => [`${port}`, { address, port: ports.get(name) }]),
    ),
  };
  const bootstrap = adsBootstrap(xds, {
    name: labels["app"] ?? "client",
    labels,
    tulle,
    ...(namespace === undefined ? {} : { namespace }),
    ...(type === undefined ? {} : { type }),
    ...(node === undefined ? {} : { more: node }),
  }) as JsonObject;
  const admin = { address: { socket_address: { address, port_value: 0 } } };
  return [ports, { ...bootstrap, admin }];
}
