import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseBootstrap } from "@tulle/proxy";
import { buildBootstrap, nodeId } from "../src/sidecar/bootstrap.ts";
import type { Identity } from "../src/sidecar/bootstrap.ts";
import { identify } from "../src/sidecar/options.ts";

const identity: Identity = {
  type: "sidecar",
  service: "reviews",
  namespace: "default",
  workload: "reviews-v2",
  suffix: "x7k2p",
  serviceAccount: "bookinfo-reviews",
  labels: { app: "reviews", version: "v2" },
  address: "127.0.0.1",
};
const local = (port: number): { host: string; port: number } => ({ host: "127.0.0.1", port });

describe("the bootstrap of a sidecar", () => {
  const bootstrap = buildBootstrap({
    identity,
    ports: {
      inbound: [{ port: 9080, bind: local(41_002), app: local(41_003) }],
      httpProxy: local(41_001),
      outbound: [{ port: 9080, bind: local(41_005) }],
    },
    xds: local(15_010),
    admin: local(41_000),
    reportsHealth: true,
  });

  test("is a bootstrap that a proxy takes", async () => {
    const message = await parseBootstrap(JSON.stringify(bootstrap), "bootstrap.json");
    assert.equal(message.node?.id, "sidecar~127.0.0.1~reviews-v2-x7k2p.default~default.svc.cluster.local");
    assert.equal(message.node?.cluster, "reviews.default");
    assert.equal(message.dynamicResources?.adsConfig?.grpcServices[0]?.targetSpecifier.case, "envoyGrpc");
    assert.deepEqual(
      message.staticResources?.clusters.map(({ name }) => name),
      ["xds-grpc"],
    );
  });

  test("registers the workload by the node's metadata", () => {
    const { metadata } = (bootstrap as unknown as { node: { metadata: Record<string, unknown> } }).node;
    assert.deepEqual(metadata, {
      NAMESPACE: "default",
      SERVICE_ACCOUNT: "bookinfo-reviews",
      WORKLOAD_NAME: "reviews-v2",
      CLUSTER_ID: "Kubernetes",
      LABELS: { app: "reviews", version: "v2" },
      INSTANCE_IPS: "127.0.0.1",
      TULLE: {
        service: "reviews",
        http_proxy: { address: "127.0.0.1", port: 41_001 },
        inbound: [
          {
            port: 9080,
            protocol: "http",
            address: "127.0.0.1",
            bind_port: 41_002,
            app_address: "127.0.0.1",
            app_port: 41_003,
          },
        ],
        outbound: [{ port: 9080, address: "127.0.0.1", bind_port: 41_005 }],
        telemetry: "xds-grpc",
        health: "reported",
        metrics: { address: "127.0.0.1", port: 41_000 },
      },
    });
  });
});

test("beside an agent, both ways lead through its sockets, and the control plane hears where secrets are", async () => {
  const bootstrap = buildBootstrap({
    identity,
    ports: {},
    xds: { xds: "/run/a/XDS", secrets: "/run/a/socket" },
    admin: local(0),
    reportsHealth: false,
  });
  const { node, staticResources } = await parseBootstrap(JSON.stringify(bootstrap), "bootstrap.json");
  assert.equal((node!.metadata!["TULLE"] as { secrets?: string }).secrets, "sds-grpc");
  const sockets = staticResources!.clusters.map(({ name, loadAssignment }) => {
    const { hostIdentifier } = loadAssignment!.endpoints[0]!.lbEndpoints[0]!;
    const address = hostIdentifier.case === "endpoint" ? hostIdentifier.value.address?.address : undefined;
    return [name, address?.case === "pipe" ? address.value.path : undefined];
  });
  assert.deepEqual(sockets, [
    ["xds-grpc", "/run/a/XDS"],
    ["sds-grpc", "/run/a/socket"],
  ]);
});

test("a gateway's bootstrap maps Gateway ports to local ones and waits for no health report", () => {
  const gateway = { ...identity, type: "router" as const };
  const bootstrap = buildBootstrap({
    identity: gateway,
    ports: { gateway: [{ port: 80, bind: { host: "0.0.0.0", port: 8080 } }] },
    xds: { host: "control.example", port: 15_010 },
    admin: local(0),
    reportsHealth: false,
  }) as unknown as { node: { metadata: { TULLE: unknown } }; static_resources: { clusters: { type: string }[] } };
  assert.deepEqual(bootstrap.node.metadata.TULLE, {
    service: "reviews",
    inbound: [],
    outbound: [],
    telemetry: "xds-grpc",
    gateway_ports: { "80": { address: "0.0.0.0", port: 8080 } },
  });
  assert.equal(bootstrap.static_resources.clusters[0]?.type, "STRICT_DNS");
  assert.match(nodeId(gateway), /^router~/);
});

describe("a workload's identity", () => {
  const options = {
    type: "sidecar",
    service: "web",
    version: undefined,
    namespace: "prod",
    serviceAccount: "default",
    address: "127.0.0.1",
    labels: [],
  } as const;

  test("has labels app and version, which --label may override", () => {
    assert.deepEqual(identify(options).labels, { app: "web" });
    assert.deepEqual(identify({ ...options, version: "v1", labels: ["tier=front", "app=site"] }).labels, {
      app: "site",
      version: "v1",
      tier: "front",
    });
    assert.equal(identify({ ...options, version: "v1" }).workload, "web-v1");
    assert.equal(identify(options).workload, "web");
  });

  test("differs between replicas", () => {
    assert.match(identify(options).suffix, /^[0-9a-z]{5}$/);
    assert.notEqual(identify(options).suffix, identify(options).suffix);
  });

  test("needs names that can be part of a host name", () => {
    assert.throws(() => identify({ ...options, service: "Web_1" }), /--service Web_1: not a DNS label/);
    assert.throws(() => identify({ ...options, namespace: "a.b" }), /--namespace a.b: not a DNS label/);
  });
});
