/** Proxies with TLS on either side, from whole bootstraps, and the certificates for it. */
import { readFileSync } from "node:fs";
import type { TestContext } from "node:test";
import { fromJson, type JsonObject } from "@bufbuild/protobuf";
import { BootstrapSchema } from "@tulle/xds/gen/envoy/config/bootstrap/v3/bootstrap_pb.js";
import { type Proxy, startProxy } from "../../src/index.ts";
import { createLog } from "../../src/log.ts";
import { extensionRegistry } from "../../src/plan/schemas.ts";

const FOLDER = new URL("../../../../test/support/certificates/", import.meta.url);

/** Of a certificate (test/support/certificates): the file's text. */
export function pem(file: string): string {
  return readFileSync(new URL(file, FOLDER), "utf8");
}

/** A certificate and its key, as node:tls takes them. */
export function identity(name: string): { cert: string; key: string } {
  return { cert: pem(`${name}.pem`), key: pem(`${name}.key`) };
}

/** The same as a `TlsCertificate`. */
export function tlsCertificate(name: string): JsonObject {
  return {
    certificate_chain: { inline_string: pem(`${name}.pem`) },
    private_key: { inline_string: pem(`${name}.key`) },
  };
}

export function trusting(authority: string, more: JsonObject = {}): JsonObject {
  return { trusted_ca: { inline_string: pem(`${authority}.pem`) }, ...more };
}

const TLS = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3";

export function downstreamTls(common: JsonObject, more: JsonObject = {}): JsonObject {
  return { name: "tls", typed_config: { "@type": `${TLS}.DownstreamTlsContext`, common_tls_context: common, ...more } };
}

export function upstreamTls(common: JsonObject, more: JsonObject = {}): JsonObject {
  return { name: "tls", typed_config: { "@type": `${TLS}.UpstreamTlsContext`, common_tls_context: common, ...more } };
}

export interface TlsProxyOptions {
  readonly backend: number;
  readonly downstream?: JsonObject;
  readonly upstream?: JsonObject;
  readonly manager?: JsonObject;
  readonly cluster?: JsonObject;
  readonly listener?: JsonObject;
  readonly node?: JsonObject;
  readonly staticResources?: JsonObject;
  readonly moreClusters?: readonly JsonObject[];
  /** False: do not wait until it is ready; then `port` is 0. */
  readonly waits?: false;
}

/** Sends everything to the backend. */
export async function tlsProxy(t: TestContext, options: TlsProxyOptions): Promise<{ proxy: Proxy; port: number }> {
  const proxy = await startProxy({
    bootstrap: fromJson(BootstrapSchema, tlsBootstrap(options), { registry: extensionRegistry }),
    log: createLog({ level: "error", write: () => {}, now: () => new Date(0) }),
  });
  t.after(() => proxy.close());
  if (options.waits === false) return { proxy, port: 0 };
  await proxy.ready;
  return { proxy, port: proxy.listenerAddresses()[0].port };
}

export function tlsBootstrap({
  backend,
  downstream,
  upstream,
  manager,
  cluster,
  listener,
  node,
  staticResources,
  moreClusters = [],
}: TlsProxyOptions): JsonObject {
  const route = { match: { prefix: "/" }, route: { cluster: "b" } };
  const filter = {
    "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
    stat_prefix: "in",
    route_config: { virtual_hosts: [{ name: "v", domains: ["*"], routes: [route] }] },
    http_filters: [
      { name: "r", typed_config: { "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" } },
    ],
    ...manager,
  };
  const address = (port: number): JsonObject => ({ socket_address: { address: "127.0.0.1", port_value: port } });
  return {
    ...(node === undefined ? {} : { node }),
    admin: { address: address(0) },
    static_resources: {
      listeners: [
        {
          name: "l",
          address: address(0),
          stat_prefix: "l",
          ...listener,
          filter_chains: [
            {
              filters: [{ name: "hcm", typed_config: filter }],
              ...(downstream === undefined ? {} : { transport_socket: downstream }),
            },
          ],
        },
      ],
      clusters: [
        {
          name: "b",
          connect_timeout: "5s",
          load_assignment: {
            cluster_name: "b",
            endpoints: [{ lb_endpoints: [{ endpoint: { address: address(backend) } }] }],
          },
          ...cluster,
          ...(upstream === undefined ? {} : { transport_socket: upstream }),
        },
        ...moreClusters,
      ],
      ...staticResources,
    },
  };
}

/** Counters and gauges as admin shows them. */
export async function statsOf(proxy: Proxy): Promise<ReadonlyMap<string, number>> {
  const text = await (await fetch(`http://${proxy.adminAddress}/stats`)).text();
  return new Map(
    text.split("\n").map((line) => {
      const at = line.lastIndexOf(": ");
      return [line.slice(0, at), Number(line.slice(at + 2))] as const;
    }),
  );
}
