/** Asks a certificate authority of Istio's kind for a certificate. */
import { create } from "@bufbuild/protobuf";
import type { JsonObject } from "@bufbuild/protobuf";
import { Client, credentials, Metadata } from "@grpc/grpc-js";
import { createCertificate } from "@tulle/xds/certificate-service";
import { IstioCertificateRequestSchema } from "@tulle/xds/gen/security/v1alpha1/ca_pb.js";

export interface CertificateCall {
  /** gRPC target, of a socket in the file system: `unix:/run/grpc.sock`. */
  readonly target: string;
  readonly csr: string;
  readonly metadata: JsonObject;
  readonly token: string | undefined;
}

const TIMEOUT_MS = 10_000;

/** Resolves with cert_chain. Rejects with what the authority said. */
export function requestCertificate({ target, csr, metadata, token }: CertificateCall): Promise<readonly string[]> {
  // A connection of its own: the one before may have been made without a certificate, or with an older one.
  const client = new Client(target, credentials.createInsecure(), {
    "grpc.use_local_subchannel_pool": 1,
    "grpc.enable_channelz": 0,
    "grpc.enable_retries": 0,
    "grpc.service_config_disable_resolution": 1,
  });
  const { path, requestSerialize, responseDeserialize } = createCertificate;
  const headers = new Metadata();
  if (token !== undefined) headers.set("authorization", `Bearer ${token}`);
  const request = create(IstioCertificateRequestSchema, { csr, metadata });
  const deadline = { deadline: Date.now() + TIMEOUT_MS };
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      headers,
      deadline,
      (error, response) => {
        client.close();
        if (error === null) resolve(response!.certChain);
        else reject(new Error(error.details, { cause: error.code }));
      },
    );
  });
}
