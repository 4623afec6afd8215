/**
 * What proxies of a mesh tell each other of their workloads (x-envoy-peer-metadata), in Istio's form: a Struct as binary in base64.
 * (istio/proxy `extensions/common/metadata_object.cc`)
 */
import { fromBinary, fromJson, toBinary, toJson } from "@bufbuild/protobuf";
import { StructSchema } from "@bufbuild/protobuf/wkt";
import type { ListenerPlan } from "./listener-plan.ts";
import { type Workload, UNKNOWN, workloadOfNode } from "@tulle/telemetry";

/** What a connection manager does about the proxies at the other ends. */
export interface PeerMetadataPlan {
  /** Clients of the mesh tell who they are. */
  readonly learns: boolean;
  /** Servers of the mesh are told; null: they are not. */
  readonly tells: { readonly nodeId: string; readonly metadata: string } | null;
}

/** @param direction of the listener; requests that go out are those of a workload, as in Istio, unless it says otherwise */
export function peerMetadata(direction: ListenerPlan["direction"], nodeId: string, local: Workload): PeerMetadataPlan {
  if (direction === "inbound") return { learns: true, tells: null };
  let metadata = encoded.get(local);
  if (metadata === undefined) encoded.set(local, (metadata = encodePeerMetadata(local)));
  return { learns: false, tells: { nodeId, metadata } };
}

/** There is one for all listeners. */
const encoded = new WeakMap<Workload, string>();

export function encodePeerMetadata({
  name,
  namespace,
  cluster,
  canonicalName,
  canonicalRevision,
  app,
  version,
}: Workload): string {
  const struct = fromJson(StructSchema, {
    ...known({ NAMESPACE: namespace, WORKLOAD_NAME: name, CLUSTER_ID: cluster }),
    LABELS: known({
      "service.istio.io/canonical-name": canonicalName,
      "service.istio.io/canonical-revision": canonicalRevision,
      app,
      version,
    }),
  });
  return Buffer.from(toBinary(StructSchema, struct)).toString("base64");
}

/** Null: it is none. */
export function decodePeerMetadata(value: string): Workload | null {
  try {
    const json = toJson(StructSchema, fromBinary(StructSchema, Buffer.from(value, "base64")));
    return typeof json === "object" && json !== null && !Array.isArray(json) ? workloadOfNode(json) : null;
  } catch {
    // Whoever says nothing that can be understood is not known.
    return null;
  }
}

function known(fields: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== UNKNOWN));
}
