import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { fromJson } from "@bufbuild/protobuf";
import { BootstrapSchema } from "@tulle/xds/gen/envoy/config/bootstrap/v3/bootstrap_pb.js";
import { extensionRegistry } from "../../src/plan/schemas.ts";
import { startProxy } from "../../src/proxy.ts";
import { until } from "../support/proxy.ts";

const HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
const METRICS_SERVICE = "envoy.config.metrics.v3.MetricsServiceConfig";

test("a connection that carries a stream is not idle, whatever began first", async (t) => {
  const server = createServer();
  let sessions = 0;
  let bytes = 0;
  server.on("session", (session) => {
    sessions++;
    session.on("error", () => {});
  });
  server.on("stream", (stream) =>
    stream.on("error", () => {}).on("data", (data: Buffer) => void (bytes += data.length)),
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const address = { address: "127.0.0.1", port_value: (server.address() as AddressInfo).port };
  const bootstrap = fromJson(
    BootstrapSchema,
    {
      node: { id: "n", cluster: "c" },
      stats_flush_interval: "0.05s",
      stats_sinks: [
        {
          name: "envoy.stat_sinks.metrics_service",
          typed_config: {
            "@type": `type.googleapis.com/${METRICS_SERVICE}`,
            transport_api_version: "V3",
            grpc_service: { envoy_grpc: { cluster_name: "m" } },
          },
        },
      ],
      static_resources: {
        clusters: [
          {
            name: "m",
            type: "STATIC",
            typed_extension_protocol_options: {
              [HTTP_OPTIONS]: {
                "@type": `type.googleapis.com/${HTTP_OPTIONS}`,
                common_http_protocol_options: { idle_timeout: "0.2s" },
                explicit_http_config: { http2_protocol_options: {} },
              },
            },
            load_assignment: {
              cluster_name: "m",
              endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: address } } }] }],
            },
          },
        ],
      },
    },
    { registry: extensionRegistry },
  );
  const proxy = await startProxy({ bootstrap, logLevel: "error" });
  t.after(() => proxy.close());
  await until(() => bytes > 0);
  const began = performance.now();
  await until(() => performance.now() - began > 1_000);
  assert.equal(sessions, 1);
});
