/** Connected proxies and registered workloads. */
import { isIPv6 } from "node:net";
import { TYPE } from "@tulle/xds";
import type { ConnectedProxy } from "../push/pusher.ts";
import { configDump } from "./config-dump.ts";
import type { ApiAnswer, ApiContext, ApiRequest } from "./handler.ts";
import { HttpError } from "./messages.ts";
import { shortType } from "./push-metrics.ts";

interface TypeState {
  readonly state: string;
  readonly version?: string;
  readonly error?: string;
}

function list({ pusher, ads, registry, identities }: ApiContext): ApiAnswer {
  const status = new Map(ads.status().map((one) => [one.streamId, one]));
  const healthy = new Map(registry.list().map(({ workload }) => [workload.id, workload.healthy]));
  const leaves = new Map(identities?.ledger.current().map((leaf) => [leaf.node, leaf]));
  const proxies = pusher.proxies().map((proxy) => {
    const { node, streamId, peer, connectedAt, delta, security } = proxy;
    const types: Record<string, TypeState> = {};
    for (const type of status.get(streamId)?.types ?? []) {
      types[shortType(type.typeUrl)] = {
        // Whether the change that waits is one for this proxy is known when it is pushed.
        state: type.state === "SYNCED" && pusher.pending ? "STALE" : type.state,
        ...(type.lastAckedVersion === undefined ? {} : { version: type.lastAckedVersion }),
        ...(type.error === undefined ? {} : { error: type.error.message }),
      };
    }
    const service = node.service ?? node.labels["app"];
    const version = node.labels["version"];
    const leaf = leaves.get(node.id);
    const health = healthy.get(node.id);
    return {
      id: node.id,
      node: node.id,
      namespace: node.namespace,
      workload: node.workload,
      type: node.type,
      ...(service === undefined ? {} : { service }),
      ...(version === undefined ? {} : { version }),
      userAgent: node.userAgent,
      connectedSince: new Date(connectedAt).toISOString(),
      address: node.address === "" ? peer : node.address,
      security: security.kind,
      // What it has proved on this connection; over a local socket, what it has been given.
      ...identityFields(security.identity ?? leaf?.identity, leaf?.notAfter ?? security.expiresAt),
      protocol: delta ? "delta" : "state of the world",
      ...(health === undefined ? {} : { healthy: health }),
      types,
    };
  });
  return { json: proxies };
}

const LOOPBACK: ReadonlySet<string> = new Set(["127.0.0.1", "::1"]);

/**
 * Where the metrics of the proxies are, for a Prometheus that asks (`http_sd_configs`); labels as those of a Prometheus that finds its targets in
 * Kubernetes. (istio/istio `samples/addons/prometheus.yaml`, job kubernetes-pods)
 */
function scrapeTargets({ pusher }: ApiContext): ApiAnswer {
  const groups = pusher.proxies().flatMap(({ node: { metrics, namespace, id, labels, address: own } }) => {
    if (metrics === undefined) return [];
    const { address, port } = metrics;
    // Nobody is to send a Prometheus to somebody else.
    if (address !== own && !LOOPBACK.has(address)) return [];
    const pod = id.split("~")[2]?.replace(/\.[^.]*$/, "") ?? id;
    // Two underscores in front: what says to Prometheus how it scrapes.
    const named = Object.entries(labels)
      .map(([name, value]) => [name.replaceAll(/[^a-zA-Z0-9_]/g, "_"), value] as const)
      .filter(([name]) => !name.startsWith("__"));
    return [
      {
        targets: [isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`],
        labels: { ...Object.fromEntries(named), __metrics_path__: "/stats/prometheus", namespace, pod },
      },
    ];
  });
  return { json: groups };
}

function identityFields(identity: string | undefined, end: number | undefined): object {
  if (identity === undefined) return {};
  return { identity, ...(end === undefined ? {} : { certificateExpires: new Date(end).toISOString() }) };
}

/** By node id, or by the start of the workload's name if that is clear. The newest connection counts. */
function findProxy({ pusher }: ApiContext, id: string): ConnectedProxy {
  const proxies = pusher.proxies().toReversed();
  const exact = proxies.find(({ node, streamId }) => node.id === id || streamId === id);
  if (exact !== undefined) return exact;
  const similar = proxies.filter(({ node }) => node.workload.startsWith(id) || node.id.split("~")[2]?.startsWith(id));
  if (similar.length === 1) return similar[0]!;
  if (similar.length === 0) throw new HttpError(404, `no proxy ${id} is connected`);
  throw new HttpError(409, `${id} could be ${similar.map(({ node }) => node.id).join(", ")}`);
}

function dump(context: ApiContext, { path }: ApiRequest): ApiAnswer {
  const proxy = findProxy(context, path[3]!);
  const status = context.ads.status().find(({ streamId }) => streamId === proxy.streamId);
  const subscribed = new Set((status?.types ?? []).map(({ typeUrl }) => typeUrl));
  const types = Object.values(TYPE).filter((typeUrl) => status === undefined || subscribed.has(typeUrl));
  return { json: configDump(proxy, types) };
}

function workloads({ registry }: ApiContext): ApiAnswer {
  const items = registry.list().map(({ workload, connected, since }) => ({
    ...workload,
    connected,
    since: new Date(since).toISOString(),
  }));
  return { json: { items } };
}

export const proxyHandlers = { list, configDump: dump, workloads, scrapeTargets };
