/** The admin endpoint of a running proxy: methods, status codes and texts as Envoy's. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { fromJson, type JsonValue } from "@bufbuild/protobuf";
import { BootstrapSchema } from "@tulle/xds/gen/envoy/config/bootstrap/v3/bootstrap_pb.js";
import { extensionRegistry } from "../../src/plan/schemas.ts";
import type { Proxy } from "../../src/proxy.ts";
import { listenerJson } from "../plan/support.ts";
import { admin, application, eventually, get, portOf, startQuietly } from "../xds/support.ts";

function bootstrapJson(upstream: number): JsonValue {
  return {
    node: { id: "n", cluster: "c" },
    admin: { address: { socket_address: { address: "127.0.0.1", port_value: 0 } } },
    static_resources: {
      listeners: [
        {
          ...(listenerJson({
            route_config: {
              name: "r",
              virtual_hosts: [
                { name: "v", domains: ["*"], routes: [{ match: { prefix: "/" }, route: { cluster: "b" } }] },
              ],
            },
          }) as { [field: string]: JsonValue }),
          address: { socket_address: { address: "127.0.0.1", port_value: 0 } },
        },
      ],
      clusters: [
        {
          name: "b",
          type: "STATIC",
          load_assignment: {
            cluster_name: "b",
            endpoints: [
              {
                lb_endpoints: [
                  { endpoint: { address: { socket_address: { address: "127.0.0.1", port_value: upstream } } } },
                ],
              },
            ],
          },
        },
      ],
    },
  };
}

async function start(): Promise<{ proxy: Proxy; upstream: number; stop: () => Promise<void> }> {
  const { port, server } = await application("hello");
  const proxy = await startQuietly(fromJson(BootstrapSchema, bootstrapJson(port), { registry: extensionRegistry }));
  await proxy.ready;
  const stop = async (): Promise<void> => {
    await proxy.close();
    server.close();
    server.closeAllConnections();
  };
  return { proxy, upstream: port, stop };
}

describe("looking", () => {
  let proxy: Proxy;
  let upstream: number;
  let stop: () => Promise<void>;
  after(() => stop());
  before(async () => {
    ({ proxy, upstream, stop } = await start());
    for (let i = 0; i < 3; i++) assert.equal((await get(portOf(proxy, "l"))).body, "hello");
  });

  it("/ready: LIVE, with Envoy's headers", async () => {
    const { status, body, headers } = await admin(proxy, "/ready");
    assert.deepEqual([status, body], [200, "LIVE\n"]);
    assert.equal(headers["content-type"], "text/plain; charset=UTF-8");
    assert.equal(headers["cache-control"], "no-cache, max-age=0");
    assert.equal(headers["x-content-type-options"], "nosniff");
    assert.equal(headers["server"], "envoy");
  });

  it("/clusters: text lines of the cluster and of each host", async () => {
    const { body } = await admin(proxy, "/clusters");
    const host = `b::127.0.0.1:${upstream}`;
    for (const line of [
      "b::observability_name::b",
      "b::default_priority::max_connections::1024",
      "b::default_priority::max_retries::3",
      "b::added_via_api::false",
      `${host}::rq_total::3`,
      `${host}::rq_success::3`,
      `${host}::rq_error::0`,
      `${host}::health_flags::healthy`,
      `${host}::weight::1`,
      `${host}::priority::0`,
    ]) {
      assert.ok(body.split("\n").includes(line), `${line} is not in\n${body}`);
    }
  });

  it("/clusters?format=json: statuses of clusters and hosts; ?filter= takes a regex", async () => {
    const { body, headers } = await admin(proxy, "/clusters?format=json");
    assert.equal(headers["content-type"], "application/json");
    const [cluster] = (
      JSON.parse(body) as {
        cluster_statuses: {
          name: string;
          host_statuses: { address: unknown; stats: { name: string; value?: string }[] }[];
        }[];
      }
    ).cluster_statuses;
    assert.equal(cluster.name, "b");
    assert.deepEqual(cluster.host_statuses[0].address, {
      socket_address: { address: "127.0.0.1", port_value: upstream },
    });
    assert.deepEqual(
      cluster.host_statuses[0].stats.find(({ name }) => name === "rq_total"),
      { value: "3", name: "rq_total" },
    );
    assert.equal((await admin(proxy, "/clusters?filter=^x")).body, "");
    assert.equal((await admin(proxy, "/clusters?filter=(")).status, 400);
  });

  it("/listeners: name and address, as text and JSON", async () => {
    const port = portOf(proxy, "l");
    assert.equal((await admin(proxy, "/listeners")).body, `l::127.0.0.1:${port}\n`);
    assert.deepEqual(JSON.parse((await admin(proxy, "/listeners?format=json")).body), {
      listener_statuses: [{ name: "l", local_address: { socket_address: { address: "127.0.0.1", port_value: port } } }],
    });
  });

  it("/stats: filter, used only, types; formats", async () => {
    assert.equal(
      (await admin(proxy, "/stats?filter=^cluster\\.b\\.upstream_rq_2xx$")).body,
      "cluster.b.upstream_rq_2xx: 3\n",
    );
    assert.ok(!(await admin(proxy, "/stats?usedonly")).body.includes(": 0\n"));
    assert.match((await admin(proxy, "/stats?type=Gauges")).body, /^server\.live: 1$/m);
    assert.doesNotMatch((await admin(proxy, "/stats?type=Gauges")).body, /upstream_rq_2xx/);
    const json = JSON.parse((await admin(proxy, "/stats?format=json&filter=upstream_rq_2xx$")).body) as {
      stats: unknown[];
    };
    assert.ok(json.stats.some((row) => JSON.stringify(row) === '{"name":"cluster.b.upstream_rq_2xx","value":3}'));
    assert.equal((await admin(proxy, "/stats?filter=(")).body.startsWith("Invalid re2 regex: "), true);
    assert.deepEqual([(await admin(proxy, "/stats?format=foo")).status], [400]);
    assert.match(
      (await admin(proxy, "/stats?filter=rq_time&histogram_buckets=cumulative")).body,
      /: B0\.5\(0,\d+\) B1\(/,
    );
    assert.match((await admin(proxy, "/stats?histogram_buckets=x")).body, /^usage: \/stats\?histogram_buckets=/);
  });

  it("/stats/prometheus and /stats?format=prometheus are the same", async () => {
    const filter = "filter=cluster.b.upstream_rq";
    const { body } = await admin(proxy, `/stats/prometheus?${filter}`);
    assert.match(body, /^envoy_cluster_upstream_rq_xx\{envoy_response_code_class="2",envoy_cluster_name="b"\} 3$/m);
    assert.equal((await admin(proxy, `/stats?format=prometheus&${filter}`)).body, body);
  });

  it("/config_dump: bootstrap, clusters, listeners, routes and secrets with Envoy's types and field names", async () => {
    const { configs } = JSON.parse((await admin(proxy, "/config_dump")).body) as { configs: Record<string, never>[] };
    assert.deepEqual(
      configs.map((config) => config["@type"]),
      ["Bootstrap", "Clusters", "Listeners", "Routes", "Secrets"].map(
        (name) => `type.googleapis.com/envoy.admin.v3.${name}ConfigDump`,
      ),
    );
    const text = JSON.stringify(configs);
    assert.match(
      text,
      /"static_clusters":\[\{"cluster":\{"@type":"type.googleapis.com\/envoy.config.cluster.v3.Cluster","name":"b"/,
    );
    assert.match(text, /"static_route_configs":\[\{"route_config":\{"@type":"[^"]+RouteConfiguration","name":"r"/);
    assert.match(text, /"last_updated":"\d{4}-\d\d-\d\dT[\d:.]+Z"/);
  });

  it("/config_dump: include_eds adds endpoints, resource and name_regex choose", async () => {
    const dump = async (query: string): Promise<{ configs: Record<string, unknown>[] }> =>
      JSON.parse((await admin(proxy, `/config_dump?${query}`)).body) as { configs: Record<string, unknown>[] };
    assert.ok(
      (await dump("include_eds")).configs.some((config) => String(config["@type"]).endsWith("EndpointsConfigDump")),
    );
    const [cluster] = (await dump("resource=static_clusters")).configs;
    assert.equal(cluster["@type"], "type.googleapis.com/envoy.admin.v3.ClustersConfigDump.StaticCluster");
    assert.deepEqual((await dump("resource=static_clusters&name_regex=x.*")).configs, []);
    assert.deepEqual((await dump("resource=static_clusters&mask=cluster.name,cluster.type")).configs, [
      {
        "@type": "type.googleapis.com/envoy.admin.v3.ClustersConfigDump.StaticCluster",
        cluster: { "@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster", name: "b", type: "STATIC" },
      },
    ]);
    assert.deepEqual(Object.keys((await dump("mask=bootstrap.node.id")).configs[0]), ["@type", "bootstrap"]);
    const wrong = await admin(proxy, "/config_dump?resource=static_clusters&mask=none");
    assert.deepEqual([wrong.status, wrong.body], [400, "FieldMask none could not be successfully used."]);
    const unknown = await admin(proxy, "/config_dump?resource=foo");
    assert.deepEqual([unknown.status, unknown.body], [404, "foo not found in config dump\n"]);
  });

  it("/server_info, /memory, /certs, /runtime, /hot_restart_version", async () => {
    const info = JSON.parse((await admin(proxy, "/server_info")).body) as {
      version: string;
      state: string;
      node: { id: string };
    };
    assert.match(info.version, /^tulle\/\d+\.\d+\.\d+/);
    assert.deepEqual([info.state, info.node.id], ["LIVE", "n"]);
    assert.match((await admin(proxy, "/memory")).body, /"allocated": "\d+"/);
    assert.deepEqual(JSON.parse((await admin(proxy, "/certs")).body), { certificates: [] });
    assert.deepEqual(JSON.parse((await admin(proxy, "/runtime")).body), { entries: {}, layers: [] });
    assert.equal((await admin(proxy, "/hot_restart_version")).body, "disabled");
  });

  it("/help and / list every endpoint; an unknown path is 404 with the help", async () => {
    const { body } = await admin(proxy, "/help");
    assert.match(body, /^admin commands are:\n {2}\/: Admin home page\n/);
    assert.match(body, /^ {2}\/quitquitquit \(POST\): exit the server$/m);
    const home = await admin(proxy, "/");
    assert.equal(home.headers["content-type"], "text/html; charset=UTF-8");
    assert.match(home.body, /<form action="quitquitquit" method="post">/);
    const missing = await admin(proxy, "/nope<script>");
    assert.equal(missing.status, 404);
    assert.equal(missing.body, `invalid path. ${body}`);
    assert.equal(missing.headers["content-type"], "text/plain; charset=UTF-8");
  });

  it("HEAD has the status and no body", async () => {
    const { status, body } = await admin(proxy, "/ready", "HEAD");
    assert.deepEqual([status, body], [200, ""]);
  });

  for (const path of [
    "/quitquitquit",
    "/drain_listeners",
    "/logging",
    "/healthcheck/fail",
    "/healthcheck/ok",
    "/reset_counters",
  ]) {
    it(`GET ${path} is 405`, async () => {
      const { status, body } = await admin(proxy, path);
      assert.deepEqual([status, body], [405, "Method GET not allowed, POST required."]);
    });
  }

  it("/logging changes the level and refuses one that there is not", async () => {
    assert.match((await admin(proxy, "/logging?level=error", "POST")).body, /^active loggers:\n {2}tulle: error\n/);
    assert.match((await admin(proxy, "/logging", "POST")).body, /tulle: error/);
    assert.equal((await admin(proxy, "/logging?level=loud", "POST")).status, 400);
  });

  it("/healthcheck/fail makes the server say that it is draining, /healthcheck/ok takes it back", async () => {
    assert.equal((await admin(proxy, "/healthcheck/fail", "POST")).body, "OK\n");
    const failing = await admin(proxy, "/ready");
    assert.deepEqual([failing.status, failing.body], [503, "DRAINING\n"]);
    assert.equal((await get(portOf(proxy, "l"))).status, 200);
    await admin(proxy, "/healthcheck/ok", "POST");
    assert.equal((await admin(proxy, "/ready")).status, 200);
  });

  it("/reset_counters sets counters to zero", async () => {
    assert.equal((await admin(proxy, "/reset_counters", "POST")).body, "OK\n");
    assert.equal(
      (await admin(proxy, "/stats?filter=cluster.b.upstream_rq_total")).body,
      "cluster.b.upstream_rq_total: 0\n",
    );
  });
});

describe("acting", () => {
  it("/drain_listeners stops accepting; the admin endpoint stays", async () => {
    const { proxy, stop } = await start();
    after(stop);
    const port = portOf(proxy, "l");
    assert.equal((await admin(proxy, "/drain_listeners", "POST")).body, "OK\n");
    await eventually("refused", async () =>
      get(port).then(
        () => false,
        () => true,
      ),
    );
    assert.equal((await admin(proxy, "/clusters")).status, 200);
  });

  it("/quitquitquit answers and closes the proxy", async () => {
    const { proxy, stop } = await start();
    after(stop);
    const port = portOf(proxy, "l");
    assert.equal((await admin(proxy, "/quitquitquit", "POST")).body, "OK\n");
    await proxy.closed;
    await assert.rejects(get(port));
    await assert.rejects(admin(proxy, "/ready"));
  });
});
