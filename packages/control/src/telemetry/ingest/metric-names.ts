/** Names and labels as a Prometheus has them that finds its targets as Istio's does. */
import type { Labels } from "@tulle/telemetry/records";
import type { SendingProxy } from "../sender.ts";

/** Namespaces of stats that are exposed without `envoy_`, and without themselves. (Istio registers them in Envoy's custom stat namespaces) */
const CUSTOM_NAMESPACES = /^(?:istiocustom|wasmcustom)[._]/;

/** `cluster.upstream_rq_total` → `envoy_cluster_upstream_rq_total`. (Envoy source/server/admin/prometheus_stats.cc metricName) */
export function exposedName(name: string): string {
  const own = name.replace(CUSTOM_NAMESPACES, "");
  const sanitized = sanitize(own);
  return own !== name || name.startsWith("istio_") ? sanitized : `envoy_${sanitized}`;
}

/** (Envoy source/common/stats/utility.cc `sanitizeName`; Prometheus for labels of pods) */
function sanitize(name: string): string {
  const replaced = name.replaceAll(/[^a-zA-Z0-9_]/g, "_");
  return /^[0-9]/.test(replaced) ? `_${replaced}` : replaced;
}

/** Where Istio's sidecars are scraped: the merged metrics of proxy and application. */
const SCRAPED_PORT = 15_020;

/**
 * Labels of a target. (istio/istio `samples/addons/prometheus.yaml`, job kubernetes-pods: labels of the pod, `namespace`, `pod`)
 * What the proxy says of itself may be anything; names that no label can have are refused with the series.
 */
export function targetLabels({ node, namespace, address, labels }: SendingProxy): Labels {
  // `sidecar~10.1.2.3~reviews-v2-x7k2p.default~…`
  const pod = node.split("~")[2]?.replace(new RegExp(`\\.[^.]*$`), "") ?? node;
  const target: Record<string, string> = {};
  for (const [name, value] of Object.entries(labels)) target[sanitize(name)] = value;
  return { ...target, instance: `${address}:${SCRAPED_PORT}`, job: "kubernetes-pods", namespace, pod };
}

/** `labels`: names and values in turn. What the target is called wins, as in a scrape without `honor_labels`. */
export function labelsOf(name: string, labels: readonly string[], target: Labels): Labels {
  const all: Record<string, string> = name === "" ? {} : { __name__: name };
  for (let index = 0; index < labels.length; index += 2) {
    const label = sanitize(labels[index]!);
    const value = labels[index + 1]!;
    // A label that is empty is one that is not there. (Prometheus' data model)
    if (value !== "") all[Object.hasOwn(target, label) ? `exported_${label}` : label] = value;
  }
  return Object.assign(all, target);
}
