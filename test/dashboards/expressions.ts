/** What Istio's Grafana dashboards ask, and which of it has no answer here, with the reason: one truth for the test and for the page. */
import { readFileSync } from "node:fs";

export interface DashboardExpression {
  readonly dashboard: string;
  readonly panel: string;
  /** With Grafana's variables. */
  readonly expression: string;
}

interface Recorded {
  readonly credit: string;
  readonly expressions: readonly (readonly [string, string, string])[];
}

const RECORDED = JSON.parse(readFileSync(new URL("istio-expressions.json", import.meta.url), "utf8")) as Recorded;

export const CREDIT = RECORDED.credit;

export const EXPRESSIONS: readonly DashboardExpression[] = RECORDED.expressions.map(
  ([dashboard, panel, expression]) => ({ dashboard, panel, expression }),
);

interface Reason {
  /** Expressions that it is about. */
  readonly pattern: RegExp;
  readonly what: string;
  readonly reason: string;
}

/** In order: the first that an expression matches is its reason. */
const REASONS: readonly Reason[] = [
  {
    pattern: /ztunnel|istio_dns_requests_total|workload_manager_/,
    what: "`ztunnel`, its connections, DNS and workload manager",
    reason: "there are no node proxies: each workload has a sidecar",
  },
  { pattern: /envoy_wasm_/, what: "`envoy_wasm_*`", reason: "proxies run no WebAssembly" },
  {
    pattern: /container_(cpu|memory|fs)_/,
    what: "`container_*`",
    reason:
      "cAdvisor's, of Kubernetes nodes; a process tells `process_cpu_seconds_total` and `process_resident_memory_bytes` itself",
  },
  {
    pattern: /\bgo_(memstats|goroutines)/,
    what: "`go_*`",
    reason:
      "of programs in Go; the control plane tells `nodejs_heap_size_used_bytes` and `nodejs_heap_size_total_bytes`",
  },
  {
    pattern: /pilot_k8s_(reg|cfg)_events/,
    what: "`pilot_k8s_reg_events`, `pilot_k8s_cfg_events`",
    reason: "events of a Kubernetes API server, which this control plane does not watch",
  },
  {
    pattern: /galley_validation_|sidecar_injection_/,
    what: "`galley_validation_*`, `sidecar_injection_*`",
    reason: "of Kubernetes admission webhooks, which there are none of: configuration is refused where it is applied",
  },
  {
    pattern: /pilot_(push_triggers|total_xds_rejects|total_xds_internal_errors|xds_push_time|xds_config_size_bytes)/,
    what: "`pilot_push_triggers`, `pilot_total_xds_*`, `pilot_xds_push_time`, `pilot_xds_config_size_bytes`",
    reason:
      "not counted; `tulle_pushes_total`, `tulle_last_push_seconds` and `pilot_proxy_convergence_time` tell of pushes, `tulle proxies` of what was refused",
  },
  {
    pattern: /\{cluster_name="xds-grpc"\}/,
    what: "`cluster_name`",
    reason: "Envoy's own name of the label is `envoy_cluster_name`, which proxies keep; Istio's bootstrap renames it",
  },
  {
    pattern: /^(?!.*istio_requests_total).*istio_tcp_/,
    what: "`istio_tcp_*`",
    reason: "Bookinfo, on which this page is checked, has no TCP service",
  },
  {
    pattern:
      /reporter="source"[^}]*connection_security_policy="mutual_tls"|connection_security_policy="mutual_tls"[^}]*reporter="source"/,
    what: '`reporter="source"` with `connection_security_policy="mutual_tls"`',
    reason: "only servers know: clients report `unknown`, in Istio, too",
  },
];

/** Why an expression has no series; undefined if it has some. */
export function reasonFor(expression: string): Reason | undefined {
  return REASONS.find(({ pattern }) => pattern.test(expression));
}

/** Values of Grafana's variables, as on the demo. */
const VARIABLES: Readonly<Record<string, string>> = {
  __rate_interval: "30s",
  qrep: "source|destination",
  service: "reviews.default.svc.cluster.local",
  workload: "productpage-v1",
  namespace: "default",
};

/** An expression with values in the place of variables; of those that choose among what there is, all. */
export function withVariables(expression: string): string {
  return expression.replaceAll(/\$(\w+)/g, (_, name: string) => VARIABLES[name] ?? ".*");
}
