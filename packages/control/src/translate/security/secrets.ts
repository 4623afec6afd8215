/** Where proxies get certificates and keys. (istio/istio `pkg/model/authentication.go`, `pilot/pkg/security/model`) */
import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  ApiConfigSource_ApiType as ApiType,
  ApiVersion,
} from "@tulle/xds/gen/envoy/config/core/v3/config_source_pb.js";
import type { DataSourceSchema } from "@tulle/xds/gen/envoy/config/core/v3/base_pb.js";
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

/** Secrets of Kubernetes, by the name of the object. (istio/istio `pilot/pkg/model/credentials/resource.go`) */
const KUBERNETES = "kubernetes://";
/** Of a secret: whom to trust. */
const CA_SUFFIX = "-cacert";

export function secretResource(credential: string): string {
  return credential.startsWith(KUBERNETES) ? credential : KUBERNETES + credential;
}

export function caOf(credential: string): string {
  return credential + CA_SUFFIX;
}

/** Comes over the stream that everything else comes by. One that is not there holds nobody up for longer than Envoy's patience. */
export function kubernetesSecret(credential: string): SdsSecretInit {
  return {
    name: secretResource(credential),
    sdsConfig: { configSourceSpecifier: { case: "ads", value: {} }, resourceApiVersion: ApiVersion.V3 },
  };
}

/** At the proxy. */
export function file(filename: string): MessageInitShape<typeof DataSourceSchema> {
  return { specifier: { case: "filename", value: filename } };
}
