import { bindAddressFor } from "../bind-address.ts";
import type { Http2Stats } from "../../codec/http2/options.ts";
import type { OpenSocket } from "../../net/accepted-socket.ts";
import type { NetContext } from "../../net/context.ts";
import type { ClusterPlan, HealthCheckPlan } from "../../plan/cluster-plan.ts";
import type { StatsRegistry } from "../../stats/index.ts";
import type { Host } from "../host.ts";
import type { ProbeTarget } from "./connection-probe.ts";
import { HostCheck } from "./host-check.ts";
import { GrpcProbe } from "./grpc-probe.ts";
import { HttpProbe } from "./http-probe.ts";
import type { ProbeConnection, ProbeOwner } from "./probe.ts";
import { HealthCheckStats } from "./stats.ts";
import { TcpProbe } from "./tcp-probe.ts";

interface HealthCheckerDeps {
  readonly net: NetContext;
  readonly stats: StatsRegistry;
  readonly random: () => number;
  readonly hasTraffic: () => boolean;
  readonly http2Stats: () => Http2Stats;
  readonly onResult: (host: Host, passed: boolean, changed: boolean) => void;
}

/** The active health check of a cluster: a session for each of its hosts that wants to be checked. */
export class HealthChecker {
  private readonly cluster: ClusterPlan;
  private readonly plan: HealthCheckPlan;
  private readonly deps: HealthCheckerDeps;
  private readonly stats: HealthCheckStats;
  private readonly checks = new Map<Host, HostCheck>();

  constructor(cluster: ClusterPlan, plan: HealthCheckPlan, deps: HealthCheckerDeps) {
    this.cluster = cluster;
    this.plan = plan;
    this.deps = deps;
    this.stats = new HealthCheckStats(deps.stats, cluster.statName);
  }

  /** Whether every host has a first result. */
  get allChecked(): boolean {
    for (const check of this.checks.values()) if (check.isFirst) return false;
    return true;
  }

  add(host: Host): void {
    const { net, random, hasTraffic, onResult } = this.deps;
    const check = new HostCheck(host, this.plan, {
      stats: this.stats,
      now: () => net.turn.now,
      arm: (timer, delayMs) => net.timers.arm(timer, net.turn.now, delayMs),
      disarm: (timer) => net.timers.disarm(timer),
      random,
      hasTraffic,
      connect: (owner) => this.connect(host, owner),
      onResult: (passed, changed) => onResult(host, passed, changed),
    });
    this.checks.set(host, check);
    host.check = check;
    // Endpoints come from outside of any turn.
    net.turn.begin();
    check.start();
    net.turn.end();
  }

  remove(host: Host): void {
    host.check = null;
    this.checks.get(host)?.stop();
    this.checks.delete(host);
  }

  close(): void {
    for (const host of this.checks.keys()) this.remove(host);
  }

  private connect(host: Host, owner: ProbeOwner): ProbeConnection {
    const { cluster, plan, deps } = this;
    const { probe } = plan;
    const { address, port, hostname } = host.plan.healthCheck ?? NO_OVERRIDE;
    const security = host.transport === null ? null : host.transport.session(host.hostname, NO_PROTOCOLS);
    const target = address === "" ? host.address : address;
    const source = bindAddressFor(cluster.bindAddresses, target);
    const open: OpenSocket = (onread) =>
      deps.net.connect(target, port === 0 ? host.port : port, onread, undefined, source);
    const at: ProbeTarget = { net: deps.net, open, security, preamble: host.preamble(null) };
    const { reuseConnection } = plan;
    if (probe.protocol === "tcp") return new TcpProbe(probe, owner, at, reuseConnection);
    const authority = [hostname, probe.host, cluster.name].find((name) => name !== "") ?? "";
    const { http2 } = probe;
    const options = { http1: cluster, http2, http2Stats: deps.http2Stats, reuseConnection, authority };
    if (probe.protocol === "grpc") return new GrpcProbe(probe, owner, at, options);
    return new HttpProbe(probe, owner, at, options);
  }
}

const NO_PROTOCOLS: readonly string[] = [];
const NO_OVERRIDE = { address: "", port: 0, hostname: "" };
