/** A stock Envoy on our ADS server: both variants of the protocol, through every kind of change, without a refusal. */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { Server as HttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { create } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import type { EncodedResource, ResourceSet, ResourceView } from "@tulle/xds";
import { encodeResource, resourceSet, resourceView, TYPE } from "@tulle/xds";
import { Cluster_DiscoveryType, ClusterSchema } from "@tulle/xds/gen/envoy/config/cluster/v3/cluster_pb.js";
import { AddressSchema } from "@tulle/xds/gen/envoy/config/core/v3/address_pb.js";
import { ApiVersion } from "@tulle/xds/gen/envoy/config/core/v3/config_source_pb.js";
import { ClusterLoadAssignmentSchema } from "@tulle/xds/gen/envoy/config/endpoint/v3/endpoint_pb.js";
import { ListenerSchema } from "@tulle/xds/gen/envoy/config/listener/v3/listener_pb.js";
import { RouteConfigurationSchema } from "@tulle/xds/gen/envoy/config/route/v3/route_pb.js";
import { RouterSchema } from "@tulle/xds/gen/envoy/extensions/filters/http/router/v3/router_pb.js";
import { HttpConnectionManagerSchema } from "@tulle/xds/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import type { ProxySyncStatus, TypeSyncStatus } from "@tulle/xds/server";
import { ADS_SERVER_OPTIONS, AdsServer } from "@tulle/xds/server";
import type { RunningEnvoy } from "../support/envoy.ts";
import { startEnvoy } from "../support/envoy.ts";

const ads = { configSourceSpecifier: { case: "ads", value: {} }, resourceApiVersion: ApiVersion.V3 } as const;
const address = (port: number) =>
  create(AddressSchema, {
    address: {
      case: "socketAddress",
      value: { address: "127.0.0.1", portSpecifier: { case: "portValue", value: port } },
    },
  });

const cluster = (name: string, timeoutSeconds = 1): EncodedResource =>
  encodeResource(
    name,
    ClusterSchema,
    create(ClusterSchema, {
      name,
      connectTimeout: { seconds: BigInt(timeoutSeconds) },
      clusterDiscoveryType: { case: "type", value: Cluster_DiscoveryType.EDS },
      edsClusterConfig: { edsConfig: ads },
    }),
  );

const endpoints = (clusterName: string, port: number): EncodedResource =>
  encodeResource(
    clusterName,
    ClusterLoadAssignmentSchema,
    create(ClusterLoadAssignmentSchema, {
      clusterName,
      endpoints: [{ lbEndpoints: [{ hostIdentifier: { case: "endpoint", value: { address: address(port) } } }] }],
    }),
  );

const route = (clusterName: string): EncodedResource =>
  encodeResource(
    "web",
    RouteConfigurationSchema,
    create(RouteConfigurationSchema, {
      name: "web",
      virtualHosts: [
        {
          name: "all",
          domains: ["*"],
          routes: [
            {
              match: { pathSpecifier: { case: "prefix", value: "/" } },
              action: {
                case: "route",
                value: { clusterSpecifier: { case: "cluster", value: clusterName } },
              },
            },
          ],
        },
      ],
    }),
  );

/** `statPrefix` must not be empty: Envoy refuses a connection manager without. */
const listener = (statPrefix = "web"): EncodedResource =>
  encodeResource(
    "web",
    ListenerSchema,
    create(ListenerSchema, {
      name: "web",
      address: address(0),
      filterChains: [
        {
          filters: [
            {
              name: "envoy.filters.network.http_connection_manager",
              configType: {
                case: "typedConfig",
                value: anyPack(
                  HttpConnectionManagerSchema,
                  create(HttpConnectionManagerSchema, {
                    statPrefix,
                    routeSpecifier: { case: "rds", value: { routeConfigName: "web", configSource: ads } },
                    httpFilters: [
                      {
                        name: "envoy.filters.http.router",
                        configType: { case: "typedConfig", value: anyPack(RouterSchema, create(RouterSchema)) },
                      },
                    ],
                  }),
                ),
              },
            },
          ],
        },
      ],
    }),
  );

interface World {
  readonly clusters: readonly EncodedResource[];
  readonly endpoints: readonly EncodedResource[];
  readonly listeners: readonly EncodedResource[];
  readonly routes: readonly EncodedResource[];
}

function viewOf(world: World, previous: ResourceView | undefined): ResourceView {
  const set = (typeUrl: (typeof TYPE)[keyof typeof TYPE], resources: readonly EncodedResource[]): ResourceSet =>
    resourceSet(typeUrl, resources, previous?.set(typeUrl));
  return resourceView([
    set(TYPE.cluster, world.clusters),
    set(TYPE.endpoints, world.endpoints),
    set(TYPE.listener, world.listeners),
    set(TYPE.route, world.routes),
  ]);
}

/** Our ADS server with one world for all who come; can be stopped and started on the same port. */
class ManagementServer {
  #view: ResourceView;
  #world: World;
  #grpc: Server | undefined = undefined;
  #ads: AdsServer | undefined = undefined;
  readonly #streams = new Set<string>();
  port = 0;

  constructor(world: World) {
    this.#world = world;
    this.#view = viewOf(world, undefined);
  }

  async start(): Promise<void> {
    const grpc = new Server(ADS_SERVER_OPTIONS);
    this.#ads = new AdsServer({
      source: {
        connect: ({ id }) => {
          this.#streams.add(id);
          return this.#view;
        },
        disconnect: (id) => void this.#streams.delete(id),
      },
    });
    this.#ads.register(grpc);
    this.#grpc = grpc;
    const credentials = ServerCredentials.createInsecure();
    this.port = await new Promise<number>((resolve, reject) =>
      grpc.bindAsync(`127.0.0.1:${this.port}`, credentials, (error, port) => (error ? reject(error) : resolve(port))),
    );
  }

  stop(): void {
    this.#ads?.close();
    this.#grpc?.forceShutdown();
    this.#streams.clear();
  }

  push(change: Partial<World>): void {
    this.#world = { ...this.#world, ...change };
    this.#view = viewOf(this.#world, this.#view);
    for (const id of this.#streams) this.#ads?.update(id, this.#view);
  }

  status(): ProxySyncStatus | undefined {
    return this.#ads?.status()[0];
  }

  type(typeUrl: string): TypeSyncStatus | undefined {
    return this.status()?.types.find((type) => type.typeUrl === typeUrl);
  }

  /** Until Envoy has acknowledged everything there is. */
  async synced(): Promise<void> {
    await until("all types in sync", () => {
      const types = this.status()?.types ?? [];
      return types.length === 4 && types.every((type) => type.state === "SYNCED");
    });
  }
}

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!(await holds())) {
    assert.ok(performance.now() < deadline, `not within 30 s: ${what}`);
    await delay(10);
  }
}

