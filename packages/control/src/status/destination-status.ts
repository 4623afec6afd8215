/** What is wrong with where a route leads. */
import { resolveShortName } from "@tulle/api";
import type { Destination, Path } from "@tulle/api";
import type { Snapshot } from "../model/snapshot.ts";
import type { VirtualServiceRule } from "../model/virtual-service.ts";
import { serviceNames } from "../translate/domains.ts";
import type { Finding } from "./object-status.ts";
import { finding } from "./object-status.ts";

export function destinationFindings(
  snapshot: Snapshot,
  rule: VirtualServiceRule,
  { host, subset, port }: Destination,
  path: Path,
): readonly Finding[] {
  const { namespace } = rule.origin;
  const fqdn = resolveShortName(host, namespace, snapshot.options.domain).toLowerCase();
  const isMirror = path.includes("mirror") || path.includes("mirrors");
  const consequence = isMirror
    ? "nothing is mirrored"
    : path[1] === "http"
      ? "requests get 503"
      : "connections are closed";
  const service = snapshot.serviceByHost.get(fqdn);
  if (service === undefined) {
    const meant = snapshot.services.find((candidate) => serviceNames(candidate, namespace).includes(fqdn));
    const hint = meant === undefined ? "" : `; did you mean ${meant.host}?`;
    return [finding("Invalid", [...path, "host"], `no service is called ${fqdn}: ${consequence}${hint}`)];
  }
  const found: Finding[] = [];
  if (port !== undefined && !service.ports.some(({ number }) => number === port.number)) {
    const ports = service.ports.map(({ number }) => number).join(", ");
    found.push(
      finding("Invalid", [...path, "port"], `${fqdn} has no port ${port.number}, only ${ports}: ${consequence}`),
    );
  }
  if (subset !== undefined && subset !== "") {
    const subsets = snapshot.destinationRuleIndex.find(service, namespace, {})?.subsets ?? [];
    if (!subsets.some((known) => known.subset.name === subset)) {
      const names = subsets.length === 0 ? "" : `; there are ${subsets.map((known) => known.subset.name).join(", ")}`;
      found.push(
        finding(
          "Invalid",
          [...path, "subset"],
          `no DestinationRule gives ${fqdn} a subset ${subset}: ${consequence}${names}`,
        ),
      );
    }
  }
  return found;
}
