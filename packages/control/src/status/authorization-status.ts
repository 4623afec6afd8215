/** What became of AuthorizationPolicies. */
import { parseProtocol } from "@tulle/api";
import type { AuthorizationRule as Rule, Path } from "@tulle/api";
import type { AuthorizationRule } from "../model/authorization.ts";
import { httpCarrier } from "../model/service.ts";
import type { Snapshot } from "../model/snapshot.ts";
import type { Workload } from "../model/workload.ts";
import { CAPABILITIES } from "../translate/data-plane.ts";
import { authorizers } from "../translate/security/external-authorizers.ts";
import type { Finding } from "./object-status.ts";
import { finding } from "./object-status.ts";
import { reachOf } from "./policy-subjects.ts";

export function authorizationFindings(snapshot: Snapshot, policy: AuthorizationRule): readonly Finding[] {
  const { who, workloads, findings } = reachOf(snapshot, policy.scope);
  if (findings.length > 0) return findings;
  return [
    finding("InForce", [], policy.dryRun ? `a dry run: ${effect(policy, who)}` : effect(policy, who)),
    ...providerFindings(snapshot, policy),
    ...connectionFindings(policy, workloads),
  ];
}

function effect({ action, spec }: AuthorizationRule, who: string): string {
  const { rules = [] } = spec;
  const matching = rules.length === 1 ? "that match its rule" : `that match one of its ${rules.length} rules`;
  if (rules.length === 0) return action === "ALLOW" ? `allows nothing to ${who}` : `says nothing of requests to ${who}`;
  switch (action) {
    case "ALLOW":
      return `allows requests to ${who} ${matching}; what no policy allows is denied`;
    case "DENY":
      return `denies requests to ${who} ${matching}`;
    case "AUDIT":
      return `marks requests to ${who} ${matching}`;
    default:
      return `asks ${spec.provider?.name ?? "nobody"} about requests to ${who} ${matching}`;
  }
}

function providerFindings({ mesh, serviceByHost }: Snapshot, { action, spec }: AuthorizationRule): readonly Finding[] {
  const path = ["spec", "provider", "name"];
  const name = spec.provider?.name;
  if (action !== "CUSTOM" || name === undefined) return [];
  const authorizer = authorizers(mesh, serviceByHost, CAPABILITIES.envoy)(name);
  if ("problem" in authorizer)
    return [finding("Invalid", path, `${authorizer.problem}: what the policy is for is denied`)];
  if (!("problem" in authorizers(mesh, serviceByHost, CAPABILITIES.tulle)(name))) return [];
  const message = `asking ${name}: Envoy does it, Tulle's own proxy not yet and denies what the policy is for`;
  return [finding("NotYetApplied", path, message)];
}

/** Where workloads take connections that are not HTTP, rules that ask for attributes of requests mean something else than they say. */
function connectionFindings({ action, spec }: AuthorizationRule, workloads: readonly Workload[]): readonly Finding[] {
  const [place] = workloads.flatMap(({ name, inbound }) =>
    inbound
      .filter(({ protocol }) => httpCarrier(parseProtocol(protocol) ?? "AUTO") === undefined)
      .map(({ port }) => `port ${port} of ${name}`),
  );
  if (place === undefined) return [];
  const effect =
    action === "ALLOW"
      ? "the rule allows nothing there"
      : "there the rule is about all that matches its other attributes";
  const refused = CAPABILITIES.tulle.security.has("network authorization")
    ? []
    : [
        finding(
          "NotYetApplied",
          [],
          `${place} is not HTTP: Envoy authorizes connections, Tulle's own proxy refuses them`,
        ),
      ];
  return [...refused, ...requestFindings(spec.rules ?? [], place, effect)];
}

function requestFindings(rules: readonly Rule[], place: string, effect: string): readonly Finding[] {
  return rules.flatMap((rule, index) =>
    requestAttributes(rule)
      .slice(0, 1)
      .map((path) => finding("Ignored", ["spec", "rules", index, ...path], `${place} is not HTTP: ${effect}`)),
  );
}

const OF_REQUESTS: ReadonlySet<string> = new Set([
  "hosts",
  "notHosts",
  "methods",
  "notMethods",
  "paths",
  "notPaths",
  "requestPrincipals",
  "notRequestPrincipals",
]);

function requestAttributes({ from = [], to = [], when = [] }: Rule): readonly Path[] {
  const named = (value: object | undefined, path: Path): Path[] =>
    Object.keys(value ?? {}).flatMap((field) => (OF_REQUESTS.has(field) ? [[...path, field]] : []));
  return [
    ...from.flatMap(({ source }, index) => named(source, ["from", index, "source"])),
    ...to.flatMap(({ operation }, index) => named(operation, ["to", index, "operation"])),
    ...when.flatMap(({ key }, index): Path[] => (key.startsWith("request.") ? [["when", index, "key"]] : [])),
  ];
}