async function backend(answer: string): Promise<{ readonly server: HttpServer; readonly port: number }> {
  const server = createServer((_request, response) => response.end(answer));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { server, port: (server.address() as AddressInfo).port };
}

const bootstrap = (xdsPort: number, apiType: "DELTA_GRPC" | "GRPC") => ({
  node: { id: "envoy-1", cluster: "live" },
  dynamic_resources: {
    ads_config: {
      api_type: apiType,
      transport_api_version: "V3",
      grpc_services: [{ envoy_grpc: { cluster_name: "xds" } }],
    },
    cds_config: { resource_api_version: "V3", ads: {} },
    lds_config: { resource_api_version: "V3", ads: {} },
  },
  static_resources: {
    clusters: [
      {
        name: "xds",
        type: "STATIC",
        connect_timeout: "1s",
        typed_extension_protocol_options: {
          "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
            explicit_http_config: { http2_protocol_options: {} },
          },
        },
        load_assignment: {
          cluster_name: "xds",
          endpoints: [
            {
              lb_endpoints: [
                { endpoint: { address: { socket_address: { address: "127.0.0.1", port_value: xdsPort } } } },
              ],
            },
          ],
        },
      },
    ],
  },
});

async function stat(envoy: RunningEnvoy, name: string): Promise<number> {
  const line = (await envoy.admin(`/stats?filter=${encodeURIComponent(`^${name}$`)}`)).trim();
  return Number(line.slice(line.lastIndexOf(":") + 1));
}

