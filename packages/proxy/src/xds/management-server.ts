/** Connects the ADS client of @tulle/xds. Apart from the rest because it brings gRPC with it. */
import { AdsClient, type AdsClientOptions } from "@tulle/xds/client";
import type { Bootstrap } from "@tulle/xds/gen/envoy/config/bootstrap/v3/bootstrap_pb.js";
import type { ConfigSource } from "@tulle/xds/gen/envoy/config/core/v3/config_source_pb.js";
import type { Clock } from "../clock/clock.ts";
import type { Log } from "../log.ts";
import { milliseconds } from "../plan/duration.ts";
import type { StatsRegistry } from "../stats/index.ts";
import type { AdsTarget } from "./ads-target.ts";
import { credentialsFor } from "./grpc-credentials.ts";
import type { GrpcTarget } from "./grpc-target.ts";
import { nodeForServer } from "./node.ts";
import type { SecretService, SecretUsers } from "./secret-set.ts";

export interface ManagementServerOptions {
  readonly bootstrap: Bootstrap;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  /** A stream ended before or after it worked; the client tries again by itself. */
  readonly onUnreachable: () => void;
  readonly stats: StatsRegistry;
  readonly secrets: SecretUsers;
}

/** Source: Envoy api/envoy/config/core/v3/config_source.proto, initial_fetch_timeout. */
const DEFAULT_INITIAL_FETCH_TIMEOUT_MS = 15_000;

export function connectToManagementServer(target: AdsTarget, options: ManagementServerOptions): AdsClient {
  const { bootstrap, log } = options;
  const client = new AdsClient({
    target: target.target,
    node: nodeForServer(bootstrap.node),
    mode: target.mode,
    ...secured(target, options),
    channelOptions: {
      ...(target.authority === "" ? {} : { "grpc.default_authority": target.authority }),
      ...keepalive(target),
    },
    clock: clientClock(options),
    random: options.random,
    log: (level, message, fields) => log[level](message, textFields(fields)),
    initialFetchTimeoutMs: initialFetchTimeout(bootstrap),
    onConnection: (connected) => {
      if (!connected) options.onUnreachable();
    },
  });
  startSecured(client, target, options);
  return client;
}

/** A stream to a service that has secrets and nothing else. */
export function connectToSecrets(
  target: GrpcTarget,
  service: SecretService,
  options: Omit<ManagementServerOptions, "onUnreachable">,
): AdsClient {
  const { bootstrap, log, random } = options;
  const client = new AdsClient({
    target: target.target,
    node: nodeForServer(bootstrap.node),
    service: "sds",
    mode: service.mode,
    ...secured(target, options),
    channelOptions: keepalive(target),
    clock: clientClock(options),
    random,
    log: (level, message, fields) => log[level](message, textFields(fields)),
    initialFetchTimeoutMs: service.initialFetchTimeoutMs,
  });
  startSecured(client, target, options);
  return client;
}

type Security = Pick<ManagementServerOptions, "stats" | "secrets" | "clock">;

function secured({ tls, clusterName }: GrpcTarget, { stats, clock }: Security): Pick<AdsClientOptions, "credentials"> {
  return tls === null ? {} : { credentials: credentialsFor(tls, clusterName, stats, () => clock.wallMs()) };
}

/** Once what its TLS needs is there. */
function startSecured(client: AdsClient, { tls }: GrpcTarget, { secrets }: Security): void {
  const needed = tls?.secrets ?? [];
  secrets.retain(needed);
  secrets.whenReady(needed, () => client.start());
}

function keepalive(target: GrpcTarget): NonNullable<AdsClientOptions["channelOptions"]> {
  return {
    ...(target.keepaliveMs === 0 ? {} : { "grpc.keepalive_time_ms": target.keepaliveMs }),
    ...(target.keepaliveTimeoutMs === 0 ? {} : { "grpc.keepalive_timeout_ms": target.keepaliveTimeoutMs }),
    ...(target.tls === null || target.tls.sni === "" ? {} : { "grpc.ssl_target_name_override": target.tls.sni }),
  };
}

function clientClock({ clock }: Security): NonNullable<AdsClientOptions["clock"]> {
  return {
    now: () => clock.wallMs(),
    after(delayMs, run) {
      const timer = clock.schedule(delayMs, run);
      return () => timer.cancel();
    },
  };
}

/** One for all types, because one client asks for all: the longest that the bootstrap names; 0 (wait forever) wins. */
function initialFetchTimeout(bootstrap: Bootstrap): number {
  const sources = [bootstrap.dynamicResources?.cdsConfig, bootstrap.dynamicResources?.ldsConfig];
  const timeouts = sources
    .filter((source): source is ConfigSource => source !== undefined)
    .map((source) => milliseconds(source.initialFetchTimeout, DEFAULT_INITIAL_FETCH_TIMEOUT_MS));
  if (timeouts.includes(0)) return 0;
  return timeouts.length === 0 ? DEFAULT_INITIAL_FETCH_TIMEOUT_MS : Math.max(...timeouts);
}

function textFields(fields: Readonly<Record<string, unknown>> | undefined): Record<string, string | number | boolean> {
  const result: Record<string, string | number | boolean> = {};
  for (const [key, value] of Object.entries(fields ?? {})) {
    result[key] = typeof value === "number" || typeof value === "boolean" ? value : String(value);
  }
  return result;
}
