import { type Decision, type FilteredConnectionView, GO_ON, type NetworkFilter } from "./network-filter.ts";

/** The name that a client asks for is the cluster's. Envoy `source/extensions/filters/network/sni_cluster/sni_cluster.cc`. */
export class SniCluster implements NetworkFilter {
  onConnection({ stream }: FilteredConnectionView): Decision {
    const { serverName } = stream.connection;
    if (serverName !== "") stream.clusterName = serverName;
    return GO_ON;
  }

  onData(): Decision {
    return GO_ON;
  }

  onClose(): void {
    // Nothing is kept.
  }
}
