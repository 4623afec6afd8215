/** A stock Envoy's metrics service sends to the control plane what its own `/stats/prometheus` shows. */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { systemClock } from "@tulle/xds";
import { TelemetryCore } from "../../packages/control/src/telemetry/core.ts";
import { GrpcReceivers } from "../../packages/control/src/telemetry/receivers/grpc-receivers.ts";
import type { Telemetry } from "../../packages/control/src/telemetry/telemetry.ts";
import { eventually } from "../../packages/control/test/support/eventually.ts";
import { startEnvoy } from "../support/envoy.ts";
import { freePorts } from "../support/ports.ts";

const log = (): void => undefined;

test("series of a stock Envoy have the names, labels and values of its scrape", async (t) => {
  const core = new TelemetryCore({ path: ":memory:", clock: systemClock, log });
  const telemetry = {
    ingest: (...message: Parameters<Telemetry["ingest"]>) => core.ingest(...message) !== undefined,
  } as Telemetry;
  const grpc = new Server();
  const receivers = new GrpcReceivers({ telemetry, trustDomains: () => ["cluster.local"], clock: systemClock, log });
  receivers.register(grpc, { secure: () => ({ kind: "plaintext" }) });
  const grpcPort = await new Promise<number>((resolve, reject) => {
    const credentials = ServerCredentials.createInsecure();
    grpc.bindAsync("127.0.0.1:0", credentials, (error, port) => (error === null ? resolve(port) : reject(error)));
  });
  t.after(() => grpc.forceShutdown());
  const backend = createServer((_, response) => response.end("ok")).listen(0, "127.0.0.1");
  t.after(() => backend.close());
  const [listenerPort = 0] = await freePorts(1);
  const envoy = await startEnvoy({
    bootstrap: bootstrap(grpcPort, (backend.address() as AddressInfo).port, listenerPort),
  });
  t.after(() => envoy.stop());

  for (let index = 0; index < 20; index++) await (await fetch(`http://127.0.0.1:${listenerPort}/`)).text();
  // What counts requests has stopped; and the sink's own stats are there from the second flush on.
  const matchers = [
    { name: "__name__", op: "=", value: "envoy_cluster_upstream_rq_total" },
    { name: "envoy_cluster_name", op: "=", value: "backend" },
  ] as const;
  await eventually(() => {
    const [requests] = core.series.select(matchers, 0, Infinity);
    assert.equal(requests?.values.at(-1), 20);
    assert.ok(requests.values.length >= 3);
  });

  // A connection that is idle for too long ends when it likes: the next flush tells of it, too.
  await eventually(async () => {
    const shown = samplesOf(await envoy.admin("/stats/prometheus?usedonly"));
    const kept = new Map(
      core.series.select([], 0, Infinity).map(({ labels, values }) => {
        const { instance: _, job: _job, namespace: _namespace, pod: _pod, ...own } = labels;
        return [keyOf(own), values.at(-1)!] as const;
      }),
    );
    const missing = [...shown.keys()].filter((key) => !kept.has(key));
    assert.deepEqual(missing, []);
    const other = [...shown].filter(([key, value]) => STEADY.test(key) && kept.get(key) !== value);
    assert.deepEqual(other, []);
    assert.ok(shown.size > 150, `${shown.size} samples`);
  });
});

/** What the flush itself does not change. */
const STEADY = /^envoy_(?:cluster|http)_(?!.*(?:metrics|cx_active|cx_length|admin)).*(?:backend|ingress)/;

function samplesOf(text: string): Map<string, number> {
  const samples = text.split("\n").flatMap((line) => {
    const match = /^([a-z_A-Z0-9]+)\{(.*)\} (.*)$/.exec(line);
    if (match === null) return [];
    const labels = [...match[2]!.matchAll(/([a-zA-Z_0-9]+)="([^"]*)"/g)].map(([, name, value]) => [name, value]);
    const all = { __name__: match[1], ...(Object.fromEntries(labels) as object) };
    return [[keyOf(all), Number(match[3])] as const];
  });
  return new Map(samples);
}

function keyOf(labels: object): string {
  const { __name__: name, ...others } = labels as Record<string, string>;
  const entries = Object.entries(others).filter(([, value]) => value !== "");
  return `${name} ${entries
    .map((pair) => pair.join("="))
    .sort()
    .join()}`;
}

function bootstrap(grpcPort: number, backendPort: number, listenerPort: number): object {
  const address = (port: number): object => ({ socket_address: { address: "127.0.0.1", port_value: port } });
  const cluster = (name: string, port: number, more: object = {}): object => ({
    name,
    type: "STATIC",
    load_assignment: {
      cluster_name: name,
      endpoints: [{ lb_endpoints: [{ endpoint: { address: address(port) } }] }],
    },
    ...more,
  });
  const http2 = {
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
      "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
      explicit_http_config: { http2_protocol_options: {} },
    },
  };
  return {
    node: { id: "sidecar~10.0.0.1~web-1.default~default.svc.cluster.local", cluster: "web.default" },
    admin: { address: address(0) },
    stats_flush_interval: "1s",
    stats_sinks: [
      {
        name: "envoy.stat_sinks.metrics_service",
        typed_config: {
          "@type": "type.googleapis.com/envoy.config.metrics.v3.MetricsServiceConfig",
          transport_api_version: "V3",
          grpc_service: { envoy_grpc: { cluster_name: "metrics" } },
          emit_tags_as_labels: true,
          histogram_emit_mode: "HISTOGRAM",
        },
      },
    ],
    static_resources: {
      clusters: [
        cluster("metrics", grpcPort, { typed_extension_protocol_options: http2 }),
        cluster("backend", backendPort),
      ],
      listeners: [
        {
          name: "ingress",
          address: address(listenerPort),
          filter_chains: [
            {
              filters: [
                {
                  name: "hcm",
                  typed_config: {
                    "@type":
                      "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
                    stat_prefix: "ingress",
                    route_config: {
                      virtual_hosts: [
                        {
                          name: "all",
                          domains: ["*"],
                          routes: [{ match: { prefix: "/" }, route: { cluster: "backend" } }],
                        },
                      ],
                    },
                    http_filters: [
                      {
                        name: "router",
                        typed_config: { "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" },
                      },
                    ],
                  },
                },
              ],
            },
          ],
        },
      ],
    },
  };
}
