/**
 * Where gRPC is served beside the plaintext port: over TLS, to clients with a certificate or without one, and over a socket in the
 * file system. Sockets are accepted here and handed to gRPC, because it would refuse clients without a certificate, or not look at
 * it, and could not be given a new one.
 */
import { createServer as createNetServer } from "node:net";
import type { AddressInfo, Server as NetServer, Socket } from "node:net";
import { constants } from "node:crypto";
import { chmod, rm } from "node:fs/promises";
import { createServer as createTlsServer } from "node:tls";
import type { Server as TlsServer, TLSSocket } from "node:tls";
import { ServerCredentials } from "@grpc/grpc-js";
import type { Server } from "@grpc/grpc-js";
import { readCertificate } from "@tulle/identity";
import type { Log } from "@tulle/xds";
import type { TlsPeer } from "./callers.ts";
import type { ServerIdentity } from "./server-certificate.ts";

/** (istio/istio `pkg/security` and `pilot/pkg/security/authn/utils/utils.go`; TLS 1.3 has its own) */
const CIPHERS = [
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "TLS_AES_256_GCM_SHA384",
  "TLS_AES_128_GCM_SHA256",
  "TLS_CHACHA20_POLY1305_SHA256",
].join(":");
const HANDSHAKE_MS = 10_000;

type Injector = ReturnType<Server["createConnectionInjector"]>;

function inject(grpc: Server): Injector {
  return grpc.createConnectionInjector(ServerCredentials.createInsecure());
}

export class TlsEndpoint {
  readonly #server: TlsServer;
  readonly #sockets = new Set<Socket>();
  readonly #peers = new Map<string, TlsPeer>();

  constructor(grpc: Server, identity: ServerIdentity, log: Log) {
    const injector = inject(grpc);
    this.#server = createTlsServer({
      ...contextOf(identity),
      ALPNProtocols: ["h2"],
      requestCert: true,
      // A workload that joins has none yet; what is wrong with one that is shown its holder is told in words (TlsPeer.error).
      rejectUnauthorized: false,
      handshakeTimeout: HANDSHAKE_MS,
    });
    this.#server.on("connection", (socket: Socket) => this.#keep(socket));
    this.#server.on("tlsClientError", (error, socket) => {
      log("debug", "TLS handshake failed", { peer: socket.remoteAddress, error });
    });
    this.#server.on("secureConnection", (socket: TLSSocket) => {
      const address = `${socket.remoteAddress}:${socket.remotePort}`;
      this.#peers.set(address, peerOf(socket));
      socket.once("close", () => this.#peers.delete(address));
      socket.on("error", (error) => log("debug", "TLS connection broke", { peer: address, error }));
      injector.injectConnection(socket);
    });
  }

  /** Resolves with the port that it really has. */
  listen(host: string, port: number): Promise<number> {
    return listen(this.#server, { host, port }).then(() => (this.#server.address() as AddressInfo).port);
  }

  /** For handshakes from now on. */
  update(identity: ServerIdentity): void {
    this.#server.setSecureContext(contextOf(identity));
  }

  /** Who is at an address, as gRPC names it. */
  peerAt(address: string): TlsPeer | undefined {
    return this.#peers.get(address);
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
  }
}

function contextOf({ certificate, key, roots }: ServerIdentity) {
  return {
    cert: certificate,
    key,
    ca: roots,
    ciphers: CIPHERS,
    minVersion: "TLSv1.2" as const,
    // A resumed session would bring along a certificate that was checked against roots of another day.
    secureOptions: constants.SSL_OP_NO_TICKET,
  };
}

function peerOf(socket: TLSSocket): TlsPeer {
  const { raw } = socket.getPeerCertificate() as { raw?: Buffer };
  if (raw === undefined) return { certificate: undefined, error: undefined };
  const { uris, serial, notAfter } = readCertificate(raw);
  const error = socket.authorized ? undefined : words(socket.authorizationError);
  return { certificate: { uris, serial, notAfter }, error };
}

/** Node.js has an Error for some and OpenSSL's name for others. */
function words(error: Error | string | undefined): string {
  const text = error instanceof Error ? error.message : (error ?? "unknown reason");
  return text.toLowerCase().replaceAll("_", " ");
}

/** For nobody but the user that the control plane runs as. */
export class LocalEndpoint {
  readonly #server: NetServer;
  readonly #sockets = new Set<Socket>();
  #path = "";

  constructor(grpc: Server) {
    const injector = inject(grpc);
    this.#server = createNetServer((socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
      socket.on("error", () => socket.destroy()); // its stream hears of it
      injector.injectConnection(socket);
    });
  }

  /** `path` is in a directory that others cannot enter: between here and chmod nobody else gets in. */
  async listen(path: string): Promise<void> {
    await rm(path, { force: true });
    await listen(this.#server, { path });
    this.#path = path;
    await chmod(path, 0o600);
  }

  async close(): Promise<void> {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    if (this.#path !== "") await rm(this.#path, { force: true });
  }
}

function listen(server: NetServer, options: { path: string } | { host: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(options, () => {
      server.off("error", reject);
      resolve();
    });
  });
}
