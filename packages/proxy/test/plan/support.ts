/** Compiles pieces of Envoy configuration, given as JSON, the way the proxy does at start. */
import { CONNECTION } from "../support/stream-info.ts";
import { fromJson, type JsonValue } from "@bufbuild/protobuf";
import { ClusterSchema } from "@tulle/xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import { ListenerSchema } from "@tulle/xds/gen/envoy/config/listener/v3/listener_pb.js";
import { RouteConfigurationSchema } from "@tulle/xds/gen/envoy/config/route/v3/route_pb.js";
import { checkMessage } from "../../src/plan/check.ts";
import { NO_SECRETS } from "../support/secrets.ts";
import { compileCluster } from "../../src/plan/compile-cluster.ts";
import { compileListener } from "../../src/plan/compile-listener.ts";
import { compileRouteConfig } from "../../src/plan/compile-route-config.ts";
import type { ClusterPlan, ClusterRef } from "../../src/plan/cluster-plan.ts";
import type { ConnectionView, RequestView } from "../../src/plan/request-views.ts";
import type { ListenerPlan } from "../../src/plan/listener-plan.ts";
import { DnsCacheConfigs } from "../../src/plan/compile-dns-cache.ts";
import { Place, type Problem, formatProblem, throwProblems } from "../../src/plan/problems.ts";
import type { HostRouteTable } from "../../src/plan/route-table.ts";
import { extensionRegistry } from "../../src/plan/schemas.ts";
import { StatsRegistry } from "../../src/stats/index.ts";
import { NO_RUNTIME } from "../../src/plan/runtime-values.ts";
import { RouteStats } from "../../src/upstream/route-stats.ts";
import { UNKNOWN_WORKLOAD } from "@tulle/telemetry";

const OPTIONS = { registry: extensionRegistry };

const stats = new StatsRegistry();
const routeStats = (prefix: string): RouteStats => new RouteStats(stats, prefix);
export const clusterRef = (name: string): ClusterRef => ({ name, current: null });

export interface RouteContextOverrides {
  readonly knownClusters?: readonly string[];
  readonly validateClusters?: boolean;
}

/** Throws ConfigError with everything that is refused. */
export function routes(json: JsonValue, overrides: RouteContextOverrides = {}): HostRouteTable {
  const problems: Problem[] = [];
  const place = new Place("", problems);
  const message = fromJson(RouteConfigurationSchema, json, OPTIONS);
  checkMessage(RouteConfigurationSchema, message, place);
  const table = compileRouteConfig(
    message,
    {
      clusterRef,
      routeStats,
      runtime: NO_RUNTIME,
      knownClusters: new Set(overrides.knownClusters ?? []),
      validateClusters: overrides.validateClusters ?? false,
    },
    place,
  );
  throwProblems(problems);
  return table;
}

/** A route configuration with one virtual host for everything. */
export function routeList(...list: JsonValue[]): HostRouteTable {
  return routes({ name: "r", virtual_hosts: [{ name: "all", domains: ["*"], routes: list }] });
}

export function cluster(json: JsonValue): ClusterPlan {
  const problems: Problem[] = [];
  const place = new Place("", problems);
  const message = fromJson(ClusterSchema, json, OPTIONS);
  checkMessage(ClusterSchema, message, place);
  const plan = compileCluster(
    message,
    {
      dnsCaches: new DnsCacheConfigs(),
      secrets: NO_SECRETS,
    },
    place,
  );
  throwProblems(problems);
  return plan;
}

export function listener(json: JsonValue): ListenerPlan {
  const problems: Problem[] = [];
  const place = new Place("", problems);
  const message = fromJson(ListenerSchema, json, OPTIONS);
  checkMessage(ListenerSchema, message, place);
  const plan = compileListener(
    message,
    {
      routeConfigRef: (name) => ({ name, current: null }),
      inlineRoutes: (config, at) => ({
        name: config.name,
        current: compileRouteConfig(
          config,
          { clusterRef, routeStats, runtime: NO_RUNTIME, knownClusters: new Set(), validateClusters: false },
          at,
        ),
      }),
      clusterRef,
      knownClusters: new Set(["collector"]),
      localWorkload: UNKNOWN_WORKLOAD,
      dnsCaches: new DnsCacheConfigs(),
      secrets: NO_SECRETS,
      node: { id: "n", cluster: "c" },
    },
    place,
  );
  throwProblems(problems);
  if (plan === null) throw new TypeError("nothing was refused, and there is no plan");
  return plan;
}

/** What is refused, one line each. */
export function refusals(compile: () => unknown): string[] {
  try {
    compile();
    return [];
  } catch (error) {
    if (!(error instanceof Error) || error.name !== "ConfigError") throw error;
    return (error as Error & { problems: readonly Problem[] }).problems.map(formatProblem);
  }
}

export interface RequestInit {
  readonly method?: string;
  readonly path?: string;
  readonly authority?: string;
  readonly scheme?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export function request(init: RequestInit = {}): RequestView {
  const { method = "GET", path = "/", authority = "a.example", scheme = "http", headers = {} } = init;
  return {
    method,
    path,
    authority,
    scheme,
    dynamicMetadata: null,
    forwardedFor: "",
    header: (name) => (Object.hasOwn(headers, name) ? headers[name] : undefined),
    someHeader: (name, test) => (Object.hasOwn(headers, name) ? test(headers[name]) : undefined),
  };
}

export const connection: ConnectionView = { ...CONNECTION, id: 0 };

export const HCM =
  "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
export const ROUTER_FILTER = {
  name: "envoy.filters.http.router",
  typed_config: { "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" },
};

/** A listener with one connection manager. */
export function listenerJson(hcm: { readonly [field: string]: JsonValue } = {}): JsonValue {
  return {
    name: "l",
    address: { socket_address: { address: "127.0.0.1", port_value: 8080 } },
    filter_chains: [
      {
        filters: [
          {
            name: "hcm",
            typed_config: {
              "@type": HCM,
              stat_prefix: "in",
              http_filters: [ROUTER_FILTER],
              ...("rds" in hcm ? {} : { route_config: { name: "r" } }),
              ...hcm,
            },
          },
        ],
      },
    ],
  };
}

/**
 * Sets (or, with undefined, deletes) what stands at a path such as `clusters[0].name` in a configuration. `{hcm}` in the path is
 * where `listenerJson` has its connection manager.
 */
export function set(root: JsonValue, path: string, value: JsonValue | undefined): void {
  const keys = path.replace("{hcm}", "filter_chains[0].filters[0].typed_config").match(/[^.[\]]+/g) ?? [];
  let at = root as { [key: string]: JsonValue };
  for (const key of keys.slice(0, -1)) at = at[key] as { [key: string]: JsonValue };
  const last = keys[keys.length - 1];
  if (value === undefined) delete at[last];
  else at[last] = value;
}
