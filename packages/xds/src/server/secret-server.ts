/** Serves the same secrets to everybody who asks (Envoy's SDS): who is connected gets what is new of them. */
import { create } from "@bufbuild/protobuf";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Server } from "@grpc/grpc-js";
import type { Clock } from "../clock.ts";
import { SecretSchema } from "../gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js";
import type { Log } from "../log.ts";
import { encodeResource, resourceSet, resourceView } from "../resource.ts";
import type { EncodedResource, ResourceSet, ResourceView } from "../resource.ts";
import { TYPE } from "../type-url.ts";
import { AdsServer } from "./ads-server.ts";
import type { CallOrigin } from "./ads-server.ts";
import type { PeerSecurity, ProxySyncStatus } from "./types.ts";

export class SecretServer {
  readonly #ads: AdsServer;
  readonly #streams = new Set<string>();
  #set: ResourceSet;
  #view: ResourceView;

  constructor(secrets: readonly EncodedResource[], clock: Clock, log: Log) {
    this.#set = resourceSet(TYPE.secret, secrets);
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
      log,
    });
  }

  /** Of all secrets together, as streams confirm it. */
  get version(): string {
    return this.#set.version;
  }

  register(server: Server, secure?: (call: CallOrigin) => PeerSecurity): void {
    this.#ads.register(server, { service: "sds", ...(secure === undefined ? {} : { secure }) });
  }

  update(secrets: readonly EncodedResource[]): void {
    const set = resourceSet(TYPE.secret, secrets, this.#set);
    if (set === this.#set) return;
    this.#set = set;
    this.#view = resourceView([set]);
    for (const id of this.#streams) this.#ads.update(id, this.#view);
  }

  status(): ProxySyncStatus[] {
    return this.#ads.status();
  }

  close(): void {
    this.#ads.close();
  }
}

/** A certificate and its key, PEM. */
export function certificateSecret(name: string, certificate: string, key: string): EncodedResource {
  const value = { certificateChain: inline(certificate), privateKey: inline(key) };
  return secret(name, { case: "tlsCertificate", value });
}

/** Whom to trust, PEM. */
export function rootsSecret(name: string, roots: string): EncodedResource {
  return secret(name, { case: "validationContext", value: { trustedCa: inline(roots) } });
}

function secret(name: string, type: MessageInitShape<typeof SecretSchema>["type"] & object): EncodedResource {
  return encodeResource(name, SecretSchema, create(SecretSchema, { name, type }));
}

function inline(text: string): { specifier: { case: "inlineBytes"; value: Buffer } } {
  return { specifier: { case: "inlineBytes", value: Buffer.from(text) } };
}
