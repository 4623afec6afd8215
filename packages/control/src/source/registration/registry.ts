/**
 * Workloads, as the proxies that connect describe them. A workload is there while its proxy is connected and for a grace
 * period after, so that a restart of either side takes nobody out of service who comes back in time.
 */
import { isDeepStrictEqual } from "node:util";
import type { Clock } from "@tulle/xds";
import type { Workload } from "../../model/workload.ts";
import type { ProxyNode } from "./node.ts";

export interface Registration {
  readonly workload: Workload;
  readonly connected: boolean;
  /** When it registered, or lost its last connection: milliseconds since the epoch. */
  readonly since: number;
}

export interface RegistryOptions {
  readonly clock: Clock;
  /** Milliseconds that a workload outlives its connection. (Istio's PILOT_WORKLOAD_ENTRY_GRACE_PERIOD: 10 s) */
  readonly gracePeriodMs: number;
  /** Called after every change of what `workloads` returns. */
  readonly onChange: () => void;
}

/**
 * A proxy waits up to 30 s between attempts to reconnect (Envoy's back-off, and ours), so workloads of the run before this
 * one are kept at least that long.
 */
export const RECONNECT_MS = 30_000;

interface Entry {
  workload: Workload;
  /** Streams of its proxy: more than one while a new connection replaces an old one. */
  readonly streams: Set<string>;
  since: number;
  cancelExpiry: (() => void) | undefined;
}

export class WorkloadRegistry {
  readonly #options: RegistryOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #idByStream = new Map<string, string>();
  #workloads: readonly Workload[] | undefined;

  constructor(options: RegistryOptions) {
    this.#options = options;
  }

  /** In order of id; the same array while nothing changed, the same workload while it did not change. */
  get workloads(): readonly Workload[] {
    this.#workloads ??= [...this.#entries.values()]
      .map(({ workload }) => workload)
      .sort((a, b) => (a.id < b.id ? -1 : 1));
    return this.#workloads;
  }

  list(): readonly Registration[] {
    return [...this.#entries.values()].map(({ workload, streams, since }) => ({
      workload,
      connected: streams.size > 0,
      since,
    }));
  }

  /** Takes up workloads of an earlier run; their proxies have time to come back. */
  restore(workloads: readonly Workload[]): void {
    for (const workload of workloads) {
      if (this.#entries.has(workload.id)) continue;
      const entry: Entry = {
        workload,
        streams: new Set(),
        since: this.#options.clock.now(),
        cancelExpiry: undefined,
      };
      this.#entries.set(workload.id, entry);
      this.#expire(entry, this.#options.gracePeriodMs + RECONNECT_MS);
    }
    this.#workloads = undefined;
  }

  /** A proxy has connected. Nodes that take no requests are no workloads, unless a WorkloadGroup says how they take them. */
  connect(streamId: string, node: ProxyNode): void {
    if (node.inbound.length === 0 && node.group === undefined) return;
    const known = this.#entries.get(node.id);
    known?.cancelExpiry?.();
    const workload = workloadOf(node, known?.workload, this.#options.clock.now());
    const entry: Entry = known ?? {
      workload,
      streams: new Set(),
      since: 0,
      cancelExpiry: undefined,
    };
    entry.cancelExpiry = undefined;
    if (entry.streams.size === 0) entry.since = this.#options.clock.now();
    entry.streams.add(streamId);
    this.#idByStream.set(streamId, node.id);
    this.#entries.set(node.id, entry);
    if (known === undefined) this.#changed();
    else this.#replace(entry, workload);
  }

  disconnect(streamId: string): void {
    const entry = this.#entryOf(streamId);
    this.#idByStream.delete(streamId);
    if (entry === undefined || !entry.streams.delete(streamId) || entry.streams.size > 0) return;
    entry.since = this.#options.clock.now();
    // One that said it is going need not be waited for.
    this.#expire(entry, entry.workload.healthy ? this.#options.gracePeriodMs : 0);
  }

  /** What a proxy said about the health of its workload. */
  health(streamId: string, healthy: boolean, message: string): void {
    const entry = this.#entryOf(streamId);
    if (entry === undefined) return;
    this.#replace(entry, { ...entry.workload, healthy, healthMessage: healthy ? "" : message });
  }

  /** Stops all timers. */
  close(): void {
    for (const entry of this.#entries.values()) entry.cancelExpiry?.();
  }

  #entryOf(streamId: string): Entry | undefined {
    const id = this.#idByStream.get(streamId);
    return id === undefined ? undefined : this.#entries.get(id);
  }

  #replace(entry: Entry, workload: Workload): void {
    if (isDeepStrictEqual(entry.workload, workload)) return;
    entry.workload = workload;
    this.#changed();
  }

  #expire(entry: Entry, afterMs: number): void {
    const remove = (): void => {
      this.#entries.delete(entry.workload.id);
      this.#changed();
    };
    if (afterMs === 0) remove();
    else entry.cancelExpiry = this.#options.clock.after(afterMs, remove);
  }

  #changed(): void {
    this.#workloads = undefined;
    this.#options.onChange();
  }
}

/** A proxy that comes back is as healthy as it was until it says otherwise. */
function workloadOf(node: ProxyNode, before: Workload | undefined, now: number): Workload {
  const { id, workload: name, namespace, serviceAccount, clusterId, labels, address, service, inbound } = node;
  const { locality, network, group } = node;
  const healthy = !node.reportsHealth || before?.healthy === true;
  return {
    id,
    name,
    namespace,
    serviceAccount,
    clusterId,
    labels,
    address,
    locality,
    network,
    weight: 1,
    group,
    registeredAt: before?.registeredAt ?? now,
    service,
    inbound,
    mutualTls: node.secrets !== undefined,
    healthy,
    healthMessage: healthy ? "" : before?.healthMessage || "has not reported its health yet",
  };
}
