/** A proxy that has proved who it is may claim to be nobody else. (istio/istio `pilot/pkg/xds/auth.go`, checkConnectionIdentity) */
import { status as Status } from "@grpc/grpc-js";
import { formatSpiffeId, parseSpiffeId } from "@tulle/identity";
import type { Node } from "@tulle/xds/gen/envoy/config/core/v3/base_pb.js";
import { AdsRefusal } from "@tulle/xds/server";
import type { TrustDomains } from "../../identity/callers.ts";
import { inDomain } from "../../identity/callers.ts";
import type { ProxyNode } from "./node.ts";

/** `claimed` is what `node` says; what it leaves open is as proved. Throws AdsRefusal PERMISSION_DENIED if the two differ. */
export function provenNode(node: Node, claimed: ProxyNode, identity: string, trustDomains: TrustDomains): ProxyNode {
  const id = parseSpiffeId(identity);
  if (id === undefined) throw new AdsRefusal(Status.UNAUTHENTICATED, `${identity} is no workload's SPIFFE id`);
  const proven = inDomain(id, trustDomains);
  const says = node.metadata?.["SERVICE_ACCOUNT"];
  const serviceAccount = says === undefined || says === "" ? proven.serviceAccount : claimed.serviceAccount;
  if (claimed.namespace !== proven.namespace || serviceAccount !== proven.serviceAccount) {
    throw new AdsRefusal(
      Status.PERMISSION_DENIED,
      `the node claims to be service account ${serviceAccount} of namespace ${claimed.namespace}, but it has proved to be ` +
        `${proven.serviceAccount} of ${proven.namespace} (${formatSpiffeId(id)})`,
    );
  }
  return { ...claimed, serviceAccount };
}
