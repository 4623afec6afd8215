/** What became of delegates, told to whoever delegates and to the delegate itself. */
import type { Path } from "@tulle/api";
import type { Delegation } from "../model/delegation.ts";
import { describeOrigin } from "../model/origin.ts";
import type { Snapshot } from "../model/snapshot.ts";
import type { VirtualServiceRule } from "../model/virtual-service.ts";
import type { Finding } from "./object-status.ts";
import { finding } from "./object-status.ts";

/** About the references of a VirtualService that delegates. */
export function delegationFindings({ delegations, origin }: VirtualServiceRule): readonly Finding[] {
  return delegations.map(({ index, to, outcome, delegate, conflicts }) => {
    const path: Path = ["spec", "http", index, "delegate"];
    switch (outcome) {
      case "missing":
        return finding("Invalid", path, `there is no VirtualService ${to}; the route is left out`);
      case "has hosts":
        return finding("Invalid", path, `VirtualService ${to} has hosts, so it is no delegate; the route is left out`);
      case "not exported":
        return finding(
          "Invalid",
          path,
          `VirtualService ${to} is not exported to namespace ${origin.namespace}; the route is left out`,
        );
      default: {
        const all = delegate!.http.length;
        const left = all - conflicts.length;
        const routes = `${left === all ? all : `${left} of the ${all}`} ${all === 1 ? "route" : "routes"}`;
        return finding(left === 0 ? "Ignored" : "InForce", path, `takes ${routes} of VirtualService ${to}`);
      }
    }
  });
}

/** About a VirtualService without hosts: who uses it, and which of its routes nobody can. */
export function delegateFindings(snapshot: Snapshot, delegate: VirtualServiceRule): readonly Finding[] {
  const uses = snapshot.virtualServices.flatMap((root) =>
    root.delegations
      .filter((delegation) => delegation.delegate?.loaded === delegate.loaded)
      .map((delegation) => ({ root, delegation })),
  );
  if (uses.length === 0) {
    return [finding("Ignored", [], "it has no hosts, and no VirtualService delegates to it")];
  }
  return uses.flatMap(({ root, delegation }) => {
    const where = `${describeOrigin(root.origin)}, http[${delegation.index}]`;
    if (delegation.outcome === "not exported") {
      const message = `it is not exported to namespace ${root.origin.namespace}, where ${where} delegates to it`;
      return [finding("Ignored", ["spec", "exportTo"], message)];
    }
    return [
      finding("InForce", [], `routes for ${where}: ${root.hosts.join(", ")}`),
      ...conflictFindings(delegation, where),
    ];
  });
}

function conflictFindings({ conflicts }: Delegation, where: string): readonly Finding[] {
  return conflicts.map(({ index, match, condition }) =>
    finding(
      "Ignored",
      ["spec", "http", index, "match", match, ...condition],
      `is no part of what ${where} hands over; the route is left out there`,
    ),
  );
}
