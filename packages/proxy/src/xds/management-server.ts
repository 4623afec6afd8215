/** Connects the ADS client of @tulle/xds. Apart from the rest because it brings gRPC with it. */
import { AdsClient } from "@tulle/xds/client";
import type { Bootstrap } from "@tulle/xds/gen/envoy/config/bootstrap/v3/bootstrap_pb.js";
import type { ConfigSource } from "@tulle/xds/gen/envoy/config/core/v3/config_source_pb.js";
import type { Clock } from "../clock/clock.ts";
import type { Log } from "../log.ts";
import { milliseconds } from "../plan/duration.ts";
import type { AdsTarget } from "./ads-target.ts";
import { nodeForServer } from "./node.ts";

export interface ManagementServerOptions {
  readonly bootstrap: Bootstrap;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  /** A stream ended before or after it worked; the client tries again by itself. */
  readonly onUnreachable: () => void;
}

/** Source: Envoy api/envoy/config/core/v3/config_source.proto, initial_fetch_timeout. */
const DEFAULT_INITIAL_FETCH_TIMEOUT_MS = 15_000;

export function connectToManagementServer(target: AdsTarget, options: ManagementServerOptions): AdsClient {
  const { bootstrap, clock, log } = options;
  const client = new AdsClient({
    target: target.target,
    node: nodeForServer(bootstrap.node),
    mode: target.mode,
    channelOptions: {
      ...(target.authority === "" ? {} : { "grpc.default_authority": target.authority }),
      ...(target.keepaliveMs === 0 ? {} : { "grpc.keepalive_time_ms": target.keepaliveMs }),
      ...(target.keepaliveTimeoutMs === 0 ? {} : { "grpc.keepalive_timeout_ms": target.keepaliveTimeoutMs }),
    },
    clock: {
      now: () => clock.wallMs(),
      after(delayMs, run) {
        const timer = clock.schedule(delayMs, run);
        return () => timer.cancel();
      },
    },
    random: options.random,
    log: (level, message, fields) => log[level](message, textFields(fields)),
    initialFetchTimeoutMs: initialFetchTimeout(bootstrap),
    onConnection: (connected) => {
      if (!connected) options.onUnreachable();
    },
  });
  client.start();
  return client;
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
