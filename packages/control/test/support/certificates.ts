/** A workload's side of the certificate service, and hand-made authorities. */
import { create } from "@bufbuild/protobuf";
import type { JsonObject } from "@bufbuild/protobuf";
import { Client, credentials, Metadata } from "@grpc/grpc-js";
import type { ServiceError } from "@grpc/grpc-js";
import { makeCertificateRequest, toPem } from "@tulle/identity";
import { createCertificate } from "@tulle/xds/certificate-service";
import { IstioCertificateRequestSchema } from "@tulle/xds/gen/security/v1alpha1/ca_pb.js";
import { generateKeyPairSync } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { readFileSync } from "node:fs";
import type { TestContext } from "node:test";
import { atEnd } from "./at-end.ts";

export const ID = "spiffe://cluster.local/ns/default/sa/reviews";

export interface Leaf {
  /** PEM: the certificate, what is between, the roots. */
  readonly chain: readonly string[];
  readonly key: KeyObject;
}

export const newKeys = (): { publicKey: KeyObject; privateKey: KeyObject } =>
  generateKeyPairSync("ec", { namedCurve: "P-256" });

export interface Asker {
  /** Rejects with gRPC's error. `csr` and `seconds` instead of good ones. */
  ask(options?: { token?: string; metadata?: JsonObject; csr?: string; seconds?: number }): Promise<Leaf>;
}

/** @param target a gRPC target; with `roots` over TLS, with `leaf` by its certificate. */
export function asker(
  context: TestContext,
  target: string,
  tls?: { readonly roots: string; readonly leaf?: Leaf; readonly name?: string },
): Asker {
  const secured = tls === undefined ? credentials.createInsecure() : secure(tls);
  const client = new Client(target, secured, {
    "grpc.use_local_subchannel_pool": 1,
    ...(tls?.name === undefined ? {} : { "grpc.ssl_target_name_override": tls.name }),
  });
  atEnd(context, () => client.close());
  return {
    ask: ({ token, metadata = {}, csr, seconds = 0 } = {}) => {
      const keys = newKeys();
      const request = create(IstioCertificateRequestSchema, {
        csr: csr ?? toPem("CERTIFICATE REQUEST", makeCertificateRequest(ID, keys.publicKey, keys.privateKey)),
        validityDuration: BigInt(seconds),
        metadata,
      });
      const headers = new Metadata();
      if (token !== undefined) headers.set("authorization", `Bearer ${token}`);
      const { path, requestSerialize, responseDeserialize } = createCertificate;
      return new Promise((resolve, reject) => {
        client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, headers, (error, response) => {
          if (error === null) resolve({ chain: response!.certChain, key: keys.privateKey });
          else reject(error satisfies ServiceError);
        });
      });
    },
  };
}

export function secure({ roots, leaf }: { readonly roots: string; readonly leaf?: Leaf }) {
  const certificate = leaf === undefined ? null : Buffer.from(leaf.chain.slice(0, -1).join(""));
  const key = leaf === undefined ? null : Buffer.from(leaf.key.export({ type: "pkcs8", format: "pem" }).toString());
  return credentials.createSsl(Buffer.from(roots), key, certificate);
}

export const readRoots = (path: string): string => readFileSync(path, "utf8");
