/** Istio's interface of a certificate authority for @grpc/grpc-js, from the generated descriptors. */
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import type { MethodDefinition } from "@grpc/grpc-js";
import type { IstioCertificateRequest, IstioCertificateResponse } from "./gen/security/v1alpha1/ca_pb.js";
import { IstioCertificateRequestSchema, IstioCertificateResponseSchema } from "./gen/security/v1alpha1/ca_pb.js";

export const createCertificate: MethodDefinition<IstioCertificateRequest, IstioCertificateResponse> = {
  path: "/istio.v1.auth.IstioCertificateService/CreateCertificate",
  requestStream: false,
  responseStream: false,
  requestSerialize: (message) => Buffer.from(toBinary(IstioCertificateRequestSchema, message)),
  requestDeserialize: (bytes) => fromBinary(IstioCertificateRequestSchema, bytes),
  responseSerialize: (message) => Buffer.from(toBinary(IstioCertificateResponseSchema, message)),
  responseDeserialize: (bytes) => fromBinary(IstioCertificateResponseSchema, bytes),
};
