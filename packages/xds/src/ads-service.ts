/** The AggregatedDiscoveryService for @grpc/grpc-js, from the generated descriptors. Requests decode, responses pass as bytes. */
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

const SERVICE = "envoy.service.discovery.v3.AggregatedDiscoveryService";

/** `path`, serializers; the server writes Buffers that are encoded already, the client reads messages. */
function streaming<Request extends DescMessage, Response extends DescMessage>(
  name: string,
  request: Request,
  response: Response,
): AdsMethod<MessageShape<Request>, MessageShape<Response>> {
  return {
    path: `/${SERVICE}/${name}`,
    requestStream: true,
    responseStream: true,
    originalName: name,
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

export interface AdsMethod<Request, Response> extends MethodDefinition<Request, Buffer> {
  readonly decodeResponse: (bytes: Uint8Array) => Response;
}

export const deltaAggregatedResources: AdsMethod<DeltaDiscoveryRequest, DeltaDiscoveryResponse> = streaming(
  "DeltaAggregatedResources",
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
);

export const streamAggregatedResources: AdsMethod<DiscoveryRequest, DiscoveryResponse> = streaming(
  "StreamAggregatedResources",
  DiscoveryRequestSchema,
  DiscoveryResponseSchema,
);
