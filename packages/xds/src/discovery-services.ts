/**
 * The AggregatedDiscoveryService and the SecretDiscoveryService for @grpc/grpc-js, from the generated descriptors. They speak the same
 * messages. Requests decode, responses pass as bytes.
 */
import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import type { MethodDefinition } from "@grpc/grpc-js";
import type {
  DeltaDiscoveryRequest,
  DeltaDiscoveryResponse,
  DiscoveryRequest,
  DiscoveryResponse,
} from "./gen/envoy/service/discovery/v3/discovery_pb.js";
import {
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
  DiscoveryRequestSchema,
  DiscoveryResponseSchema,
} from "./gen/envoy/service/discovery/v3/discovery_pb.js";

/** `path`, serializers; the server writes Buffers that are encoded already, the client reads messages. */
function streaming<Request extends DescMessage, Response extends DescMessage>(
  path: string,
  request: Request,
  response: Response,
): DiscoveryMethod<MessageShape<Request>, MessageShape<Response>> {
  return {
    path,
    requestStream: true,
    responseStream: true,
    requestSerialize: (message) => asBuffer(toBinary(request, message)),
    requestDeserialize: (bytes) => fromBinary(request, bytes),
    responseSerialize: (bytes) => bytes,
    responseDeserialize: (bytes) => bytes,
    decodeResponse: (bytes) => fromBinary(response, bytes),
  };
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

export interface DiscoveryMethod<Request, Response> extends MethodDefinition<Request, Buffer> {
  readonly decodeResponse: (bytes: Uint8Array) => Response;
}

type DeltaMethod = DiscoveryMethod<DeltaDiscoveryRequest, DeltaDiscoveryResponse>;
type SotwMethod = DiscoveryMethod<DiscoveryRequest, DiscoveryResponse>;

/** One service: its incremental method and its state-of-the-world one. */
export interface DiscoveryService {
  readonly delta: DeltaMethod;
  readonly sotw: SotwMethod;
}

function service(name: string, delta: string, sotw: string): DiscoveryService {
  return {
    delta: streaming(`/${name}/${delta}`, DeltaDiscoveryRequestSchema, DeltaDiscoveryResponseSchema),
    sotw: streaming(`/${name}/${sotw}`, DiscoveryRequestSchema, DiscoveryResponseSchema),
  };
}

export type DiscoveryServiceName = "ads" | "sds";

export const DISCOVERY_SERVICES: Readonly<Record<DiscoveryServiceName, DiscoveryService>> = {
  ads: service(
    "envoy.service.discovery.v3.AggregatedDiscoveryService",
    "DeltaAggregatedResources",
    "StreamAggregatedResources",
  ),
  sds: service("envoy.service.secret.v3.SecretDiscoveryService", "DeltaSecrets", "StreamSecrets"),
};