for (const apiType of ["DELTA_GRPC", "GRPC"] as const) {
  describe(`a stock Envoy over ${apiType === "GRPC" ? "state of the world" : "delta"} ADS`, async () => {
    const [a, b] = await Promise.all([backend("a"), backend("b")]);
    const server = new ManagementServer({
      clusters: [cluster("one")],
      endpoints: [endpoints("one", a.port)],
      listeners: [listener()],
      routes: [route("one")],
    });
    await server.start();
    const envoy = await startEnvoy({ bootstrap: bootstrap(server.port, apiType) });
    after(async () => {
      await envoy.stop();
      server.stop();
      a.server.close();
      b.server.close();
    });
    await until("the listener is up", async () => (await envoy.listenerPorts()).has("web"));
    const port = (await envoy.listenerPorts()).get("web")!;
    const get = async (): Promise<string> => {
      const response = await fetch(`http://127.0.0.1:${port}/`);
      return response.ok ? await response.text() : String(response.status);
    };

    it("takes the first configuration", async () => {
      await server.synced();
      assert.equal(await get(), "a");
    });

    it("follows a change of endpoints", async () => {
      server.push({ endpoints: [endpoints("one", b.port)] });
      await until("traffic goes to b", async () => (await get()) === "b");
      await server.synced();
    });

    it("warms a changed cluster without waiting for the initial fetch timeout", async () => {
      server.push({ clusters: [cluster("one", 2)] });
      await server.synced();
      await until("no cluster is warming", async () => (await stat(envoy, "cluster_manager.warming_clusters")) === 0);
      const active = await envoy.admin("/config_dump?resource=dynamic_active_clusters");
      assert.match(active, /"connect_timeout": "2s"/);
    });

    it("loses no request while routes move to a new cluster and the old one goes", async () => {
      const answers: string[] = [];
      const moved = new AbortController();
      const send = async (): Promise<void> => {
        while (!moved.signal.aborted) answers.push(await get());
      };
      const traffic = send();
      server.push({ clusters: [cluster("two")], endpoints: [endpoints("two", a.port)], routes: [route("two")] });
      await until("traffic goes to a", () => answers.at(-1) === "a");
      await server.synced();
      moved.abort();
      await traffic;
      assert.deepEqual([...new Set(answers)].sort(), ["a", "b"]);
      assert.equal(server.type(TYPE.cluster)?.nacks, 0);
      const clusters = await envoy.admin("/clusters");
      assert.match(clusters, /^two::/m);
      assert.doesNotMatch(clusters, /^one::/m);
    });

    it("is shown with its words when it refuses something, and takes the repair", async () => {
      server.push({ listeners: [listener("")] });
      await until("the listener is refused", () => server.type(TYPE.listener)?.state === "NACKED");
      assert.match(server.type(TYPE.listener)?.error?.message ?? "", /web.*StatPrefix|StatPrefix/s);
      assert.equal(await get(), "a");
      server.push({ listeners: [listener("web")] });
      await server.synced();
      assert.equal(server.type(TYPE.listener)?.error, undefined);
    });

    it("comes back after the server was gone, and serves meanwhile", async () => {
      server.stop();
      assert.equal(await get(), "a");
      // The changed cluster is to be warmed with endpoints that Envoy says it has already.
      server.push({ clusters: [cluster("two", 3)] });
      assert.equal(await get(), "a");
      await server.start();
      await until("the changed cluster is active", async () =>
        (await envoy.admin("/config_dump?resource=dynamic_active_clusters")).includes('"connect_timeout": "3s"'),
      );
      await server.synced();
      assert.equal(await get(), "a");
      assert.equal(await stat(envoy, "cluster_manager.cds.update_rejected"), 0);
    });
  });
}
