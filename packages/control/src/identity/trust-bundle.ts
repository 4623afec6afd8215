/** Tells connected agents which roots to trust, as the secret ROOTCA, and knows who has heard of it. */
import { create } from "@bufbuild/protobuf";
import type { Server } from "@grpc/grpc-js";
import { encodeResource, resourceSet, resourceView, TYPE } from "@tulle/xds";
import type { Clock, Log, ResourceView } from "@tulle/xds";
import { SecretSchema } from "@tulle/xds/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js";
import { AdsServer } from "@tulle/xds/server";
import type { CallOrigin, PeerSecurity } from "@tulle/xds/server";
import type { CertificateAuthority } from "./certificate-authority.ts";

/** (istio/istio `pkg/security/security.go`, RootCertReqResourceName) */
const ROOT_CA = "ROOTCA";

export class TrustBundle {
  readonly #server: AdsServer;
  readonly #streams = new Set<string>();
  #view: ResourceView;

  constructor(authority: CertificateAuthority, clock: Clock, log: Log) {
    this.#view = viewOf(authority);
    this.#server = new AdsServer({
      source: {
        connect: ({ id }) => {
          this.#streams.add(id);
          return this.#view;
        },
        disconnect: (id) => void this.#streams.delete(id),
      },
      clock,
      log,
    });
    authority.onChange(() => {
      this.#view = viewOf(authority);
      for (const id of this.#streams) this.#server.update(id, this.#view);
    });
  }

  register(server: Server, secure: (call: CallOrigin) => PeerSecurity): void {
    this.#server.register(server, { service: "sds", secure });
  }

  /** Connected nodes, and whether each has confirmed the bundle as it is now. */
  confirmed(): ReadonlyMap<string, boolean> {
    const version = this.#view.set(TYPE.secret)!.version;
    return new Map(
      this.#server
        .status()
        .map(({ nodeId, types }) => [nodeId, types.some(({ lastAckedVersion }) => lastAckedVersion === version)]),
    );
  }

  close(): void {
    this.#server.close();
  }
}

function viewOf(authority: CertificateAuthority): ResourceView {
  const secret = create(SecretSchema, {
    name: ROOT_CA,
    type: {
      case: "validationContext",
      value: { trustedCa: { specifier: { case: "inlineBytes", value: Buffer.from(authority.bundle) } } },
    },
  });
  return resourceView([resourceSet(TYPE.secret, [encodeResource(ROOT_CA, SecretSchema, secret)])]);
}
