import assert from "node:assert/strict";
import { type TestContext, describe, it } from "node:test";
import { connect } from "node:tls";
import type { JsonObject } from "@bufbuild/protobuf";
import type { Proxy } from "../../src/index.ts";
import { decodePeerMetadata, encodePeerMetadata } from "../../src/plan/peer-metadata.ts";
import { UNKNOWN_WORKLOAD, workloadOfNode } from "@tulle/telemetry";
import { GET, connectClient, startBackend, until } from "../support/proxy.ts";
import { downstreamTls, identity, pem, tlsCertificate, tlsProxy, trusting, upstreamTls } from "../support/tls.ts";

const METRICS = {
  http_filters: [
    {
      name: "istio.stats",
      typed_config: {
        "@type": "type.googleapis.com/xds.type.v3.TypedStruct",
        type_url: "type.googleapis.com/stats.PluginConfig",
        value: {},
      },
    },
    { name: "r", typed_config: { "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" } },
  ],
};
const INBOUND = { manager: METRICS, listener: { traffic_direction: "INBOUND" } };
const OUTBOUND = { manager: METRICS, listener: { traffic_direction: "OUTBOUND" } };
const CALLER = {
  id: "sidecar~127.0.0.1~web-1.default~default.svc.cluster.local",
  metadata: {
    WORKLOAD_NAME: "web-v2",
    NAMESPACE: "default",
    CLUSTER_ID: "Kubernetes",
    LABELS: { app: "web", version: "v2" },
  },
};
const SERVER = downstreamTls(
  { tls_certificates: [tlsCertificate("server")], validation_context: trusting("ca") },
  { require_client_certificate: true },
);
const MUTUAL = { tls_certificates: [tlsCertificate("client")], validation_context: trusting("ca") };
const CLIENT = upstreamTls({ ...MUTUAL, alpn_protocols: ["istio-http/1.1", "istio", "http/1.1"] });

/** Labels of the one series that a proxy has of its requests. */
async function requestsOf(proxy: Proxy): Promise<Record<string, string>> {
  const text = await (await fetch(`http://${proxy.adminAddress}/stats/prometheus`)).text();
  const lines = text.split("\n").filter((line) => line.startsWith("istio_requests_total{"));
  const all = lines.map((line) => {
    const labels = [...line.matchAll(/([a-z_]+)="([^"]*)"/g)].map(([, name, value]) => [name, value] as const);
    return { ...Object.fromEntries(labels), count: line.slice(line.lastIndexOf(" ") + 1) };
  });
  assert.equal(all.length, 1, text);
  return all[0];
}

function encoded(metadata: JsonObject): string {
  return encodePeerMetadata(workloadOfNode(metadata));
}

