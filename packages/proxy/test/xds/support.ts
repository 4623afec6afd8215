/** A management server and applications, in this process, for a proxy to be started against. */
import { type Server as HttpServer, createServer, request as httpRequest } from "node:http";
import type { AddressInfo } from "node:net";
import { type DescMessage, fromJson, type JsonValue } from "@bufbuild/protobuf";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import {
  type EncodedResource,
  type ResourceView,
  TYPE,
  type TypeUrl,
  encodeResource,
  resourceSet,
  resourceView,
} from "@tulle/xds";
import { ADS_SERVER_OPTIONS, type AdsConnection, AdsServer, type NackDetail } from "@tulle/xds/server";
import { type Bootstrap, BootstrapSchema } from "@tulle/xds/gen/envoy/config/bootstrap/v3/bootstrap_pb.js";
import { ClusterSchema } from "@tulle/xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import { ClusterLoadAssignmentSchema } from "@tulle/xds/gen/envoy/config/endpoint/v3/endpoint_pb.js";
import { ListenerSchema } from "@tulle/xds/gen/envoy/config/listener/v3/listener_pb.js";
import { RouteConfigurationSchema } from "@tulle/xds/gen/envoy/config/route/v3/route_pb.js";
import { VirtualHostSchema } from "@tulle/xds/gen/envoy/config/route/v3/route_components_pb.js";
import { type Log, createLog } from "../../src/log.ts";
import { extensionRegistry } from "../../src/plan/schemas.ts";
import { type Proxy, startProxy } from "../../src/proxy.ts";
import { listenerJson } from "../plan/support.ts";

type Json = { readonly [field: string]: JsonValue };

/** Everything that the server has, as JSON by name. Virtual hosts are called `<route configuration>/<name>`. */
export interface World {
  readonly clusters?: Readonly<Record<string, Json>>;
  readonly endpoints?: Readonly<Record<string, readonly number[]>>;
  readonly listeners?: Readonly<Record<string, JsonValue>>;
  readonly routes?: Readonly<Record<string, Json>>;
  readonly virtualHosts?: Readonly<Record<string, Json>>;
}

const SCHEMAS: Readonly<Record<keyof World, readonly [TypeUrl, DescMessage, nameField: string]>> = {
  clusters: [TYPE.cluster, ClusterSchema, "name"],
  endpoints: [TYPE.endpoints, ClusterLoadAssignmentSchema, "cluster_name"],
  listeners: [TYPE.listener, ListenerSchema, "name"],
  routes: [TYPE.route, RouteConfigurationSchema, "name"],
  virtualHosts: [TYPE.virtualHost, VirtualHostSchema, "name"],
};

export function worldView(world: World): ResourceView {
  return resourceView(
    (Object.keys(SCHEMAS) as (keyof World)[]).map((kind) => {
      const [typeUrl, schema, nameField] = SCHEMAS[kind];
      const resources: EncodedResource[] = Object.entries(world[kind] ?? {}).map(([name, value]) => {
        const body: Json = kind === "endpoints" ? assignment(value as readonly number[]) : (value as Json);
        const own = kind === "virtualHosts" ? name.slice(name.lastIndexOf("/") + 1) : name;
        const message = fromJson(schema, { [nameField]: own, ...body }, { registry: extensionRegistry });
        return encodeResource(name, schema, message);
      });
      return resourceSet(typeUrl, resources);
    }),
  );
}

function assignment(ports: readonly number[]): Json {
  const endpoint = (port: number): JsonValue => ({
    endpoint: { address: { socket_address: { address: "127.0.0.1", port_value: port } } },
  });
  return { endpoints: [{ lb_endpoints: ports.map(endpoint) }] };
}

/** An EDS cluster over ADS. */
export const edsCluster = (more: Json = {}): Json => ({
  type: "EDS",
  eds_cluster_config: { eds_config: { ads: {} } },
  ...more,
});

/** A listener on any port, with routes by RDS. */
export function rdsListener(routeConfig: string, more: Json = {}): JsonValue {
  const json = listenerJson({ rds: { route_config_name: routeConfig, config_source: { ads: {} } } }) as Record<
    string,
    JsonValue
  >;
  json["address"] = { socket_address: { address: "127.0.0.1", port_value: 0 } };
  delete json["name"];
  return { ...json, ...more };
}

/** A virtual host for everything, to one cluster. */
export const toCluster = (cluster: string, domain = "*"): Json => ({
  domains: [domain],
  routes: [{ match: { prefix: "/" }, route: { cluster } }],
});

export class ManagementServer {
  readonly connections: AdsConnection[] = [];
  readonly nacks: { typeUrl: string; error: NackDetail }[] = [];
  private view: ResourceView;
  private grpc = new Server(ADS_SERVER_OPTIONS);
  private ads: AdsServer;
  port = 0;

  constructor(world: World) {
    this.view = worldView(world);
    this.ads = this.make();
  }

