/** What became of WorkloadEntries and WorkloadGroups. */
import type { ResourceObject } from "@tulle/api";
import type { Snapshot } from "../model/snapshot.ts";
import type { Finding } from "./object-status.ts";
import { finding } from "./object-status.ts";

type WorkloadEntry = ResourceObject<"networking.istio.io", "WorkloadEntry">;
type WorkloadGroup = ResourceObject<"networking.istio.io", "WorkloadGroup">;

export function workloadEntryFindings({ endpoints, generated }: Snapshot, entry: WorkloadEntry): readonly Finding[] {
  const { name, namespace } = entry.metadata;
  // An entry of a workload that said where it takes requests is there to be seen: the workload is the endpoint.
  if (generated.some(({ loaded }) => loaded.object === entry)) {
    return [finding("InForce", [], "made for a registered workload")];
  }
  const services = [...endpoints.values()].filter(({ contributors }) =>
    contributors.some(
      (one) =>
        "endpoint" in one &&
        one.origin.kind === "WorkloadEntry" &&
        one.origin.name === name &&
        one.origin.namespace === namespace,
    ),
  );
  if (services.length === 0) {
    return [finding("Ignored", [], "no Service and no ServiceEntry of its namespace selects it by its labels")];
  }
  return [finding("InForce", [], `is an endpoint of ${services.map(({ service }) => service.host).join(", ")}`)];
}

export function workloadGroupFindings({ workloads }: Snapshot, { metadata }: WorkloadGroup): readonly Finding[] {
  const count = workloads.filter(
    ({ group, namespace }) => group === metadata.name && namespace === metadata.namespace,
  ).length;
  const text = count === 1 ? "1 workload has" : `${count} workloads have`;
  return [finding("InForce", [], `${text} registered as its members`)];
}
