import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, describe, test } from "node:test";
import { type JsonObject, fromJson } from "@bufbuild/protobuf";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { type ResourceView, TYPE, encodeResource, resourceSet, resourceView } from "@tulle/xds";
import { SecretSchema } from "@tulle/xds/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js";
import { ADS_SERVER_OPTIONS, AdsServer } from "@tulle/xds/server";
import { connectClient, startBackend, until } from "../support/proxy.ts";
import { downstreamTls, pem, statsOf, tlsCertificate, tlsProxy, trusting, upstreamTls } from "../support/tls.ts";

const GET_ONCE = "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";

function viewOf(secrets: Readonly<Record<string, JsonObject>>): ResourceView {
  return resourceView([
    resourceSet(
      TYPE.secret,
      Object.entries(secrets).map(([name, secret]) =>
        encodeResource(name, SecretSchema, fromJson(SecretSchema, { name, ...secret })),
      ),
    ),
  ]);
}

/** As an agent serves its workload's secrets: on a Unix socket. */
async function agent(
  t: TestContext,
): Promise<{ path: string; push: (secrets: Record<string, JsonObject>) => void; streams: () => number }> {
  const folder = mkdtempSync(join(tmpdir(), "agent-"));
  const path = join(folder, "socket");
  let view = viewOf({});
  const server = new AdsServer({ source: { connect: () => view, disconnect: () => {} }, events: {} });
  const grpc = new Server(ADS_SERVER_OPTIONS);
  server.register(grpc, { service: "sds" });
  await new Promise<void>((resolve, reject) =>
    grpc.bindAsync(`unix:${path}`, ServerCredentials.createInsecure(), (error) =>
      error === null ? resolve() : reject(error),
    ),
  );
  t.after(() => {
    server.close();
    grpc.forceShutdown();
    rmSync(folder, { recursive: true });
  });
  return {
    path,
    push(secrets) {
      view = viewOf(secrets);
      for (const { streamId } of server.status()) server.update(streamId, view);
    },
    streams: () => server.status().length,
  };
}

const sds = (name: string, apiType: string): JsonObject => ({
  name,
  sds_config: {
    api_config_source: {
      api_type: apiType,
      transport_api_version: "V3",
      grpc_services: [{ envoy_grpc: { cluster_name: "sds-grpc" } }],
    },
    initial_fetch_timeout: "0s",
    resource_api_version: "V3",
  },
});

const agentCluster = (path: string): JsonObject => ({
  name: "sds-grpc",
  type: "STATIC",
  connect_timeout: "1s",
  typed_extension_protocol_options: {
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
      "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
      explicit_http_config: { http2_protocol_options: {} },
    },
  },
  load_assignment: {
    cluster_name: "sds-grpc",
    endpoints: [{ lb_endpoints: [{ endpoint: { address: { pipe: { path } } } }] }],
  },
});

describe("secrets from a service of their own, on a Unix socket", () => {
  for (const apiType of ["GRPC", "DELTA_GRPC"]) {
    test(`${apiType}: both sides wait for them, and new versions are those of new connections`, async (t) => {
      const backend = await startBackend(t);
      const { path, push, streams } = await agent(t);
      const common = {
        tls_certificate_sds_secret_configs: [sds("default", apiType)],
        validation_context_sds_secret_config: sds("ROOTCA", apiType),
      };
      const options = { moreClusters: [agentCluster(path)], waits: false } as const;
      const inbound = await tlsProxy(t, {
        backend: backend.port,
        downstream: downstreamTls(common, { require_client_certificate: true }),
        ...options,
      });
      await until(() => streams() === 1);
      assert.equal(inbound.proxy.listenerAddresses().length, 0);
      push({ default: { tls_certificate: tlsCertificate("server") }, ROOTCA: { validation_context: trusting("ca") } });
      await inbound.proxy.ready;
      const [{ port }] = inbound.proxy.listenerAddresses();
      const outbound = await tlsProxy(t, {
        backend: port,
        upstream: upstreamTls(common),
        ...options,
        cluster: { max_requests_per_connection: 1 },
      });
      await outbound.proxy.ready;
      const [{ port: entry }] = outbound.proxy.listenerAddresses();
      const ask = async (): Promise<number> => {
        const client = await connectClient(t, entry);
        client.send(GET_ONCE);
        await until(() => client.ended);
        return client.statuses[0];
      };
      assert.equal(await ask(), 200);
      // Another root that signs other leaves: both are trusted while leaves change.
      const both = { inline_string: pem("ca.pem") + pem("other-ca.pem") };
      push({
        default: { tls_certificate: tlsCertificate("server-untrusted") },
        ROOTCA: { validation_context: { trusted_ca: both } },
      });
      for (let i = 0; i < 20; i++) assert.equal(await ask(), 200);
      const stats = await statsOf(inbound.proxy);
      assert.equal(stats.get("listener.l.ssl.fail_verify_error"), 0);
    });
  }

  test("whoever does not get them in time starts without: connections are closed, requests answered 503", async (t) => {
    const backend = await startBackend(t);
    const { path } = await agent(t);
    const late = sds("default", "GRPC");
    const source = { ...(late["sds_config"] as JsonObject), initial_fetch_timeout: "0.05s" };
    const common = { tls_certificate_sds_secret_configs: [{ name: "default", sds_config: source }] };
    const options = { backend: backend.port, moreClusters: [agentCluster(path)] };
    const inbound = await tlsProxy(t, { ...options, downstream: downstreamTls(common) });
    const client = await connectClient(t, inbound.port);
    client.send(GET_ONCE);
    await until(() => client.ended);
    assert.equal(client.received, "");
    const stats = await statsOf(inbound.proxy);
    assert.equal(stats.get("listener.l.server_ssl_socket_factory.downstream_context_secrets_not_ready"), 1);

    const outbound = await tlsProxy(t, { ...options, upstream: upstreamTls(common) });
    const other = await connectClient(t, outbound.port);
    other.send(GET_ONCE);
    await until(() => other.ended);
    assert.deepEqual(other.statuses, [503]);
  });
});
