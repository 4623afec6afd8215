/** Two sidecars of one kind in a row: plain HTTP in, mutual TLS between them, plain HTTP to the backend. */
import type { Child, Children } from "../children.ts";
import { fullFeatured } from "../hop/full-featured.ts";
import { type Peer, type PeerName, envoyCommand, nginxProxy, writeBootstrap } from "../hop/peers.ts";
import { nginxCommand } from "../hop/backend.ts";
import { findTools } from "../tools.ts";
import type { Identity } from "./certificates.ts";
import { downstreamTls, nginxBackendTls, nginxServerTls, upstreamTls } from "./transport-sockets.ts";

export interface Chain {
  peer: Peer;
  /** The one that accepts TLS. */
  server: Child;
  serverPort: number;
}

interface ChainSettings {
  core: number;
  identities: { client: Identity; server: Identity };
  plainBackend: number;
  /** Between the two (nginx has HTTP/1.1 in any case). */
  http2: boolean;
  /** The command to which `-c BOOTSTRAP` is appended. */
  tulle: readonly string[];
  freePort: () => number;
}

export function startChain(name: PeerName, children: Children, settings: ChainSettings): Chain {
  const { core } = settings;
  const { client, server } = name === "nginx" ? nginxPair(children, settings) : sidecarPair(name, children, settings);
  const serverChild = children.start(`${name}, accepting TLS`, core, server.command);
  const clientChild = children.start(`${name}, opening TLS`, core, client.command);
  const origin = `http://127.0.0.1:${client.port}`;
  return { peer: { name, origin, children: [clientChild, serverChild] }, server: serverChild, serverPort: server.port };
}

interface Program {
  port: number;
  command: string[];
}

/** The same two bootstraps for Envoy and for Tulle, each with everything switched on. */
function sidecarPair(
  name: PeerName,
  { folder }: Children,
  { identities, plainBackend, http2, tulle, freePort }: ChainSettings,
): { client: Program; server: Program } {
  const alpn = http2 ? ["h2", "http/1.1"] : ["http/1.1"];
  const program = (side: string, bootstrap: object): Program => {
    const { file, port } = writeBootstrap(`${name}-${side}`, folder, { bootstrap, freePort });
    return { port, command: name === "envoy" ? envoyCommand(file) : [...tulle, "-c", file] };
  };
  const downstream = downstreamTls(identities.server, identities.client, alpn);
  const server = program("server", fullFeatured(plainBackend, freePort(), { downstream }));
  const upstream = upstreamTls(identities.client, identities.server, alpn.slice(0, 1));
  const client = program("client", fullFeatured(server.port, freePort(), { upstream, http2 }));
  return { client, server };
}

function nginxPair(
  { folder }: Children,
  { identities, plainBackend, freePort }: ChainSettings,
): { client: Program; server: Program } {
  const { nginx } = findTools(["nginx"]);
  const program = (side: string, backendPort: number, tls: Parameters<typeof nginxProxy>[2]): Program => {
    const port = freePort();
    return { port, command: nginxCommand(folder, nginx, `nginx-${side}`, nginxProxy(port, backendPort, tls)) };
  };
  const server = program("server", plainBackend, { server: nginxServerTls(identities.server) });
  const client = program("client", server.port, { backend: nginxBackendTls(identities.client) });
  return { client, server };
}
