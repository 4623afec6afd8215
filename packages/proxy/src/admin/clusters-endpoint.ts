import { RE2JS } from "re2js";
import type { CircuitBreakerPlan, EndpointPlan, LocalityPlan } from "../plan/cluster-plan.ts";
import { statNameOf } from "../stats/index.ts";
import type { Cluster } from "../upstream/cluster.ts";
import { HealthFlag, healthFlagsText } from "../upstream/health-flags.ts";
import type { Host } from "../upstream/host.ts";
import { type AdminContext, type AdminEndpoint, json, text } from "./endpoint.ts";

const EDS_HEALTH: Readonly<Record<EndpointPlan["health"], string>> = {
  healthy: "HEALTHY",
  unhealthy: "UNHEALTHY",
  degraded: "DEGRADED",
  draining: "DRAINING",
};

export const clustersEndpoint: AdminEndpoint = {
  path: "/clusters",
  post: false,
  help: "upstream cluster status",
  parameters: {
    filter: "Regular expression (Google re2) for filtering clusters by name",
    format: "File format to use; One of (text, json)",
  },
  handle(query, context) {
    const pattern = query.get("filter");
    let clusters = [...context.dataPlane.clusters()];
    if (pattern !== null && pattern !== "") {
      try {
        const regex = RE2JS.compile(pattern);
        clusters = clusters.filter((cluster) => regex.test(cluster.name));
      } catch (error) {
        return text(`Invalid re2 regex: ${error instanceof Error ? error.message : String(error)}`, 400);
      }
    }
    if (query.get("format") === "json")
      return json({ cluster_statuses: clusters.map((each) => clusterJson(each, context)) });
    return text(clusters.map((each) => clusterText(each, context)).join(""));
  },
};

function clusterText(cluster: Cluster, context: AdminContext): string {
  const { name, plan } = cluster;
  const line = (key: string, value: string | number | boolean): string => `${name}::${key}::${value}\n`;
  let out = line("observability_name", observabilityName(cluster));
  if (cluster.outliers !== null) {
    const { external, localOrigin } = cluster.outliers;
    out += line("outlier::success_rate_average", rate(external.average));
    out += line("outlier::success_rate_ejection_threshold", rate(external.threshold));
    out += line("outlier::local_origin_success_rate_average", rate(localOrigin.average));
    out += line("outlier::local_origin_success_rate_ejection_threshold", rate(localOrigin.threshold));
  }
  for (const [priority, thresholds] of [
    ["default", plan.thresholds[0]],
    ["high", plan.thresholds[1]],
  ] as const) {
    out += line(`${priority}_priority::max_connections`, thresholds.maxConnections);
    out += line(`${priority}_priority::max_pending_requests`, thresholds.maxPendingRequests);
    out += line(`${priority}_priority::max_requests`, thresholds.maxRequests);
    out += line(`${priority}_priority::max_retries`, thresholds.maxRetries);
  }
  out += line("added_via_api", context.configuration.clusters.isDynamic(name));
  for (const host of cluster.allHosts()) {
    for (const [key, value] of hostStats(host)) out += line(`${host.name}::${key}`, value);
    out += line(`${host.name}::hostname`, host.hostname);
    out += line(`${host.name}::health_flags`, healthFlagsText(host.flags));
    out += line(`${host.name}::weight`, host.weight);
    const { region, zone, subZone } = host.locality;
    out += line(`${host.name}::region`, region);
    out += line(`${host.name}::zone`, zone);
    out += line(`${host.name}::sub_zone`, subZone);
    out += line(`${host.name}::canary`, host.plan.canary);
    out += line(`${host.name}::priority`, host.priority);
    out += line(`${host.name}::success_rate`, rate(host.outlier?.external.shown ?? -1));
    out += line(`${host.name}::local_origin_success_rate`, rate(host.outlier?.localOrigin.shown ?? -1));
  }
  return out;
}

/** As C++ writes a double by default: six significant digits. */
function rate(value: number): string {
  return String(Number(value.toPrecision(6)));
}

/** Proto3 JSON of a Percent that may be unknown. */
function percentJson(name: string, value: number): Record<string, unknown> {
  return value < 0 ? {} : { [name]: value === 0 ? {} : { value } };
}

/** `alt_stat_name` or the name; stat names hold it with colons replaced. */
function observabilityName({ name, plan }: Cluster): string {
  return statNameOf(name) === plan.statName ? name : plan.statName;
}

