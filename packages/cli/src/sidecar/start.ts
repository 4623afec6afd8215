/** A proxy in this process that obeys the control plane: what `tulle run` and `tulle gateway` have in common. */
import { collectStartupGarbage, parseBootstrap, startProxy } from "@tulle/proxy";
import type { LogLevel, Proxy } from "@tulle/proxy";
import type { ResourceWatcher } from "@tulle/xds/client";
import { setTimeout as delay } from "node:timers/promises";
import { join } from "../agent/join.ts";
import type { Membership } from "../agent/membership.ts";
import { unreachable } from "../control-plane/locate.ts";
import type { Located } from "../control-plane/locate.ts";
import { CAPTURE_PORTS } from "../capture/rules.ts";
import { CliError } from "../errors.ts";
import { formatAddress } from "../options.ts";
import type { Address } from "../options.ts";
import { accepts, waitUntilAccepting } from "../process/probe.ts";
import { buildBootstrap } from "./bootstrap.ts";
import type { AgentSockets, Identity, Ports } from "./bootstrap.ts";

export interface SidecarOptions {
  readonly identity: Identity;
  readonly ports: Ports;
  /** The control plane in plaintext; for a workload without identity. */
  readonly located: Located;
  /** Where it gets its identity; undefined: it has none, and speaks plaintext with the mesh. */
  readonly membership: Membership | undefined;
  /** Sockets of an agent that runs elsewhere, and has joined already. */
  readonly agent?: AgentSockets | undefined;
  readonly admin: Address;
  /** See `buildBootstrap`. */
  readonly metrics?: Address | undefined;
  readonly ownMetricsPort?: number;
  readonly reportsHealth: boolean;
  /** All addresses of a workload whose connections are redirected to the proxy. */
  readonly captured?: readonly string[];
  /** Of types that the proxy itself knows nothing of. */
  readonly watch?: { readonly typeUrl: string; readonly watcher: ResourceWatcher };
  /** How long the first configuration may take. */
  readonly waitMs: number;
  readonly logLevel: LogLevel;
}

export interface Sidecar {
  /** Whether others may send requests; the control plane learns it at once. */
  reportHealth(healthy: boolean, message?: string): void;
  /** Asks others for no more requests and waits for those that are on their way. */
  retire(farewellMs: number): Promise<void>;
  /** Finishes open requests, then closes everything. */
  close(): Promise<void>;
}

/** Resolves when the sidecar takes requests. Rejects with a CliError if no configuration comes in time. */
export async function startSidecar(options: SidecarOptions): Promise<Sidecar> {
  const { identity, ports, located, admin, reportsHealth, logLevel, captured, watch, metrics, ownMetricsPort } =
    options;
  const started = performance.now();
  const agent = options.membership === undefined ? undefined : await join(options, options.membership);
  let proxy: Proxy | undefined;
  try {
    const json = buildBootstrap({
      identity,
      ports,
      xds: options.agent ?? agent ?? located.address,
      admin,
      reportsHealth,
      metrics,
      ...(ownMetricsPort === undefined ? {} : { ownMetricsPort }),
      ...(captured === undefined ? {} : { captured }),
    });
    const bootstrap = await parseBootstrap(JSON.stringify(json), "the sidecar's bootstrap");
    proxy = await startProxy({ bootstrap, logLevel });
    if (watch !== undefined) proxy.watch(watch.typeUrl, watch.watcher);
    await configured(proxy.ready, options, options.waitMs - (performance.now() - started));
  } catch (error) {
    await proxy?.close();
    await agent?.close();
    throw error;
  }
  const running = proxy;
  collectStartupGarbage();
  let healthy = false;
  const reportHealth = (now: boolean, message?: string): void => {
    healthy = now;
    running.reportHealth(now, message);
  };
  const retire = async (farewellMs: number): Promise<void> => {
    if (!healthy) return;
    reportHealth(false, "stopping");
    await delay(farewellMs);
  };
  const close = async (): Promise<void> => {
    await running.drain();
    await agent?.close();
  };
  return { reportHealth, retire, close };
}

/** Waits until the sidecar's own port, which every configuration opens, accepts; a gateway until the proxy is ready. */
async function configured(ready: Promise<void>, options: SidecarOptions, leftMs: number): Promise<void> {
  const { ports, located, membership, waitMs, captured } = options;
  const deadline = AbortSignal.timeout(Math.max(Math.round(leftMs), 0));
  const own = captured === undefined ? ports.httpProxy : { host: "127.0.0.1", port: CAPTURE_PORTS.outbound };
  const listening = own === undefined ? ready.then(() => true) : waitUntilAccepting(own, deadline);
  const expired = new Promise<false>((resolve) => deadline.addEventListener("abort", () => resolve(false)));
  if (await Promise.race([listening, expired])) return;
  const { address } = membership ?? located;
  if (!(await accepts(address))) {
    const why = `nobody listens there (waited ${waitMs / 1000} s)`;
    throw membership === undefined ? unreachable(located, "xds", why) : unreachable(membership, "xds-tls", why);
  }
  const control = formatAddress(address);
  throw new CliError(`the control plane at ${control} sent no configuration within ${waitMs / 1000} s`, [
    "Whether it knows this workload, and what the sidecar refused: tulle proxies",
    "More about it: --log-level debug; more time: --wait SECONDS",
  ]);
}
