import assert from "node:assert/strict";
import { test } from "node:test";
import { backendPorts, onPorts, routerOnly } from "../src/hop/bootstrap.ts";

function address(port: number) {
  return { socket_address: { address: "127.0.0.1", port_value: port } };
}

function cluster(name: string, port: number, more: object = {}) {
  const endpoints = [{ lb_endpoints: [{ endpoint: { address: address(port) } }] }];
  return { name, load_assignment: { cluster_name: name, endpoints }, ...more };
}

const chain = {
  static_resources: {
    listeners: [
      { name: "first", address: address(1000), filter_chains: [{ transport_socket: { name: "tls" } }] },
      { name: "second", address: address(2000) },
    ],
    clusters: [
      cluster("hop", 2000),
      cluster("backend", 3000),
      cluster("h2", 4000, { options: { http2_protocol_options: {} }, transport_socket: {} }),
    ],
  },
};

void test("listeners move to free ports and clusters that name a listener follow it", () => {
  let next = 50_000;
  const { port, scheme, bootstrap } = onPorts(chain, () => next++);
  assert.equal(port, 50_000);
  assert.equal(scheme, "https");
  assert.deepEqual(JSON.parse(JSON.stringify(bootstrap)), {
    static_resources: {
      listeners: [
        { ...chain.static_resources.listeners[0], address: address(50_000) },
        { ...chain.static_resources.listeners[1], address: address(50_001) },
      ],
      clusters: [cluster("hop", 50_001), ...chain.static_resources.clusters.slice(1)],
    },
    admin: { address: address(50_002) },
  });
  assert.equal(
    chain.static_resources.listeners[0]!.address.socket_address.port_value,
    1000,
    "the original is unchanged",
  );
});

void test("backends are the local endpoints that are no listeners of the same file", () => {
  assert.deepEqual(backendPorts(chain), [
    { port: 3000, protocol: "http1", tls: false },
    { port: 4000, protocol: "http2", tls: true },
  ]);
  assert.deepEqual(backendPorts(routerOnly(3100)), [{ port: 3100, protocol: "http1", tls: false }]);
});
