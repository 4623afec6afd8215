/** Who a proxy says it is. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import type { JsonObject } from "@bufbuild/protobuf";
import { NodeSchema } from "@tulle/xds/gen/envoy/config/core/v3/base_pb.js";
import { MetadataError } from "../../src/source/registration/metadata.ts";
import { readNode } from "../../src/source/registration/node.ts";
import type { ProxyNode } from "../../src/source/registration/node.ts";

const ID = "sidecar~10.1.2.3~reviews-v2-x7k.shop~shop.svc.cluster.local";
function read(id: string, metadata: JsonObject = {}, userAgentName = "envoy"): ProxyNode {
  return readNode(create(NodeSchema, { id, metadata, userAgentName }));
}

test("Istio's id says type, address, workload and namespace; metadata says it better", () => {
  const plain = read(ID);
  assert.deepEqual(
    [plain.type, plain.address, plain.workload, plain.namespace, plain.dataPlane],
    ["sidecar", "10.1.2.3", "reviews-v2-x7k", "shop", "envoy"],
  );
  const named = read(
    ID,
    { NAMESPACE: "other", WORKLOAD_NAME: "reviews-v2", LABELS: { app: "reviews" }, SERVICE_ACCOUNT: "sa" },
    "tulle",
  );
  assert.deepEqual(
    [named.namespace, named.workload, named.labels, named.serviceAccount, named.dataPlane],
    ["other", "reviews-v2", { app: "reviews" }, "sa", "tulle"],
  );
  assert.equal(read(ID.replace("sidecar", "router")).type, "router");
});

test("a node that knows nothing of Istio is a client of namespace default with an HTTP proxy", () => {
  const node = read("my-envoy");
  assert.deepEqual([node.type, node.namespace, node.workload, node.inbound], ["sidecar", "default", "my-envoy", []]);
  assert.deepEqual(node.httpProxy, { address: "127.0.0.1", port: 15001 });
  assert.equal(read("caller", {}, "gRPC Node Pure JS").httpProxy, undefined);
  assert.equal(read("caller", {}, "gRPC Node Pure JS").dataPlane, "grpc");
});

test("ports are taken as they are said", () => {
  const node = read(ID, {
    TULLE: {
      service: "reviews",
      health: "reported",
      http_proxy: { address: "127.0.0.1", port: 15555 },
      inbound: [{ port: 9080, address: "127.0.0.1", bind_port: 41002, app_port: 41003 }],
      outbound: [{ port: 9080, address: "::1", bind_port: 41005 }],
      gateway_ports: { "8080": { address: "0.0.0.0", port: 18080 } },
    },
  });
  assert.equal(node.service, "reviews");
  assert.equal(node.reportsHealth, true);
  assert.deepEqual(node.httpProxy, { address: "127.0.0.1", port: 15555 });
  assert.deepEqual(node.inbound, [
    {
      port: 9080,
      name: undefined,
      protocol: "http",
      address: "127.0.0.1",
      bindPort: 41002,
      appAddress: "127.0.0.1",
      appPort: 41003,
    },
  ]);
  assert.deepEqual(node.outbound, [{ port: 9080, bind: { address: "::1", port: 41005 } }]);
  assert.deepEqual(node.gatewayPorts.get(8080), { address: "0.0.0.0", port: 18080 });
});

const refused: readonly (readonly [string, string, JsonObject, RegExp])[] = [
  ["an empty id", "", {}, /^node\.id is empty, expected/],
  [
    "an unknown type",
    "waypoint~1.2.3.4~a.b~b.svc.cluster.local",
    {},
    /^node\.id begins with "waypoint", expected "sidecar" or "router"/,
  ],
  ["a namespace that is no string", ID, { NAMESPACE: 7 }, /^node\.metadata\.NAMESPACE is 7, expected a string/],
  ["a label that is no string", ID, { LABELS: { app: 7 } }, /^node\.metadata\.LABELS\.app is 7, expected a string/],
  ["TULLE that is no object", ID, { TULLE: "x" }, /^node\.metadata\.TULLE is "x", expected an object/],
  [
    "inbound that is no list",
    ID,
    { TULLE: { inbound: {} } },
    /^node\.metadata\.TULLE\.inbound is \{\}, expected a list/,
  ],
  [
    "a missing port",
    ID,
    { TULLE: { inbound: [{ address: "127.0.0.1" }] } },
    /^node\.metadata\.TULLE\.inbound\[0\]\.bind_port is missing, expected a port number/,
  ],
  [
    "a port out of range",
    ID,
    { TULLE: { http_proxy: { address: "127.0.0.1", port: 70000 } } },
    /http_proxy\.port is 70000, expected a port number from 1 to 65535/,
  ],
  [
    "a name where an address belongs",
    ID,
    { TULLE: { outbound: [{ port: 1, address: "localhost", bind_port: 2 }] } },
    /outbound\[0\]\.address is "localhost", expected an IP address/,
  ],
  [
    "a gateway port that is none",
    ID,
    { TULLE: { gateway_ports: { http: {} } } },
    /gateway_ports has the key "http", expected port numbers/,
  ],
];
for (const [name, id, metadata, message] of refused) {
  test(`${name} is refused, with where and what`, () => {
    assert.throws(
      () => read(id, metadata),
      (error) => error instanceof MetadataError && message.test(error.message),
    );
  });
}

test("one place for two listeners, and one port for two applications, are refused", () => {
  const inbound = { port: 9080, address: "127.0.0.1", bind_port: 1001, app_port: 1 };
  assert.throws(
    () => read(ID, { TULLE: { inbound: [inbound, { ...inbound, bind_port: 1002 }] } }),
    /inbound has port 9080 twice/,
  );
  const outbound = [{ port: 80, address: "127.0.0.1", bind_port: 1001 }];
  assert.throws(() => read(ID, { TULLE: { inbound: [inbound], outbound } }), /binds 127\.0\.0\.1 port 1001 twice/);
});

test("too many ports are refused", () => {
  const inbound = Array.from({ length: 257 }, (_, index) => ({
    port: index + 1,
    address: "127.0.0.1",
    bind_port: 1,
    app_port: 1,
  }));
  assert.throws(() => read(ID, { TULLE: { inbound } }), /inbound has 257 items, expected at most 256/);
});