/** In Envoy's order: by name. */
function hostStats(host: Host): readonly (readonly [string, number])[] {
  return [
    ["cx_active", host.activeConnections],
    ["cx_connect_fail", host.connectFailures],
    ["cx_total", host.connectionsTotal],
    ["rq_active", host.activeRequests],
    ["rq_error", host.requestsFailed],
    ["rq_pending_active", host.pendingRequests],
    ["rq_success", host.requestsSucceeded],
    ["rq_timeout", host.requestTimeouts],
    ["rq_total", host.requestsTotal],
  ];
}

function clusterJson(cluster: Cluster, context: AdminContext): unknown {
  const { plan, name } = cluster;
  const threshold = (thresholds: CircuitBreakerPlan): Record<string, number> => ({
    max_connections: thresholds.maxConnections,
    max_pending_requests: thresholds.maxPendingRequests,
    max_requests: thresholds.maxRequests,
    max_retries: thresholds.maxRetries,
  });
  return {
    name,
    ...(context.configuration.clusters.isDynamic(name) ? { added_via_api: true } : {}),
    ...percentJson("success_rate_ejection_threshold", cluster.outliers?.external.threshold ?? -1),
    host_statuses: [...cluster.allHosts()].map(hostJson),
    ...percentJson("local_origin_success_rate_ejection_threshold", cluster.outliers?.localOrigin.threshold ?? -1),
    circuit_breakers: {
      thresholds: [threshold(plan.thresholds[0]), { priority: "HIGH", ...threshold(plan.thresholds[1]) }],
    },
    observability_name: observabilityName(cluster),
    ...(plan.edsServiceName === "" ? {} : { eds_service_name: plan.edsServiceName }),
  };
}

function hostJson(host: Host): unknown {
  // Counters first, then gauges; a zero value is left out, as proto3 JSON does.
  const isGauge = (key: string): boolean => key.endsWith("_active");
  const stats = hostStats(host);
  const rows = [...stats.filter(([key]) => !isGauge(key)), ...stats.filter(([key]) => isGauge(key))];
  return {
    address: { socket_address: { address: host.address, port_value: host.port } },
    stats: rows.map(([key, value]) => ({
      ...(isGauge(key) ? { type: "GAUGE" } : {}),
      ...(value === 0 ? {} : { value: String(value) }),
      name: key,
    })),
    health_status: healthStatusJson(host),
    ...percentJson("success_rate", host.outlier?.external.shown ?? -1),
    weight: host.weight,
    ...(host.hostname === "" ? {} : { hostname: host.hostname }),
    ...(host.priority === 0 ? {} : { priority: host.priority }),
    ...percentJson("local_origin_success_rate", host.outlier?.localOrigin.shown ?? -1),
    locality: localityJson(host.locality),
  };
}

/** Source: Envoy `source/server/admin/clusters_handler.cc`, setHealthFlag. */
function healthStatusJson(host: Host): unknown {
  return {
    ...(host.hasFlag(HealthFlag.FAILED_ACTIVE_HC) ? { failed_active_health_check: true } : {}),
    ...(host.hasFlag(HealthFlag.FAILED_OUTLIER_CHECK) ? { failed_outlier_check: true } : {}),
    ...(host.hasFlag(HealthFlag.DEGRADED_ACTIVE_HC) ? { failed_active_degraded_check: true } : {}),
    ...(host.hasFlag(HealthFlag.PENDING_DYNAMIC_REMOVAL) ? { pending_dynamic_removal: true } : {}),
    ...(host.hasFlag(HealthFlag.PENDING_ACTIVE_HC) ? { pending_active_hc: true } : {}),
    ...(host.hasFlag(HealthFlag.EXCLUDED_VIA_IMMEDIATE_HC_FAIL) ? { excluded_via_immediate_hc_fail: true } : {}),
    ...(host.hasFlag(HealthFlag.ACTIVE_HC_TIMEOUT) ? { active_hc_timeout: true } : {}),
    eds_health_status: EDS_HEALTH[host.plan.health],
  };
}

function localityJson({ region, zone, subZone }: LocalityPlan): unknown {
  return {
    ...(region === "" ? {} : { region }),
    ...(zone === "" ? {} : { zone }),
    ...(subZone === "" ? {} : { sub_zone: subZone }),
  };
}
