/** What proxies would hold: one that is not connected, or all of them if the mesh were another. */
import type { ResourceView } from "@tulle/xds";
import type { Snapshot } from "../model/snapshot.ts";
import type { ProxyNode } from "../source/registration/node.ts";
import { capabilitiesOf } from "../translate/data-plane.ts";
import { ProxyView } from "./proxy-view.ts";
import { Views } from "./views.ts";

export interface ImaginedProxy {
  readonly node: ProxyNode;
  readonly delta: boolean;
  /** Whether it has shown who it is: others get no Secrets. */
  readonly proven: boolean;
}

/** One after the other shares what they share. */
export function viewerOf(snapshot: Snapshot): (proxy: ImaginedProxy) => ResourceView {
  const views = new Views(snapshot);
  return ({ node, delta, proven }) => {
    const capabilities = capabilitiesOf(node.dataPlane, delta, node.capture !== undefined);
    return views.view(new ProxyView(node, capabilities, views.caches, proven), node, capabilities);
  };
}

/** The sidecar of a workload, as `tulle run` would start it: behind the application's HTTP_PROXY, with nothing that it takes in. */
export function imaginedSidecar({
  namespace,
  workload,
  labels,
}: Pick<ProxyNode, "namespace" | "workload" | "labels">): ProxyNode {
  return {
    id: `sidecar~~${workload}.${namespace}~${namespace}.svc`,
    type: "sidecar",
    dataPlane: "tulle",
    userAgent: "tulle",
    namespace,
    workload,
    serviceAccount: "default",
    clusterId: "Kubernetes",
    cluster: "",
    meshId: "unknown",
    labels,
    address: "",
    capture: undefined,
    locality: "",
    network: "",
    group: undefined,
    service: undefined,
    httpProxy: { address: "127.0.0.1", port: 15001 },
    inbound: [],
    outbound: [],
    metrics: undefined,
    gatewayPorts: new Map(),
    secrets: undefined,
    telemetry: undefined,
    reportsHealth: false,
  };
}
