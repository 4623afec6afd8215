/** Patches of clusters. (istio/istio `pilot/pkg/networking/core/envoyfilter/cluster_patch.go`) */
import { ClusterSchema } from "@tulle/xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import type { Cluster } from "@tulle/xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import type { Patch, PatchContext } from "../../model/envoy-filter.ts";
import { mergeSocket } from "./listener-patches.ts";
import type { PatchList } from "./patch-list.ts";
import { isAdded, isInContext, mergeValue, merges, valueOf } from "./patch-list.ts";

/** Whether some patch may be for a cluster of that name: most are for none, and need not be read. */
export function concernsCluster(name: string, patches: PatchList): boolean {
  return patches
    .of("CLUSTER")
    .some((patch) => isInContext(patch, contextOf(name, patches.isGateway)) && matchesName(patch, name));
}

/** The cluster, changed; undefined: it is taken away. */
export function patchCluster(cluster: Cluster, patches: PatchList): Cluster | undefined {
  const { name } = cluster;
  for (const patch of patches.of("CLUSTER")) {
    if (!isInContext(patch, contextOf(name, patches.isGateway)) || !matchesName(patch, name)) continue;
    if (!matchesService(patch, cluster)) continue;
    if (patch.operation === "REMOVE") return undefined;
    if (merges(patch) && !mergeTransport(cluster, patch)) mergeValue(ClusterSchema, cluster, patch);
  }
  return cluster;
}

export function addedClusters(patches: PatchList): readonly Cluster[] {
  return patches
    .of("CLUSTER")
    .filter((patch) => isAdded(patch, patches.isGateway))
    .map((patch) => valueOf(ClusterSchema, patch));
}

function contextOf(name: string, isGateway: boolean): PatchContext {
  if (isGateway) return "GATEWAY";
  return name.startsWith("inbound|") || name === "InboundPassthroughCluster" ? "SIDECAR_INBOUND" : "SIDECAR_OUTBOUND";
}

function matchesName({ match: { cluster: wanted } }: Patch, name: string): boolean {
  if (wanted === undefined) return true;
  if ((wanted.name ?? "") !== "") return wanted.name === name;
  const [direction, port = "0", subset = "", host = ""] = name.split("|");
  if ((wanted.subset ?? "") !== "" && wanted.subset !== subset) return false;
  if ((wanted.portNumber ?? 0) !== 0 && wanted.portNumber !== Number(port)) return false;
  const { service = "" } = wanted;
  return service === "" || direction === "inbound" || service === host;
}

/** Of the workload's own ports, the services that they answer for. */
function matchesService({ match: { cluster: wanted } }: Patch, { name, metadata }: Cluster): boolean {
  const service = wanted?.service ?? "";
  if (service === "" || (wanted?.name ?? "") !== "" || !name.startsWith("inbound|")) return true;
  const services = metadata?.filterMetadata["istio"]?.["services"];
  return (
    Array.isArray(services) &&
    services.some(
      (each) => typeof each === "object" && each !== null && !Array.isArray(each) && each["host"] === service,
    )
  );
}

/** True: that is all that is done with the patch, as in Istio. */
function mergeTransport(cluster: Cluster, patch: Patch): boolean {
  const { transportSocket } = valueOf(ClusterSchema, patch);
  if (transportSocket === undefined) return false;
  if (cluster.transportSocketMatches.length > 0) {
    const own = cluster.transportSocketMatches.find((each) => each.transportSocket?.name === transportSocket.name);
    mergeSocket(own?.transportSocket, transportSocket);
    // Both a socket and matches of sockets would be refused.
    return true;
  }
  if (!mergeSocket(cluster.transportSocket, transportSocket)) cluster.transportSocket = transportSocket;
  return true;
}
