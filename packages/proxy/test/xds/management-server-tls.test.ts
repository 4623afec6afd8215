import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { type JsonObject, fromJson, toJson } from "@bufbuild/protobuf";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { BootstrapSchema } from "@tulle/xds/gen/envoy/config/bootstrap/v3/bootstrap_pb.js";
import { TYPE, resourceSet, resourceView } from "@tulle/xds";
import { ADS_SERVER_OPTIONS, AdsServer } from "@tulle/xds/server";
import { startProxy } from "../../src/index.ts";
import { createLog } from "../../src/log.ts";
import { extensionRegistry } from "../../src/plan/schemas.ts";
import { until } from "../support/proxy.ts";
import { pem, tlsCertificate, trusting, upstreamTls } from "../support/tls.ts";
import { adsBootstrap } from "./support.ts";

/** A management server that wants certificates of `ca`, and shows `server`. */
async function secureServer(t: TestContext): Promise<{ port: number; streams: () => number }> {
  const server = new AdsServer({
    source: {
      connect: () => resourceView([resourceSet(TYPE.cluster, []), resourceSet(TYPE.listener, [])]),
      disconnect: () => {},
    },
    events: {},
  });
  const grpc = new Server(ADS_SERVER_OPTIONS);
  server.register(grpc);
  const own = { cert_chain: Buffer.from(pem("server.pem")), private_key: Buffer.from(pem("server.key")) };
  const credentials = ServerCredentials.createSsl(Buffer.from(pem("ca.pem")), [own], true);
  const port = await new Promise<number>((resolve, reject) =>
    grpc.bindAsync("127.0.0.1:0", credentials, (error, bound) => (error === null ? resolve(bound) : reject(error))),
  );
  t.after(() => {
    server.close();
    grpc.forceShutdown();
  });
  return { port, streams: () => server.status().length };
}

async function connecting(
  t: TestContext,
  port: number,
  transport_socket: JsonObject,
  more: JsonObject = {},
): Promise<void> {
  const json = toJson(BootstrapSchema, adsBootstrap(port, "DELTA_GRPC"), {
    registry: extensionRegistry,
    useProtoFieldName: true,
  }) as { static_resources: { clusters: JsonObject[] } & JsonObject };
  json.static_resources.clusters[0] = { ...json.static_resources.clusters[0], transport_socket };
  Object.assign(json.static_resources, more);
  const proxy = await startProxy({
    bootstrap: fromJson(BootstrapSchema, json, { registry: extensionRegistry }),
    log: createLog({ level: "error", write: () => {}, now: () => new Date(0) }),
  });
  t.after(() => proxy.close());
  await proxy.ready;
}

const SERVER_NAME = { match_typed_subject_alt_names: [{ san_type: "DNS", matcher: { exact: "server.test" } }] };

test("the management server is reached by mutual TLS, the certificate from a secret", async (t) => {
  const { port, streams } = await secureServer(t);
  await connecting(
    t,
    port,
    upstreamTls(
      {
        tls_certificate_sds_secret_configs: [{ name: "mine" }],
        validation_context: trusting("ca", SERVER_NAME),
      },
      { sni: "server.test" },
    ),
    { secrets: [{ name: "mine", tls_certificate: tlsCertificate("client") }] },
  );
  await until(() => streams() === 1);
});

for (const [what, common] of [
  ["is of another authority", { validation_context: trusting("other-ca") }],
  [
    "has another name",
    {
      validation_context: trusting("ca", {
        match_typed_subject_alt_names: [{ san_type: "DNS", matcher: { exact: "wrong.test" } }],
      }),
    },
  ],
] as const) {
  test(`no stream is opened to a management server whose certificate ${what}`, async (t) => {
    const { port, streams } = await secureServer(t);
    // The attempt fails, and the proxy goes on without a configuration.
    await connecting(t, port, upstreamTls({ tls_certificates: [tlsCertificate("client")], ...common }));
    assert.equal(streams(), 0);
  });
}
