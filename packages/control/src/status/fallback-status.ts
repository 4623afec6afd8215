/** What became of Fallbacks. */
import { hostMatches, isVisibleTo } from "@tulle/api";
import type { Path } from "@tulle/api";
import type { FallbackRule } from "../model/fallback.ts";
import { fallbackForRoute } from "../model/fallback.ts";
import type { Snapshot } from "../model/snapshot.ts";
import type { Finding } from "./object-status.ts";
import { finding } from "./object-status.ts";

export function fallbackFindings(snapshot: Snapshot, rule: FallbackRule): readonly Finding[] {
  const { visibility, host } = rule;
  if (visibility.type === "none") {
    return [finding("Ignored", ["spec", "exportTo"], 'it is exported to nobody ("~")')];
  }
  const services = snapshot.services.filter((service) => hostMatches(host, service.host));
  if (services.length === 0) return [finding("Ignored", ["spec", "host"], `no service is called ${host}`)];
  const client = clientNamespace(rule);
  const used = services.map((service) => snapshot.fallbackIndex.find(service.host, service.namespace, client));
  const own = used.find((list) => list.includes(rule));
  if (own === undefined) {
    const winner = used.flat()[0];
    return [finding("Shadowed", ["spec", "host"], `another Fallback is used for ${host}`, winner?.origin)];
  }
  const shadowed = shadowedRoutes(own, rule);
  if (shadowed.length > 0 && shadowed.length === (rule.spec.routes?.length ?? 1)) return shadowed;
  const hosts = services.length === 1 ? services[0]!.host : `${services.length} services`;
  return [
    finding("InForce", [], `answers when requests to ${hosts} fail`),
    ...shadowed,
    ...unknownRoutes(snapshot, rule),
    ...ruleFindings(snapshot, rule),
  ];
}

/** A namespace whose clients it is for. */
function clientNamespace({ visibility, origin }: FallbackRule): string {
  if (visibility.type !== "namespaces" || isVisibleTo(visibility, origin.namespace)) return origin.namespace;
  return [...visibility.namespaces][0]!;
}

function shadowedRoutes(used: readonly FallbackRule[], rule: FallbackRule): readonly Finding[] {
  const { routes } = rule.spec;
  if (routes === undefined) {
    const winner = used.find(({ spec }) => spec.routes === undefined);
    if (winner === undefined || winner === rule) return [];
    return [
      finding(
        "Shadowed",
        ["spec", "host"],
        `an older Fallback is for ${rule.host}; they are not merged`,
        winner.origin,
      ),
    ];
  }
  return routes.flatMap((route, index) => {
    const winner = fallbackForRoute(used, route);
    if (winner === undefined || winner === rule) return [];
    return [finding("Shadowed", ["spec", "routes", index], `an older Fallback is for route ${route}`, winner.origin)];
  });
}

function unknownRoutes({ virtualServices }: Snapshot, { spec }: FallbackRule): readonly Finding[] {
  const names = new Set(virtualServices.flatMap(({ http }) => http.map(({ route }) => route.name ?? "")));
  return (spec.routes ?? []).flatMap((route, index) =>
    names.has(route) ? [] : [finding("Ignored", ["spec", "routes", index], `no VirtualService has a route ${route}`)],
  );
}

function ruleFindings(snapshot: Snapshot, rule: FallbackRule): readonly Finding[] {
  return rule.rules.flatMap(({ lastGood, redirectTo }, index): Finding[] => {
    const path: Path = ["spec", "rules", index];
    if (lastGood !== undefined) {
      return [
        finding(
          "InForce",
          [...path, "lastGood"],
          "Tulle's own proxy gives the last good response; Envoys pass this rule over",
        ),
      ];
    }
    if (redirectTo === undefined) return [];
    const { host } = redirectTo.destination;
    const found = [
      finding(
        "InForce",
        [...path, "redirectTo"],
        "Tulle's own proxy sends requests there; Envoys pass this rule over, for they would send each as a GET and answer each with one status",
      ),
    ];
    if (!snapshot.serviceByHost.has(host)) {
      const at = [...path, "redirectTo", "destination", "host"];
      found.push(finding("Invalid", at, `no service is called ${host}, so the next rule answers`));
    }
    return found;
  });
}
