/** Connections through a forward proxy, as in production: Envoy and Tulle on either end of the tunnel, by CONNECT and POST, HTTP/1.1 and HTTP/2. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, type Server, connect, createServer } from "node:net";
import { after, before, describe, test } from "node:test";
import { startEnvoy } from "../support/envoy.ts";
import { freePorts } from "../support/ports.ts";
import { startTulle } from "../support/tulle-proxy.ts";
import type { JsonObject } from "./harness/case.ts";
import { chain, tcpProxy } from "./harness/filters.ts";
import { http2Cluster } from "./harness/http2/config.ts";
import { typed } from "./harness/steps.ts";

const PROXIES = { Envoy: (bootstrap: object) => startEnvoy({ bootstrap }), Tulle: startTulle };
type Kind = keyof typeof PROXIES;
const KINDS = Object.keys(PROXIES) as Kind[];
const WAYS = ["HTTP/1.1 CONNECT", "HTTP/2 CONNECT", "HTTP/2 POST"];

/** More than sockets hold. */
const LONG = Buffer.alloc(3_000_000, "0123456789");

const address = (port: number): JsonObject => ({ socket_address: { address: "127.0.0.1", port_value: port } });
const cluster = (name: string, port: number, more: JsonObject = {}): JsonObject => ({
  name,
  connect_timeout: "5s",
  load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: [{ endpoint: { address: address(port) } }] }] },
  ...more,
});
const bootstrap = (listeners: readonly JsonObject[], clusters: readonly JsonObject[]): object => ({
  static_resources: { listeners, clusters },
  admin: { address: address(0) },
});

/** Ends tunnels, whatever they are for, at the server. */
function forwardProxy(port: number, serverPort: number): object {
  const connect_config = { allow_post: true };
  const route = { cluster: "server", upgrade_configs: [{ upgrade_type: "CONNECT", connect_config }] };
  const manager = typed("extensions.filters.network.http_connection_manager.v3.HttpConnectionManager", {
    stat_prefix: "in",
    http2_protocol_options: { allow_connect: true },
    upgrade_configs: [{ upgrade_type: "CONNECT" }],
    route_config: {
      virtual_hosts: [
        {
          name: "v",
          domains: ["server.test:5432"],
          routes: [
            { match: { connect_matcher: {} }, route },
            { match: { prefix: "/" }, route },
          ],
        },
      ],
    },
    http_filters: [{ name: "router", typed_config: typed("extensions.filters.http.router.v3.Router") }],
  });
  const filters = [{ name: "hcm", typed_config: manager }];
  return bootstrap(
    [{ name: "l", address: address(port), filter_chains: [{ filters }] }],
    [cluster("server", serverPort)],
  );
}

/** A port for each way of asking. */
function tunnelling(ports: readonly number[], proxyPort: number): object {
  const listeners = WAYS.map((way, i) => ({
    name: way,
    address: address(ports[i]!),
    filter_chains: [
      chain({}, [
        tcpProxy(way.startsWith("HTTP/2") ? "http2" : "http1", {
          tunneling_config: { hostname: "server.test:5432", use_post: way.endsWith("POST") },
        }),
      ]),
    ],
  }));
  return bootstrap(listeners, [cluster("http1", proxyPort), cluster("http2", proxyPort, http2Cluster())]);
}

/** Sends everything, half-closes where that is carried, and gives what has come back. */
async function echoed(port: number, bytes: Buffer): Promise<Buffer> {
  const socket = connect(port, "127.0.0.1");
  const chunks: Buffer[] = [];
  let length = 0;
  socket.on("data", (chunk: Buffer) => {
    chunks.push(chunk);
    length += chunk.length;
    if (length === bytes.length) socket.end();
  });
  socket.write(bytes);
  await once(socket, "close");
  return Buffer.concat(chunks);
}

let server: Server;
before(async () => {
  server = createServer((socket) => socket.pipe(socket).on("error", () => socket.destroy()));
  await once(server.listen(0, "127.0.0.1"), "listening");
});
after(() => server.close());

for (const client of KINDS) {
  for (const forward of KINDS) {
    describe(`${client} through ${forward}`, () => {
      const stops: (() => Promise<void>)[] = [];
      let ports: readonly number[] = [];
      before(async () => {
        const [proxyPort = 0, ...own] = await freePorts(1 + WAYS.length);
        ports = own;
        const running = await Promise.all([
          PROXIES[forward](forwardProxy(proxyPort, (server.address() as AddressInfo).port)),
          PROXIES[client](tunnelling(own, proxyPort)),
        ]);
        stops.push(...running.map(({ stop }) => stop));
      });
      after(async () => {
        await Promise.all(stops.map((stop) => stop()));
      });
      for (const [i, way] of WAYS.entries()) {
        test(way, async () => {
          assert.equal((await echoed(ports[i]!, Buffer.from("ping"))).toString(), "ping");
          const back = await Promise.all([LONG, LONG].map((bytes) => echoed(ports[i]!, bytes)));
          for (const bytes of back) assert.ok(bytes.equals(LONG), `${bytes.length} bytes came back`);
        });
      }
    });
  }
}
