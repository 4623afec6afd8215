/** What an admin endpoint is: a path, its help, and a pure function from a query to a reply. */
import type { AdsClient, SubscriptionStats } from "@tulle/xds/client";
import type { Bootstrap } from "@tulle/xds/gen/envoy/config/bootstrap/v3/bootstrap_pb.js";
import type { Clock } from "../clock/clock.ts";
import type { DataPlane } from "../data-plane.ts";
import type { Log } from "../log.ts";
import type { Runtime } from "../plan/runtime-values.ts";
import type { StatsPlan } from "../plan/compile-stats.ts";
import type { ServerState } from "../server-state.ts";
import type { StatsRegistry } from "../stats/index.ts";
import type { Configuration } from "../xds/configuration.ts";

/** What the endpoints look at and act on. */
export interface AdminContext {
  readonly bootstrap: Bootstrap;
  readonly configuration: Configuration;
  readonly dataPlane: DataPlane;
  readonly stats: StatsRegistry;
  readonly statsPlan: StatsPlan;
  readonly clock: Clock;
  readonly log: Log;
  readonly runtime: Runtime;
  /** When the proxy was started, by `clock.wallMs()`. */
  readonly startedMs: number;
  ads(): AdsClient | null;
  /** Of CDS and LDS, wherever they come from. */
  subscriptionStats(typeUrl: string): Readonly<SubscriptionStats> | undefined;
  state(): ServerState;
  drainListeners(): void;
  drainInboundListeners(): void;
  quit(): void;
}

export interface AdminReply {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

export interface AdminEndpoint {
  readonly path: string;
  /** GET is answered 405. */
  readonly post: boolean;
  readonly help: string;
  /** Query parameters and their help. */
  readonly parameters: Readonly<Record<string, string>>;
  /** @param accept header of the request */
  handle(query: URLSearchParams, context: AdminContext, accept: string): AdminReply;
}

export const TEXT = "text/plain; charset=UTF-8";
export const JSON_TYPE = "application/json";

export function text(body: string, status = 200): AdminReply {
  return { status, contentType: TEXT, body };
}

/** Indented by one space, as Envoy's. */
export function json(value: unknown): AdminReply {
  return { status: 200, contentType: JSON_TYPE, body: `${JSON.stringify(value, null, 1)}\n` };
}
