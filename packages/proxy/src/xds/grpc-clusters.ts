import { type JsonValue, toJson } from "@bufbuild/protobuf";
import { type Bootstrap, BootstrapSchema } from "@tulle/xds/gen/envoy/config/bootstrap/v3/bootstrap_pb.js";
import { extensionRegistry } from "../plan/schemas.ts";

/** Names of the clusters that something in the bootstrap calls by gRPC: those may speak HTTP/2, as they carry no requests. */
export function grpcClusters(bootstrap: Bootstrap): ReadonlySet<string> {
  const names = new Set<string>();
  collect(toJson(BootstrapSchema, bootstrap, { registry: extensionRegistry }), names);
  return names;
}

function collect(value: JsonValue, names: Set<string>): void {
  if (typeof value !== "object" || value === null) return;
  if (Array.isArray(value)) {
    for (const each of value) collect(each, names);
    return;
  }
  for (const [key, each] of Object.entries(value)) {
    if (key === "envoyGrpc" && typeof each === "object" && each !== null && !Array.isArray(each)) {
      const { clusterName } = each;
      if (typeof clusterName === "string") names.add(clusterName);
    } else collect(each, names);
  }
}