  async start(): Promise<void> {
    this.ads.register(this.grpc);
    this.port = await new Promise<number>((resolve, reject) =>
      this.grpc.bindAsync(`127.0.0.1:${this.port}`, ServerCredentials.createInsecure(), (error, port) =>
        error === null ? resolve(port) : reject(error),
      ),
    );
  }

  /** As `kill -9` would. */
  stop(): void {
    this.ads.close();
    this.grpc.forceShutdown();
  }

  async restart(): Promise<void> {
    this.grpc = new Server(ADS_SERVER_OPTIONS);
    this.ads = this.make();
    await this.start();
  }

  push(world: World): void {
    this.view = worldView(world);
    for (const { streamId } of this.ads.status()) this.ads.update(streamId, this.view);
  }

  status(): ReturnType<AdsServer["status"]> {
    return this.ads.status();
  }

  /** Every type that was asked for has been answered and acknowledged. */
  synced(): boolean {
    const [stream] = this.ads.status();
    return stream !== undefined && stream.types.length > 0 && stream.types.every((type) => type.state === "SYNCED");
  }

  private make(): AdsServer {
    return new AdsServer({
      source: {
        connect: (connection) => {
          this.connections.push(connection);
          return this.view;
        },
        disconnect: () => {},
      },
      events: { onNack: ({ typeUrl, error }) => this.nacks.push({ typeUrl, error }) },
    });
  }
}

/** A bootstrap with nothing but the management server, and an admin endpoint. */
export function adsBootstrap(port: number, apiType: "GRPC" | "DELTA_GRPC", more: Json = {}): Bootstrap {
  return fromJson(
    BootstrapSchema,
    {
      node: {
        id: "sidecar~10.0.0.1~a-1.default~default.svc.cluster.local",
        cluster: "a.default",
        metadata: { NAMESPACE: "default" },
      },
      admin: { address: { socket_address: { address: "127.0.0.1", port_value: 0 } } },
      dynamic_resources: {
        ads_config: {
          api_type: apiType,
          transport_api_version: "V3",
          grpc_services: [{ envoy_grpc: { cluster_name: "ads" } }],
        },
        cds_config: { ads: {}, resource_api_version: "V3" },
        lds_config: { ads: {}, resource_api_version: "V3" },
      },
      static_resources: {
        clusters: [
          {
            name: "ads",
            type: "STATIC",
            http2_protocol_options: {},
            load_assignment: {
              cluster_name: "ads",
              endpoints: [
                {
                  lb_endpoints: [
                    { endpoint: { address: { socket_address: { address: "127.0.0.1", port_value: port } } } },
                  ],
                },
              ],
            },
          },
        ],
      },
      ...more,
    },
    { registry: extensionRegistry },
  );
}

/** Answers every request with its name. */
export async function application(name: string): Promise<{ port: number; server: HttpServer }> {
  const server = createServer((_, response) => response.end(name));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { port: (server.address() as AddressInfo).port, server };
}

export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

export async function get(port: number, path = "/", host = "a.example", method = "GET"): Promise<Answer> {
  return await new Promise((resolve, reject) => {
    const request = httpRequest(
      { port, host: "127.0.0.1", path, method, headers: { host }, agent: false },
      (response) => {
        let body = "";
        response.setEncoding("latin1");
        response.on("data", (chunk: string) => (body += chunk));
        response.on("end", () => resolve({ status: response.statusCode ?? 0, body, headers: response.headers }));
      },
    );
    request.on("error", reject);
    request.end();
  });
}

/** Asks a proxy's admin endpoint. */
export async function admin(proxy: Proxy, path: string, method = "GET"): Promise<Answer> {
  const address = proxy.adminAddress;
  if (address === null) throw new TypeError("this proxy has no admin endpoint");
  return await get(Number(address.slice(address.lastIndexOf(":") + 1)), path, address, method);
}

export function portOf(proxy: Proxy, listener: string): number {
  const found = proxy.listenerAddresses().find(({ name }) => name === listener);
  if (found === undefined)
    throw new RangeError(`no listener ${listener}: ${JSON.stringify(proxy.listenerAddresses())}`);
  return found.port;
}

/** Tries again every few milliseconds, for at most 30 s. */
export async function eventually<T>(what: string, probe: () => T | Promise<T>): Promise<T> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const value = await probe();
    if (value !== false && value !== undefined && value !== null) return value;
    if (Date.now() > deadline) throw new Error(`not within 30 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** What a proxy logs, line by line. */
export function recordingLog(): { log: Log; lines: string[] } {
  const lines: string[] = [];
  return { log: createLog({ level: "debug", write: (line) => lines.push(line), now: () => new Date(0) }), lines };
}

export async function startQuietly(bootstrap: Bootstrap): Promise<Proxy> {
  return await startProxy({ bootstrap, log: recordingLog().log });
}
