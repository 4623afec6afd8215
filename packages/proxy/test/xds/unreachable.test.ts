/** A management server that is not there yet, and bootstraps that could never reach one. */
import assert from "node:assert/strict";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { after, test } from "node:test";
import { fromJson, type JsonValue } from "@bufbuild/protobuf";
import { BootstrapSchema } from "@tulle/xds/gen/envoy/config/bootstrap/v3/bootstrap_pb.js";
import { extensionRegistry } from "../../src/plan/schemas.ts";
import { startProxy } from "../../src/proxy.ts";
import { listenerJson } from "../plan/support.ts";
import {
  ManagementServer,
  adsBootstrap,
  eventually,
  get,
  portOf,
  rdsListener,
  recordingLog,
  startQuietly,
} from "./support.ts";

/** A port on which nobody listens. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}

const DIRECT = {
  virtual_hosts: [
    { name: "v", domains: ["*"], routes: [{ match: { prefix: "/" }, direct_response: { status: 418 } }] },
  ],
};

function staticListener(name: string): JsonValue {
  const json = listenerJson({ route_config: { name: "s", ...DIRECT } }) as Record<string, JsonValue>;
  return { ...json, name, address: { socket_address: { address: "127.0.0.1", port_value: 0 } } };
}

test("static listeners serve without it, and what it has is taken up when it comes", async () => {
  const port = await freePort();
  const bootstrap = adsBootstrap(port, "DELTA_GRPC");
  bootstrap.staticResources?.listeners.push(
    ...(fromJson(
      BootstrapSchema,
      { static_resources: { listeners: [staticListener("s")] } },
      { registry: extensionRegistry },
    ).staticResources?.listeners ?? []),
  );
  const { log, lines } = recordingLog();
  const proxy = await startProxy({ bootstrap, log });
  after(() => proxy.close());
  await proxy.ready;
  assert.equal((await get(portOf(proxy, "s"))).status, 418);
  assert.ok(
    lines.some((line) => line.includes("no stream to the management server")),
    lines.join(""),
  );

  const server = new ManagementServer({ listeners: { l: rdsListener("r") }, routes: { r: DIRECT } });
  server.port = port;
  await server.start();
  after(() => server.stop());
  await eventually("its listener", () => proxy.listenerAddresses().some(({ name }) => name === "l"));
  assert.equal((await get(portOf(proxy, "l"))).status, 418);
});

const BROKEN: readonly [what: string, json: JsonValue, expected: RegExp][] = [
  [
    "a management server's cluster that is not there",
    {
      node: { id: "n", cluster: "c" },
      dynamic_resources: {
        ads_config: {
          api_type: "GRPC",
          transport_api_version: "V3",
          grpc_services: [{ envoy_grpc: { cluster_name: "x" } }],
        },
      },
    },
    /^dynamic_resources\.ads_config\.grpc_services\[0\]: Unknown gRPC client cluster 'x'/,
  ],
  [
    "dynamic resources without a management server",
    { dynamic_resources: { cds_config: { ads: {} } } },
    /^dynamic_resources\.cds_config: needs dynamic_resources\.ads_config$/,
  ],
  [
    "an EDS cluster without a management server",
    { static_resources: { clusters: [{ name: "e", type: "EDS", eds_cluster_config: { eds_config: { ads: {} } } }] } },
    /^static_resources\.clusters\[0\]\.eds_cluster_config: needs dynamic_resources\.ads_config$/,
  ],
  [
    "routes by RDS without a management server",
    { static_resources: { listeners: [rdsListener("r", { name: "l" })] } },
    /^static_resources\.listeners\[0\]: route configuration 'r': needs dynamic_resources\.ads_config$/,
  ],
  [
    "two clusters of one name",
    { static_resources: { clusters: [{ name: "a" }, { name: "a" }] } },
    /^static_resources\.clusters\[1\]: cluster manager: duplicate cluster 'a'$/,
  ],
];

for (const [what, json, expected] of BROKEN) {
  test(`refused at start: ${what}`, async () => {
    const bootstrap = fromJson(BootstrapSchema, json, { registry: extensionRegistry });
    await assert.rejects(startQuietly(bootstrap), (error: Error) => {
      assert.equal(error.name, "ConfigError");
      assert.match(error.message, expected);
      return true;
    });
  });
}

test("refused at start: a node without id, with a management server", async () => {
  const bootstrap = adsBootstrap(1, "GRPC");
  bootstrap.node!.id = "";
  await assert.rejects(startQuietly(bootstrap), /^ConfigError: node: node 'id' and 'cluster' are required/);
});

test("all problems of clusters and listeners are reported at once", async () => {
  const bootstrap = fromJson(
    BootstrapSchema,
    {
      static_resources: {
        clusters: [{ name: "a", lb_policy: "MAGLEV", maglev_lb_config: { table_size: 4 } }],
        listeners: [
          {
            name: "l",
            address: { socket_address: { address: "not-an-address", port_value: 1 } },
            filter_chains: (staticListener("l") as { filter_chains: JsonValue }).filter_chains,
          },
        ],
      },
    },
    { registry: extensionRegistry },
  );
  await assert.rejects(startQuietly(bootstrap), (error: Error) => {
    assert.deepEqual(
      error.message.split("\n").map((line) => line.slice(0, line.indexOf(": "))),
      ["static_resources.clusters[0].maglev_lb_config.table_size", "static_resources.listeners[0].address"],
    );
    return true;
  });
});

test("a static listener whose address is taken fails the start with the system's words", async () => {
  const first = await startQuietly(
    fromJson(
      BootstrapSchema,
      { static_resources: { listeners: [staticListener("s")] } },
      { registry: extensionRegistry },
    ),
  );
  after(() => first.close());
  await first.ready;
  const json = staticListener("t") as Record<string, JsonValue>;
  json["address"] = { socket_address: { address: "127.0.0.1", port_value: portOf(first, "s") } };
  const second = await startQuietly(
    fromJson(BootstrapSchema, { static_resources: { listeners: [json] } }, { registry: extensionRegistry }),
  );
  after(() => second.close());
  await assert.rejects(second.ready, /EADDRINUSE/);
});
