/** What became of RateLimits. */
import { matchesLabels } from "@tulle/api";
import type { RateLimitRule } from "../model/rate-limit.ts";
import type { Snapshot } from "../model/snapshot.ts";
import { CAPABILITIES } from "../translate/data-plane.ts";
import type { Finding } from "./object-status.ts";
import { finding } from "./object-status.ts";

export function rateLimitFindings({ options, workloads }: Snapshot, rule: RateLimitRule): readonly Finding[] {
  const { selector, origin } = rule;
  const everywhere = origin.namespace === options.rootNamespace;
  const selected = workloads.filter(
    ({ namespace, labels }) => (everywhere || namespace === origin.namespace) && matchesLabels(selector, labels),
  );
  const labels = Object.entries(selector ?? {}).map(([key, value]) => `${key}=${value}`);
  const who = `${everywhere ? "all namespaces" : origin.namespace}${labels.length === 0 ? "" : ` with ${labels.join(", ")}`}`;
  const found = [
    selector !== undefined && selected.length === 0
      ? finding("Ignored", ["spec", "selector"], `no registered workload of ${who}`)
      : finding("InForce", [], `limits what workloads of ${who} receive, each proxy for itself`),
  ];
  if (!CAPABILITIES.tulle.httpFeatures.has("rate limits")) {
    found.push(finding("NotYetApplied", ["spec", "rules"], "rate limits: Envoy has them, Tulle's own proxy not yet"));
  }
  return found;
}
