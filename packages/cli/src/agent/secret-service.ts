/** Serves a workload's certificate and the roots to trust as secrets, over a socket, to the proxy beside the agent. (Envoy, "SDS") */
import { Server, ServerCredentials } from "@grpc/grpc-js";
import type { Clock, EncodedResource, Log } from "@tulle/xds";
import { ADS_SERVER_OPTIONS, SecretServer, certificateSecret, rootsSecret } from "@tulle/xds/server";
import { chmod } from "node:fs/promises";
import type { Credentials } from "./workload-certificate.ts";

/** (istio/istio `pkg/security/security.go`: WorkloadKeyCertResourceName, RootCertReqResourceName) */
export const SECRET = { certificate: "default", roots: "ROOTCA" } as const;

export class SecretService {
  readonly #grpc = new Server(ADS_SERVER_OPTIONS);
  readonly #secrets: SecretServer;
  #closed = false;

  constructor(first: Credentials, clock: Clock, log: Log) {
    this.#secrets = new SecretServer(secretsOf(first), clock, (level, message, fields) => {
      // Streams come and go with listeners, and all go when this is closed.
      if (level === "error" || (level === "warn" && !this.#closed)) log(level, message, fields);
    });
    this.#secrets.register(this.#grpc);
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
    this.#secrets.update(secretsOf(credentials));
  }

  close(): void {
    this.#closed = true;
    this.#secrets.close();
    this.#grpc.forceShutdown();
  }
}

function secretsOf({ certificate, key, roots }: Credentials): EncodedResource[] {
  return [certificateSecret(SECRET.certificate, certificate, key), rootsSecret(SECRET.roots, roots)];
}
