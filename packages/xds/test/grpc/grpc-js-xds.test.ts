/** A gRPC application without a proxy: @grpc/grpc-js-xds resolves `xds:///echo.test` through our server. */
import assert from "node:assert/strict";
import { after, it } from "node:test";
import { create } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { Client, credentials, Server, ServerCredentials } from "@grpc/grpc-js";
import type { sendUnaryData, ServerUnaryCall } from "@grpc/grpc-js";
import { Cluster_DiscoveryType, ClusterSchema } from "../../src/gen/envoy/config/cluster/v3/cluster_pb.js";
import { ApiVersion } from "../../src/gen/envoy/config/core/v3/config_source_pb.js";
import { ClusterLoadAssignmentSchema } from "../../src/gen/envoy/config/endpoint/v3/endpoint_pb.js";
import { ListenerSchema } from "../../src/gen/envoy/config/listener/v3/listener_pb.js";
import { RouteConfigurationSchema } from "../../src/gen/envoy/config/route/v3/route_pb.js";
import { RouterSchema } from "../../src/gen/envoy/extensions/filters/http/router/v3/router_pb.js";
import { HttpConnectionManagerSchema } from "../../src/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import type { EncodedResource, ResourceView } from "../../src/resource.ts";
import { encodeResource, resourceSet, resourceView } from "../../src/resource.ts";
import { TYPE } from "../../src/type-url.ts";
import { AdsHost } from "../support/ads-host.ts";
import { eventually } from "../support/eventually.ts";

const ads = { configSourceSpecifier: { case: "ads", value: {} }, resourceApiVersion: ApiVersion.V3 } as const;

/** gRPC clients ask for a listener by the name they dial: it is in no wildcard answer. */
const listener: EncodedResource = encodeResource(
  "echo.test",
  ListenerSchema,
  create(ListenerSchema, {
    name: "echo.test",
    apiListener: {
      apiListener: anyPack(
        HttpConnectionManagerSchema,
        create(HttpConnectionManagerSchema, {
          statPrefix: "echo",
          routeSpecifier: { case: "rds", value: { routeConfigName: "echo-route", configSource: ads } },
          httpFilters: [
            {
              name: "router",
              configType: { case: "typedConfig", value: anyPack(RouterSchema, create(RouterSchema)) },
            },
          ],
        }),
      ),
    },
  }),
);

const route: EncodedResource = encodeResource(
  "echo-route",
  RouteConfigurationSchema,
  create(RouteConfigurationSchema, {
    name: "echo-route",
    virtualHosts: [
      {
        name: "echo",
        domains: ["echo.test"],
        routes: [
          {
            match: { pathSpecifier: { case: "prefix", value: "" } },
            action: { case: "route", value: { clusterSpecifier: { case: "cluster", value: "echo" } } },
          },
        ],
      },
    ],
  }),
);

const cluster: EncodedResource = encodeResource(
  "echo",
  ClusterSchema,
  create(ClusterSchema, {
    name: "echo",
    clusterDiscoveryType: { case: "type", value: Cluster_DiscoveryType.EDS },
    edsClusterConfig: { edsConfig: ads },
  }),
);

const endpointsAt = (port: number): EncodedResource =>
  encodeResource(
    "echo",
    ClusterLoadAssignmentSchema,
    create(ClusterLoadAssignmentSchema, {
      clusterName: "echo",
      endpoints: [
        {
          locality: { region: "here" },
          loadBalancingWeight: 1,
          lbEndpoints: [
            {
              hostIdentifier: {
                case: "endpoint",
                value: {
                  address: {
                    address: {
                      case: "socketAddress",
                      value: { address: "127.0.0.1", portSpecifier: { case: "portValue", value: port } },
                    },
                  },
                },
              },
            },
          ],
        },
      ],
    }),
  );

const viewOf = (port: number, previous?: ResourceView): ResourceView =>
  resourceView(
    [
      resourceSet(TYPE.listener, [], previous?.set(TYPE.listener)),
      resourceSet(TYPE.route, [route], previous?.set(TYPE.route)),
      resourceSet(TYPE.cluster, [cluster], previous?.set(TYPE.cluster)),
      resourceSet(TYPE.endpoints, [endpointsAt(port)], previous?.set(TYPE.endpoints)),
    ],
    (typeUrl, name) => (typeUrl === TYPE.listener && name === "echo.test" ? listener : undefined),
  );

const text = (value: string): Buffer => Buffer.from(value);
const METHOD = "/test.Echo/Echo";

async function echoServer(name: string): Promise<number> {
  const server = new Server();
  server.addService(
    {
      echo: {
        path: METHOD,
        requestStream: false,
        responseStream: false,
        requestSerialize: text,
        requestDeserialize: String,
        responseSerialize: text,
        responseDeserialize: String,
      },
    },
    {
      echo: (call: ServerUnaryCall<string, string>, reply: sendUnaryData<string>) =>
        reply(null, `${name}:${call.request}`),
    },
  );
  after(() => server.forceShutdown());
  return new Promise((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) =>
      error ? reject(error) : resolve(port),
    ),
  );
}

it("grpc-js-xds reaches the endpoints that our server names, and follows when they change", async () => {
  const [one, two] = await Promise.all([echoServer("one"), echoServer("two")]);
  const first = viewOf(one);
  const host = new AdsHost(first);
  await host.start();
  // Read when the first xds: target is resolved.
  process.env["GRPC_XDS_BOOTSTRAP_CONFIG"] = JSON.stringify({
    xds_servers: [
      {
        server_uri: `127.0.0.1:${host.port}`,
        channel_creds: [{ type: "insecure" }],
        server_features: ["xds_v3"],
      },
    ],
    node: { id: "proxyless", locality: {} },
  });
  const { register } = await import("@grpc/grpc-js-xds");
  register();
  const client = new Client("xds:///echo.test", credentials.createInsecure());
  after(() => {
    client.close();
    host.stop();
  });
  const echo = (message: string): Promise<string> =>
    new Promise((resolve, reject) =>
      client.makeUnaryRequest(METHOD, text, String, message, { deadline: Date.now() + 30_000 }, (error, reply) =>
        error ? reject(error) : resolve(reply ?? ""),
      ),
    );
  assert.equal(await echo("hello"), "one:hello");
  const types = () => host.ads.status()[0]?.types ?? [];
  await eventually(
    "all four types in sync",
    () => types().length === 4 && types().every(({ state }) => state === "SYNCED"),
  );
  for (const { subscribed, nacks } of types()) assert.deepEqual({ subscribed, nacks }, { subscribed: 1, nacks: 0 });

  host.push(viewOf(two, first));
  let answer = "";
  const deadline = performance.now() + 30_000;
  while (!answer.startsWith("two:")) {
    assert.ok(performance.now() < deadline, answer);
    answer = await echo("again");
  }
});
