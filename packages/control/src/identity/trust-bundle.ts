/** Tells connected agents which roots to trust, as the secret ROOTCA, and knows who has heard of it. */
import type { Server } from "@grpc/grpc-js";
import type { Clock, Log } from "@tulle/xds";
import { SecretServer, rootsSecret } from "@tulle/xds/server";
import type { CallOrigin, PeerSecurity } from "@tulle/xds/server";
import type { CertificateAuthority } from "./certificate-authority.ts";

/** (istio/istio `pkg/security/security.go`, RootCertReqResourceName) */
const ROOT_CA = "ROOTCA";

export class TrustBundle {
  readonly #secrets: SecretServer;

  constructor(authority: CertificateAuthority, clock: Clock, log: Log) {
    const roots = () => [rootsSecret(ROOT_CA, authority.bundle)];
    this.#secrets = new SecretServer(roots(), clock, log);
    authority.onChange(() => this.#secrets.update(roots()));
  }

  register(server: Server, secure: (call: CallOrigin) => PeerSecurity): void {
    this.#secrets.register(server, secure);
  }

  /** Connected nodes, and whether each has confirmed the bundle as it is now. */
  confirmed(): ReadonlyMap<string, boolean> {
    const { version } = this.#secrets;
    return new Map(
      this.#secrets
        .status()
        .map(({ nodeId, types }) => [nodeId, types.some(({ lastAckedVersion }) => lastAckedVersion === version)]),
    );
  }

  close(): void {
    this.#secrets.close();
  }
}
