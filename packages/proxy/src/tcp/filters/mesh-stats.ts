import {
  TCP_CONNECTIONS_CLOSED_TOTAL,
  TCP_CONNECTIONS_OPENED_TOTAL,
  TCP_LABELS,
  TCP_RECEIVED_BYTES_TOTAL,
  TCP_SENT_BYTES_TOTAL,
  UNKNOWN,
} from "@tulle/telemetry";
import { Timer, type TimerOwner } from "../../clock/timer-wheel.ts";
import { countBuild } from "../../mesh-stats/build.ts";
import { BLACK_HOLE, endLabels, inOrder } from "../../mesh-stats/labels.ts";
import { MetricMaker } from "../../mesh-stats/changed-tags.ts";
import type { NetContext } from "../../net/context.ts";
import type { MeshStatsConfig } from "../../plan/filters/mesh-stats.ts";
import type { Counter, StatsRegistry } from "../../stats/index.ts";
import type { ConnectionStream } from "../connection-stream.ts";
import { type Decision, type FilteredConnectionView, GO_ON, type NetworkFilter } from "./network-filter.ts";

/** `istio.stats` of connections that are not read as HTTP: Istio's TCP metrics. (istio/proxy `istio_stats.cc`) */
export class NetworkMeshStats implements NetworkFilter {
  readonly config: MeshStatsConfig;
  readonly registry: StatsRegistry;
  readonly net: Pick<NetContext, "turn" | "timers">;
  readonly inbound: boolean;
  private readonly connections = new Map<FilteredConnectionView, CountedConnection>();

  constructor(
    config: MeshStatsConfig,
    registry: StatsRegistry,
    net: Pick<NetContext, "turn" | "timers">,
    inbound: boolean,
  ) {
    this.config = config;
    this.registry = registry;
    this.net = net;
    this.inbound = inbound;
    countBuild(registry);
  }

  onConnection(connection: FilteredConnectionView): Decision {
    this.connections.set(connection, new CountedConnection(connection.stream, this));
    return GO_ON;
  }

  onData(): Decision {
    return GO_ON;
  }

  onClose(connection: FilteredConnectionView): void {
    const counted = this.connections.get(connection);
    this.connections.delete(connection);
    counted?.close();
  }
}

/** Reports every few seconds, once it is known where it goes, and at its end. */
class CountedConnection implements TimerOwner {
  private readonly stream: ConnectionStream;
  private readonly stats: NetworkMeshStats;
  private readonly timer = new Timer(this, 0);
  private opened = false;
  /** Of the registry, when `sent` and `received` were found. */
  private generation = -1;
  private sent: Counter | null = null;
  private received: Counter | null = null;
  private sentBytes = 0;
  private receivedBytes = 0;

  constructor(stream: ConnectionStream, stats: NetworkMeshStats) {
    this.stream = stream;
    this.stats = stats;
    this.arm();
  }

  private arm(): void {
    const { net, config } = this.stats;
    net.timers.arm(this.timer, net.turn.now, config.tcpReportingMs);
  }

  onTimer(): void {
    this.arm();
    if (this.stream.host !== null) this.report();
  }

  private report(): void {
    const { stream } = this;
    const sent = stream.bytesSent - this.sentBytes;
    const received = stream.bytesReceived - this.receivedBytes;
    if (this.opened && sent === 0 && received === 0) return;
    const { generation } = this.stats.registry;
    if (generation !== this.generation) {
      this.generation = generation;
      const make = this.maker();
      this.sent = make.counter(TCP_SENT_BYTES_TOTAL);
      this.received = make.counter(TCP_RECEIVED_BYTES_TOTAL);
      if (!this.opened) increment(make.counter(TCP_CONNECTIONS_OPENED_TOTAL));
      this.opened = true;
    }
    if (this.sent !== null) this.sent.value += sent;
    if (this.received !== null) this.received.value += received;
    this.sentBytes += sent;
    this.receivedBytes += received;
  }

  close(): void {
    this.stats.net.timers.disarm(this.timer);
    this.report();
    // By now it may have flags.
    increment(this.maker().counter(TCP_CONNECTIONS_CLOSED_TOTAL));
  }

  private maker(): MetricMaker {
    const { stream, stats } = this;
    const { cluster, host } = stream;
    const tls = stats.inbound ? stream.connection.tls : (stream.upstreamInfo?.tls ?? null);
    const nameless = cluster === null || cluster.name === BLACK_HOLE ? BLACK_HOLE : UNKNOWN;
    const tags = inOrder(TCP_LABELS, {
      ...endLabels({ inbound: stats.inbound, local: stats.config.local, tls, cluster, host, nameless }),
      request_protocol: "tcp",
      response_flags: stream.responseFlags,
    });
    return new MetricMaker(stats.config, stats.registry, tags, stream);
  }
}

function increment(counter: Counter | null): void {
  if (counter !== null) counter.value++;
}
