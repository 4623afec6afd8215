/** Serves a workload's certificate and the roots to trust as secrets, over a socket, to the proxy beside the agent. (Envoy, "SDS") */
import { create } from "@bufbuild/protobuf";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { encodeResource, resourceSet, resourceView, TYPE } from "@tulle/xds";
import type { Clock, EncodedResource, Log, ResourceSet, ResourceView } from "@tulle/xds";
import { SecretSchema } from "@tulle/xds/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js";
import { ADS_SERVER_OPTIONS, AdsServer } from "@tulle/xds/server";
import { chmod } from "node:fs/promises";
import type { Credentials } from "./workload-certificate.ts";

/** (istio/istio `pkg/security/security.go`: WorkloadKeyCertResourceName, RootCertReqResourceName) */
export const SECRET = { certificate: "default", roots: "ROOTCA" } as const;

export class SecretService {
  readonly #grpc = new Server(ADS_SERVER_OPTIONS);
  readonly #ads: AdsServer;
  readonly #streams = new Set<string>();
  #set: ResourceSet;
  #closed = false;
  #view: ResourceView;

  constructor(first: Credentials, clock: Clock, log: Log) {
    this.#set = resourceSet(TYPE.secret, secretsOf(first));
    this.#view = resourceView([this.#set]);
    this.#ads = new AdsServer({
      source: {
        connect: ({ id }) => {
          this.#streams.add(id);
          return this.#view;
        },
        disconnect: (id) => void this.#streams.delete(id),
      },
      clock,
      log: (level, message, fields) => {
        // Streams come and go with listeners, and all go when this is closed.
        if (level === "error" || (level === "warn" && !this.#closed)) log(level, message, fields);
      },
    });
    this.#ads.register(this.#grpc, { service: "sds" });
  }

  /** `path` is in a directory that others cannot enter. */
  async listen(path: string): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#grpc.bindAsync(`unix:${path}`, ServerCredentials.createInsecure(), (error) => {
        if (error === null) resolve();
        else reject(error);
      });
    });
    await chmod(path, 0o600);
  }

  /** Everybody gets what is new of it. */
  update(credentials: Credentials): void {
    const set = resourceSet(TYPE.secret, secretsOf(credentials), this.#set);
    if (set === this.#set) return;
    this.#set = set;
    this.#view = resourceView([set]);
    for (const id of this.#streams) this.#ads.update(id, this.#view);
  }

  close(): void {
    this.#closed = true;
    this.#ads.close();
    this.#grpc.forceShutdown();
  }
}

function secretsOf({ certificate, key, roots }: Credentials): EncodedResource[] {
  const inline = (text: string) => ({ specifier: { case: "inlineBytes" as const, value: Buffer.from(text) } });
  const secret = (name: string, type: MessageInitShape<typeof SecretSchema>["type"] & object): EncodedResource =>
    encodeResource(name, SecretSchema, create(SecretSchema, { name, type }));
  return [
    secret(SECRET.certificate, {
      case: "tlsCertificate",
      value: { certificateChain: inline(certificate), privateKey: inline(key) },
    }),
    secret(SECRET.roots, { case: "validationContext", value: { trustedCa: inline(roots) } }),
  ];
}
