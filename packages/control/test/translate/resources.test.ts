/** Listeners, clusters and endpoints, whole. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "@bufbuild/protobuf";
import { TYPE } from "@tulle/xds";
import { destinationRule, service, TestMesh, workload } from "../support/mesh.ts";

const HOST = "reviews.default.svc.cluster.local";
const router = {
  name: "envoy.filters.http.router",
  typed_config: { "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" },
};
const filter = (name: string, type: string, config: JsonObject = {}): JsonObject => ({
  name: `envoy.filters.http.${name}`,
  typed_config: { "@type": `type.googleapis.com/envoy.extensions.filters.http.${name}.v3.${type}`, ...config },
});
const grpcStats = filter("grpc_stats", "FilterConfig", { emit_filter_state: true, stats_for_all_methods: false });
const fault = filter("fault", "HTTPFault");
const customResponse = {
  name: "envoy.filters.http.custom_response",
  typed_config: {
    "@type": "type.googleapis.com/envoy.extensions.filters.http.custom_response.v3.CustomResponse",
  },
};
const cors = filter("cors", "Cors");
const forwarding = filter("dynamic_forward_proxy", "FilterConfig", {
  dns_cache_config: { name: "dynamic_forward_proxy", dns_lookup_family: "V4_PREFERRED" },
});
const ads = { ads: {}, resource_api_version: "V3" };
const unlimited = {
  thresholds: [
    {
      max_connections: 4294967295,
      max_pending_requests: 4294967295,
      max_requests: 4294967295,
      max_retries: 4294967295,
      track_remaining: true,
    },
  ],
};

function manager(listener: JsonObject): JsonObject {
  const [chain] = listener["filter_chains"] as { filters: { typed_config: JsonObject }[] }[];
  return chain!.filters[0]!.typed_config;
}

test("an outbound listener", () => {
  const proxy = new TestMesh(service("reviews")).proxy();
  assert.deepEqual(proxy.names(TYPE.listener), ["127.0.0.1_15001", "127.0.0.1_19080", "127.0.0.1_10080"]);
  assert.deepEqual(proxy.json(TYPE.listener, "127.0.0.1_15001"), {
    name: "127.0.0.1_15001",
    address: { socket_address: { address: "127.0.0.1", port_value: 15001 } },
    traffic_direction: "OUTBOUND",
    filter_chains: [
      {
        filters: [
          {
            name: "envoy.filters.network.http_connection_manager",
            typed_config: {
              "@type":
                "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
              stat_prefix: "outbound_127.0.0.1_15001",
              rds: { config_source: { ...ads, initial_fetch_timeout: "0s" }, route_config_name: "http_proxy" },
              http_filters: [grpcStats, customResponse, fault, cors, forwarding, router],
              stream_idle_timeout: "0s",
              use_remote_address: false,
              generate_request_id: true,
              upgrade_configs: [{ upgrade_type: "CONNECT" }, { upgrade_type: "websocket" }],
              normalize_path: true,
              path_with_escaped_slashes_action: "KEEP_UNCHANGED",
            },
          },
        ],
      },
    ],
    metadata: {
      filter_metadata: { "tulle.origin": { kind: "Workload", namespace: "default", name: "client", field: "" } },
    },
  });
});

const inbound = {
  inbound: [{ port: 9080, address: "127.0.0.1", bind_port: 41002, app_address: "127.0.0.2", app_port: 41003 }],
};

test("an inbound listener leads to the application behind the sidecar", () => {
  const proxy = new TestMesh(service("reviews")).proxy({ tulle: inbound, labels: { app: "reviews" } });
  const listener = proxy.json(TYPE.listener, "127.0.0.1_41002");
  assert.equal(listener["traffic_direction"], "INBOUND");
  const { route_config: routes, server_name: server } = manager(listener) as {
    route_config: JsonObject;
    server_name: string;
  };
  assert.equal(server, "tulle");
  assert.equal(routes["name"], "inbound|9080||");
  const [host] = routes["virtual_hosts"] as { domains: string[]; routes: JsonObject[] }[];
  assert.deepEqual(host!.domains, ["*"]);
  assert.deepEqual(host!.routes[0]!["decorator"], { operation: `${HOST}:9080/*` });
  assert.deepEqual(host!.routes[0]!["route"], {
    cluster: "inbound|9080||",
    timeout: "0s",
    max_stream_duration: { max_stream_duration: "0s", grpc_timeout_header_max: "0s" },
    retry_policy: { retry_on: "reset-before-request", num_retries: 2 },
  });

  assert.deepEqual(proxy.json(TYPE.cluster, "inbound|9080||"), {
    name: "inbound|9080||",
    type: "STATIC",
    connect_timeout: "10s",
    circuit_breakers: unlimited,
    load_assignment: {
      cluster_name: "inbound|9080||",
      endpoints: [
        { lb_endpoints: [{ endpoint: { address: { socket_address: { address: "127.0.0.2", port_value: 41003 } } } }] },
      ],
    },
    metadata: {
      filter_metadata: {
        "tulle.origin": { kind: "Workload", namespace: "default", name: "client", field: "" },
        istio: { services: [{ host: HOST, name: "reviews", namespace: "default" }] },
      },
    },
  });
});

test("requests to a gRPC port are not retried by the sidecar before it", () => {
  const mesh = new TestMesh(service("reviews", "default", "[{ name: grpc, port: 9080 }]"));
  const listener = mesh.proxy({ tulle: inbound, labels: { app: "reviews" } }).json(TYPE.listener, "127.0.0.1_41002");
  const { virtual_hosts } = manager(listener)["route_config"] as { virtual_hosts: { routes: JsonObject[] }[] };
  assert.equal((virtual_hosts[0]!.routes[0]!["route"] as JsonObject)["retry_policy"], undefined);
});

test("an inbound cluster names the service that is made up for the workload before it is known", () => {
  const proxy = new TestMesh(service("reviews")).proxy({ tulle: { ...inbound, service: "cart" } });
  const before = proxy.json(TYPE.cluster, "inbound|9080||")["metadata"] as { filter_metadata: { istio: unknown } };
  assert.deepEqual(before.filter_metadata.istio, {
    services: [{ host: "cart.default.svc.cluster.local", name: "cart", namespace: "default" }],
  });
});

test("only our own proxy gets the mesh metrics filter", () => {
  const tulle = manager(
    new TestMesh(service("reviews")).proxy({ agent: "tulle", tulle: inbound }).json(TYPE.listener, "127.0.0.1_41002"),
  );
  assert.deepEqual(tulle["http_filters"], [
    fault,
    cors,
    {
      name: "istio.stats",
      typed_config: {
        "@type": "type.googleapis.com/xds.type.v3.TypedStruct",
        type_url: "type.googleapis.com/stats.PluginConfig",
        value: { reporter: "SIDECAR_INBOUND" },
      },
    },
    router,
  ]);
  assert.deepEqual(tulle["upgrade_configs"], [{ upgrade_type: "websocket" }]);
});

test("an outbound cluster", () => {
  const yaml =
    service("reviews") + destinationRule("r", "{ host: reviews, subsets: [{ name: v1, labels: { version: v1 } }] }");
  const proxy = new TestMesh(yaml).proxy();
  assert.deepEqual(proxy.json(TYPE.cluster, `outbound|9080|v1|${HOST}`), {
    name: `outbound|9080|v1|${HOST}`,
    type: "EDS",
    eds_cluster_config: { eds_config: ads, service_name: `outbound|9080|v1|${HOST}` },
    connect_timeout: "10s",
    lb_policy: "LEAST_REQUEST",
    circuit_breakers: unlimited,
    common_lb_config: { healthy_panic_threshold: {} },
    metadata: {
      filter_metadata: {
        "tulle.origin": {
          kind: "DestinationRule",
          namespace: "default",
          name: "r",
          field: "spec.subsets[0]",
          file: "mesh.yaml",
          line: 8,
        },
        istio: { services: [{ host: HOST, name: "reviews", namespace: "default" }], subset: "v1" },
      },
    },
  });
});

test("a gRPC port is spoken to in HTTP/2", () => {
  const yaml = service("greeter", "default", "[{ name: grpc, port: 9090 }]");
  const name = "outbound|9090||greeter.default.svc.cluster.local";
  for (const agent of ["envoy", "tulle"] as const) {
    const proxy = new TestMesh(yaml).proxy({ agent });
    const options = proxy.json(TYPE.cluster, name)["typed_extension_protocol_options"] as JsonObject;
    assert.deepEqual(options["envoy.extensions.upstreams.http.v3.HttpProtocolOptions"], {
      "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
      explicit_http_config: { http2_protocol_options: {} },
    });
  }
});

test("a load assignment has a locality and a weight, without which gRPC would skip it", () => {
  const mesh = new TestMesh(service("reviews"), [workload("a", { labels: { app: "reviews" }, bindPort: 1001 })]);
  assert.deepEqual(mesh.proxy().json(TYPE.endpoints, `outbound|9080||${HOST}`), {
    cluster_name: `outbound|9080||${HOST}`,
    endpoints: [
      {
        locality: {},
        load_balancing_weight: 1,
        lb_endpoints: [
          {
            endpoint: { address: { socket_address: { address: "127.0.0.1", port_value: 1001 } } },
            health_status: "HEALTHY",
            load_balancing_weight: 1,
            metadata: { filter_metadata: { istio: { workload: "a;default;reviews;latest;Kubernetes" } } },
          },
        ],
      },
    ],
  });
});

test("a client that says nothing of ports gets an HTTP proxy at 127.0.0.1:15001; a gRPC client gets none", () => {
  const mesh = new TestMesh(service("reviews"));
  assert.deepEqual(mesh.proxy({ tulle: {} }).names(TYPE.listener), []);
  assert.deepEqual(mesh.proxy({ agent: "gRPC Node Pure JS" }).names(TYPE.listener), []);
});

test("a gRPC client finds listeners by every name of a service, and its routes by theirs", () => {
  const grpc = new TestMesh(service("greeter", "default", "[{ name: grpc, port: 9090 }]")).proxy({
    agent: "gRPC Node Pure JS",
  });
  const routes = "outbound|9090||greeter.default.svc.cluster.local";
  for (const target of ["greeter", "greeter:9090", "greeter.default:9090", "greeter.default.svc.cluster.local:9090"]) {
    const { api_listener: listener } = grpc.json(TYPE.listener, target) as {
      api_listener: { api_listener: JsonObject };
    };
    const source = { ...ads, initial_fetch_timeout: "0s" };
    assert.deepEqual(listener.api_listener["rds"], { config_source: source, route_config_name: routes });
    assert.deepEqual(listener.api_listener["http_filters"], [fault, router]);
  }
  const [host] = grpc.json(TYPE.route, routes)["virtual_hosts"] as { domains: string[] }[];
  assert.ok(host!.domains.includes("greeter:9090") && host!.domains.includes("greeter"));
  assert.equal(
    grpc.json(TYPE.cluster, routes)["lb_policy"],
    undefined,
    "round robin is the only balancer that gRPC takes here",
  );
  assert.equal(grpc.resource(TYPE.listener, "nobody:9090"), undefined);
  assert.equal(grpc.resource(TYPE.route, "outbound|1||greeter.default.svc.cluster.local"), undefined);
});
