/** Workloads as the control plane sees them: a bootstrap that knows only the ADS address, and a registration without a proxy. */
import { credentials, loadPackageDefinition } from "@grpc/grpc-js";
import { fromJson, toBinary } from "@bufbuild/protobuf";
import { DiscoveryRequestSchema } from "@tulle/xds/gen/envoy/service/discovery/v3/discovery_pb.js";
import { TYPE } from "@tulle/xds";

/** Who a proxy is and which listeners it asks for; names are Istio's, `TULLE` is ours (packages/control/src/source/registration/node.ts). */
export interface NodeParts {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Metadata under `TULLE`: `http_proxy`, `outbound`, `inbound`, `gateway_ports`. */
  readonly tulle: object;
  readonly namespace?: string;
  /** `router` is a gateway. */
  readonly type?: "sidecar" | "router";
  /** More fields of the node. */
  readonly more?: object;
}

/**
 * A bootstrap for Envoy and Tulle alike: a node and the ADS address, nothing else.
 * @param xds a port in plaintext, or the socket of this machine's user, who gets Secrets as well
 */
export function adsBootstrap(xds: number | string, node: NodeParts): object {
  const address =
    typeof xds === "string" ? { pipe: { path: xds } } : { socket_address: { address: "127.0.0.1", port_value: xds } };
  return {
    node: nodeOf(node),
    dynamic_resources: {
      ads_config: {
        api_type: "DELTA_GRPC",
        transport_api_version: "V3",
        grpc_services: [{ envoy_grpc: { cluster_name: "xds-grpc" } }],
      },
      cds_config: { ads: {}, resource_api_version: "V3" },
      lds_config: { ads: {}, resource_api_version: "V3" },
    },
    static_resources: {
      clusters: [
        {
          name: "xds-grpc",
          type: "STATIC",
          connect_timeout: "1s",
          typed_extension_protocol_options: {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
              "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
              explicit_http_config: { http2_protocol_options: {} },
            },
          },
          load_assignment: {
            cluster_name: "xds-grpc",
            endpoints: [{ lb_endpoints: [{ endpoint: { address } }] }],
          },
        },
      ],
    },
  };
}

function nodeOf({ name, labels, tulle, namespace = "default", type = "sidecar", more }: NodeParts): object {
  return {
    id: `${type}~127.0.0.1~${name}.${namespace}~${namespace}.svc.cluster.local`,
    cluster: `${name}.${namespace}`,
    metadata: {
      NAMESPACE: namespace,
      SERVICE_ACCOUNT: "default",
      WORKLOAD_NAME: name,
      LABELS: labels,
      INSTANCE_IPS: "127.0.0.1",
      CLUSTER_ID: "Kubernetes",
      TULLE: tulle,
    },
    ...more,
  };
}

/** Holds an ADS stream open that registers a workload and asks for nothing else: a sidecar's registration without its proxy. */
export function registerWorkload(
  xdsPort: number,
  workload: Omit<NodeParts, "tulle"> & { readonly port: number; readonly bindPort: number },
): { close(): void } {
  const path = "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources";
  const bytes = {
    requestSerialize: (value: Buffer) => value,
    requestDeserialize: (value: Buffer) => value,
    responseSerialize: (value: Buffer) => value,
    responseDeserialize: (value: Buffer) => value,
  };
  const Ads = loadPackageDefinition({ Ads: { Stream: { path, requestStream: true, responseStream: true, ...bytes } } })[
    "Ads"
  ] as unknown as new (
    address: string,
    creds: ReturnType<typeof credentials.createInsecure>,
  ) => {
    Stream(): {
      write(bytes: Buffer): void;
      cancel(): void;
      on(event: "data" | "error", handler: (value: unknown) => void): void;
    };
    close(): void;
  };
  const client = new Ads(`127.0.0.1:${xdsPort}`, credentials.createInsecure());
  const stream = client.Stream();
  stream.on("data", () => undefined);
  stream.on("error", () => client.close());
  const inbound = [
    {
      port: workload.port,
      protocol: "http",
      address: "127.0.0.1",
      bind_port: workload.bindPort,
      app_address: "127.0.0.1",
      app_port: workload.bindPort,
    },
  ];
  const request = fromJson(DiscoveryRequestSchema, {
    node: nodeOf({ ...workload, tulle: { inbound } }) as never,
    typeUrl: TYPE.secret,
    resourceNames: ["registration-only"],
  });
  stream.write(Buffer.from(toBinary(DiscoveryRequestSchema, request)));
  return {
    close: () => {
      stream.cancel();
      client.close();
    },
  };
}
