/** Where proxies get certificates and keys. (istio/istio `pkg/model/authentication.go`, `pilot/pkg/security/model`) */
import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  ApiConfigSource_ApiType as ApiType,
  ApiVersion,
} from "@tulle/xds/gen/envoy/config/core/v3/config_source_pb.js";
import type { SdsSecretConfigSchema } from "@tulle/xds/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js";
import { milliseconds } from "../durations.ts";

type SdsSecretInit = MessageInitShape<typeof SdsSecretConfigSchema>;

/** The workload's own certificate, and whom it trusts. */
const OWN = "default";
const ROOTS = "ROOTCA";

export const ownCertificate = (cluster: string): SdsSecretInit => fromAgent(OWN, cluster);
export const meshRoots = (cluster: string): SdsSecretInit => fromAgent(ROOTS, cluster);

/** `cluster`: of the proxy, where the agent beside it answers. Without the secret a listener takes no connections, however long it takes. */
function fromAgent(name: string, cluster: string): SdsSecretInit {
  return {
    name,
    sdsConfig: {
      configSourceSpecifier: {
        case: "apiConfigSource",
        value: {
          apiType: ApiType.GRPC,
          setNodeOnFirstMessageOnly: true,
          transportApiVersion: ApiVersion.V3,
          grpcServices: [{ targetSpecifier: { case: "envoyGrpc", value: { clusterName: cluster } } }],
        },
      },
      initialFetchTimeout: milliseconds(0),
      resourceApiVersion: ApiVersion.V3,
    },
  };
}
