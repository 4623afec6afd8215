/** The HTTP filters of a connection manager; routes configure some of them. (istio/istio `listener_builder.go` buildHTTPConnectionManager) */
import { create } from "@bufbuild/protobuf";
import type { DescMessage, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { CorsSchema } from "@tulle/xds/gen/envoy/extensions/filters/http/cors/v3/cors_pb.js";
import { CustomResponseSchema } from "@tulle/xds/gen/envoy/extensions/filters/http/custom_response/v3/custom_response_pb.js";
import { HTTPFaultSchema } from "@tulle/xds/gen/envoy/extensions/filters/http/fault/v3/fault_pb.js";
import { FilterConfigSchema as ForwardSchema } from "@tulle/xds/gen/envoy/extensions/filters/http/dynamic_forward_proxy/v3/dynamic_forward_proxy_pb.js";
import { FilterConfigSchema as GrpcStatsSchema } from "@tulle/xds/gen/envoy/extensions/filters/http/grpc_stats/v3/config_pb.js";
import { RouterSchema } from "@tulle/xds/gen/envoy/extensions/filters/http/router/v3/router_pb.js";
import { StatefulSessionSchema } from "@tulle/xds/gen/envoy/extensions/filters/http/stateful_session/v3/stateful_session_pb.js";
import { HttpFilterSchema } from "@tulle/xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import type { HttpFilter } from "@tulle/xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import { FallbackSchema } from "@tulle/xds/gen/tulle/filters/http/fallback/v1/fallback_pb.js";
import { TypedStructSchema } from "@tulle/xds/gen/xds/type/v3/typed_struct_pb.js";
import type { WorkloadMetrics } from "../model/telemetry-metrics.ts";
import type { HttpFilterKind } from "./data-plane.ts";
import { FORWARDING_FILTER } from "./forwarding.ts";
import { STATS_FILTER, statsConfig } from "./mesh-stats.ts";
import { packed } from "./packed.ts";
import { SESSION_FILTER } from "./persistent-session.ts";

/** Which side of a request the connection manager sees. */
export type Reporter = "SIDECAR_OUTBOUND" | "SIDECAR_INBOUND" | "GATEWAY";

/** Filters of single objects, by their place. */
export interface MoreFilters {
  /** Who may do it is settled before anything else. */
  readonly first?: readonly HttpFilter[];
  readonly last?: readonly HttpFilter[];
}

/** The router is the last. */
export function httpFilters(
  kinds: readonly HttpFilterKind[],
  reporter: Reporter,
  metrics: WorkloadMetrics,
  router: MessageInitShape<typeof RouterSchema>,
  { first = [], last = [] }: MoreFilters = {},
): HttpFilter[] {
  return [
    ...first,
    ...kinds
      .filter((kind) => reporter !== "SIDECAR_INBOUND" || !OF_CLIENTS.has(kind))
      .flatMap((kind) => (kind === "mesh_stats" ? meshStats(reporter, metrics) : SAME_EVERYWHERE[kind])),
    ...last,
    filter("envoy.filters.http.router", RouterSchema, create(RouterSchema, router)),
  ];
}

/** Policies of whoever calls. */
const OF_CLIENTS: ReadonlySet<HttpFilterKind> = new Set(["fallback", "custom_response", "stateful_session"]);

const SAME_EVERYWHERE: Readonly<Record<Exclude<HttpFilterKind, "mesh_stats">, HttpFilter>> = {
  grpc_stats: filter(
    "envoy.filters.http.grpc_stats",
    GrpcStatsSchema,
    create(GrpcStatsSchema, {
      emitFilterState: true,
      perMethodStatSpecifier: { case: "statsForAllMethods", value: { value: false } },
    }),
  ),
  fault: filter("envoy.filters.http.fault", HTTPFaultSchema, create(HTTPFaultSchema)),
  fallback: filter("tulle.fallback", FallbackSchema, create(FallbackSchema)),
  custom_response: filter("envoy.filters.http.custom_response", CustomResponseSchema, create(CustomResponseSchema)),
  stateful_session: filter(SESSION_FILTER, StatefulSessionSchema, create(StatefulSessionSchema)),
  cors: filter("envoy.filters.http.cors", CorsSchema, create(CorsSchema)),
  dynamic_forward_proxy: filter("envoy.filters.http.dynamic_forward_proxy", ForwardSchema, FORWARDING_FILTER),
};

function meshStats(reporter: Reporter, metrics: WorkloadMetrics): readonly HttpFilter[] {
  const settings = metrics[reporter === "SIDECAR_INBOUND" ? "SERVER" : "CLIENT"];
  return settings.isOff ? [] : [filter(STATS_FILTER, TypedStructSchema, statsConfig(settings, { reporter }))];
}

function filter<Desc extends DescMessage>(name: string, schema: Desc, config: MessageShape<Desc>): HttpFilter {
  return create(HttpFilterSchema, { name, configType: { case: "typedConfig", value: packed(schema, config) } });
}