describe("peer metadata", () => {
  it("what is written is read back, and anything else is nobody", () => {
    const workload = workloadOfNode(CALLER.metadata);
    assert.deepEqual(decodePeerMetadata(encodePeerMetadata(workload)), workload);
    for (const text of ["//8AAA==", "A".repeat(1001)]) assert.equal(decodePeerMetadata(text), null, text);
    for (const text of ["", "p", "%%%"]) assert.deepEqual(decodePeerMetadata(text), UNKNOWN_WORKLOAD, text);
  });

  it("the server's metrics tell whose requests they are; the application is told nothing", async (t) => {
    const { backend, near, far } = await mesh(t);
    const client = await connectClient(t, far.port);
    for (let i = 1; i <= 3; i++) {
      client.send(GET);
      await until(() => client.statuses.length === i);
    }
    const labels = await requestsOf(near.proxy);
    assert.equal(labels["count"], "3");
    assert.equal(labels["reporter"], "destination");
    assert.equal(labels["source_workload"], "web-v2");
    assert.equal(labels["source_workload_namespace"], "default");
    assert.equal(labels["source_app"], "web");
    assert.equal(labels["source_version"], "v2");
    assert.equal(labels["source_canonical_service"], "web");
    assert.equal(labels["source_canonical_revision"], "v2");
    assert.equal(labels["source_cluster"], "Kubernetes");
    assert.equal(labels["source_principal"], "spiffe://cluster.local/ns/default/sa/client");
    assert.equal(labels["connection_security_policy"], "mutual_tls");
    assert.equal(backend.requests, 3);
    assert.ok(!backend.received.toLowerCase().includes("peer-metadata"));
  });

  it("a new connection is a new introduction", async (t) => {
    const { near, far } = await mesh(t, { max_requests_per_connection: 1 });
    const client = await connectClient(t, far.port);
    for (let i = 1; i <= 3; i++) {
      client.send(GET);
      await until(() => client.statuses.length === i);
    }
    assert.deepEqual(pick(await requestsOf(near.proxy), "count", "source_workload"), ["3", "web-v2"]);
  });

  it("whoever gets only copies of requests hears whose they are", async (t) => {
    const backend = await startBackend(t);
    const inbound = { ...INBOUND, backend: backend.port, downstream: SERVER };
    const [near, copied] = [await tlsProxy(t, inbound), await tlsProxy(t, inbound)];
    const address = { socket_address: { address: "127.0.0.1", port_value: copied.port } };
    const route = { cluster: "b", request_mirror_policies: [{ cluster: "copies" }] };
    const far = await tlsProxy(t, {
      ...OUTBOUND,
      manager: {
        ...METRICS,
        route_config: {
          virtual_hosts: [{ name: "v", domains: ["*"], routes: [{ match: { prefix: "/" }, route }] }],
        },
      },
      node: CALLER,
      backend: near.port,
      upstream: CLIENT,
      moreClusters: [
        {
          name: "copies",
          load_assignment: { cluster_name: "copies", endpoints: [{ lb_endpoints: [{ endpoint: { address } }] }] },
          transport_socket: CLIENT,
        },
      ],
    });
    const client = await connectClient(t, far.port);
    client.send(GET);
    await until(() => client.statuses.length === 1 && backend.requests === 2);
    for (const { proxy } of [near, copied]) {
      assert.deepEqual(pick(await requestsOf(proxy), "count", "source_workload"), ["1", "web-v2"]);
    }
    assert.ok(!backend.received.toLowerCase().includes("peer-metadata"));
  });

  it("an application that says who it is says it to nobody", async (t) => {
    const { near, far } = await mesh(t);
    const client = await connectClient(t, far.port);
    const forged = encoded({ ...CALLER.metadata, WORKLOAD_NAME: "admin" });
    client.send(`GET / HTTP/1.1\r\nHost: h\r\nx-envoy-peer-metadata: ${forged}\r\n\r\n`);
    await until(() => client.statuses.length === 1);
    assert.deepEqual(pick(await requestsOf(near.proxy), "source_workload"), ["web-v2"]);
  });

  it("servers that are none of the mesh's are told nothing", async (t) => {
    const backend = await startBackend(t);
    const far = await tlsProxy(t, { ...OUTBOUND, node: CALLER, backend: backend.port });
    const client = await connectClient(t, far.port);
    client.send(`GET / HTTP/1.1\r\nHost: h\r\nx-envoy-peer-metadata-id: me\r\n\r\n`);
    await until(() => client.statuses.length === 1);
    assert.ok(!backend.received.toLowerCase().includes("peer-metadata"));
  });

  it("nor are those that are called by mutual TLS as others are", async (t) => {
    const { near, far } = await mesh(t, {}, upstreamTls(MUTUAL));
    const client = await connectClient(t, far.port);
    client.send(GET);
    await until(() => client.statuses.length === 1);
    assert.deepEqual(pick(await requestsOf(near.proxy), "source_workload", "source_principal"), [
      "unknown",
      "spiffe://cluster.local/ns/default/sa/client",
    ]);
  });

  it("who has no certificate is not believed, and what it says goes no further", async (t) => {
    const backend = await startBackend(t);
    const near = await tlsProxy(t, { ...INBOUND, backend: backend.port });
    const client = await connectClient(t, near.port);
    client.send(`GET / HTTP/1.1\r\nHost: h\r\nX-Envoy-Peer-Metadata: ${encoded(CALLER.metadata)}\r\n\r\n`);
    await until(() => client.statuses.length === 1);
    const seen = await requestsOf(near.proxy);
    assert.deepEqual(pick(seen, "source_workload", "source_workload_namespace", "source_canonical_revision"), [
      "unknown",
      "unknown",
      "latest",
    ]);
    assert.ok(!backend.received.toLowerCase().includes("peer-metadata"));
  });

  it("who says it is of a namespace that its certificate is not of is not believed", async (t) => {
    const { near, send } = await server(t);
    await send(encoded({ ...CALLER.metadata, NAMESPACE: "kube-system" }));
    const seen = await requestsOf(near.proxy);
    assert.deepEqual(pick(seen, "source_workload", "source_workload_namespace", "source_principal"), [
      "unknown",
      "default",
      "spiffe://cluster.local/ns/default/sa/client",
    ]);
  });

  it("what cannot be read is as good as nothing", async (t) => {
    const { near, send } = await server(t);
    await send("AAAA");
    assert.deepEqual(pick(await requestsOf(near.proxy), "source_workload", "source_workload_namespace"), [
      "unknown",
      "default",
    ]);
  });
});

function pick(labels: Record<string, string>, ...names: readonly string[]): string[] {
  return names.map((name) => labels[name]);
}

/** Two proxies, mTLS between them. */
async function mesh(t: TestContext, cluster: JsonObject = {}, upstream = CLIENT) {
  const backend = await startBackend(t);
  const near = await tlsProxy(t, { ...INBOUND, backend: backend.port, downstream: SERVER });
  const far = await tlsProxy(t, { ...OUTBOUND, node: CALLER, backend: near.port, upstream, cluster });
  return { backend, near, far };
}

/** A server's proxy, and a client with a certificate that says what it likes. */
async function server(t: TestContext) {
  const backend = await startBackend(t);
  const near = await tlsProxy(t, { ...INBOUND, backend: backend.port, downstream: SERVER });
  const send = async (metadata: string): Promise<void> => {
    const socket = connect({
      port: near.port,
      host: "127.0.0.1",
      ca: pem("ca.pem"),
      servername: "server.test",
      ...identity("client"),
    });
    t.after(() => socket.destroy());
    let received = "";
    socket.on("data", (chunk: Buffer) => {
      received += chunk.toString("latin1");
    });
    socket.write(`GET / HTTP/1.1\r\nHost: h\r\nx-envoy-peer-metadata: ${metadata}\r\n\r\n`);
    await until(() => received.includes("200 OK"));
  };
  return { near, send };
}
