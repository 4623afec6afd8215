/** Who speaks mutual TLS with whom. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "@bufbuild/protobuf";
import { TYPE } from "@tulle/xds";
import type { Workload } from "../../src/model/workload.ts";
import { destinationRule, service, TestMesh, workload } from "../support/mesh.ts";

function peers(name: string, spec: string, namespace = "default", created = "2026-01-01T00:00:00Z"): string {
  return `
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: ${name}, namespace: ${namespace}, creationTimestamp: "${created}" }
spec: ${spec}`;
}

const mode = (text: string): string => `{ mtls: { mode: ${text} } }`;
const selected = (text: string, more = ""): string =>
  `{ selector: { matchLabels: { app: reviews } }, mtls: { mode: ${text} }${more} }`;

const LABELS = { app: "reviews" };
const INBOUND = {
  inbound: [
    { port: 9080, address: "127.0.0.1", bind_port: 19080, app_address: "127.0.0.1", app_port: 1 },
    { port: 9090, address: "127.0.0.1", bind_port: 19090, app_address: "127.0.0.1", app_port: 2 },
  ],
};

/** How a port of `reviews` takes connections: the match of each of its filter chains, and whether it is TLS. */
function chains(yaml: string, port = 19080, secrets: string | null = "sds-grpc"): string[] {
  const proxy = new TestMesh(yaml).proxy({
    labels: LABELS,
    tulle: INBOUND,
    ...(secrets === null ? {} : { secrets }),
  });
  const listener = proxy.json(TYPE.listener, `127.0.0.1_${port}`);
  const inspected = listener["listener_filters"] !== undefined;
  return (listener["filter_chains"] as JsonObject[]).map((chain) => {
    const { transport_protocol: transport = "any", application_protocols: alpn } = (chain["filter_chain_match"] ??
      {}) as { transport_protocol?: string; application_protocols?: string[] };
    const tls = chain["transport_socket"] !== undefined;
    return [
      transport,
      ...(alpn === undefined ? [] : ["by ALPN"]),
      ...(tls ? ["TLS"] : []),
      ...(inspected ? [] : ["uninspected"]),
    ].join(" ");
  });
}

const PERMISSIVE = ["tls by ALPN TLS", "raw_buffer"];
const STRICT = ["tls TLS"];
const DISABLE = ["any uninspected"];

test("the narrowest scope that says something counts", () => {
  assert.deepEqual(chains(""), PERMISSIVE);
  const mesh = peers("mesh", mode("STRICT"), "istio-system");
  assert.deepEqual(chains(mesh), STRICT);
  assert.deepEqual(chains(mesh + peers("ns", mode("DISABLE"))), DISABLE);
  assert.deepEqual(chains(mesh + peers("ns", mode("UNSET"))), STRICT);
  assert.deepEqual(chains(mesh + peers("ns", mode("DISABLE")) + peers("own", selected("PERMISSIVE"))), PERMISSIVE);
  assert.deepEqual(chains(mesh + peers("own", selected("UNSET"))), STRICT);
  assert.deepEqual(chains(peers("other", mode("STRICT"), "other")), PERMISSIVE);
  assert.deepEqual(chains(peers("root", selected("STRICT"), "istio-system")), PERMISSIVE);
});

test("a port has its own mode, or the workload's", () => {
  const ports = peers("own", selected("STRICT", ", portLevelMtls: { 9090: { mode: DISABLE }, 9080: { mode: UNSET } }"));
  assert.deepEqual(chains(ports, 19080), STRICT);
  assert.deepEqual(chains(ports, 19090), DISABLE);
});

test("of two in one place the older counts", () => {
  const both = peers("a", mode("DISABLE")) + peers("b", mode("STRICT"), "default", "2025-01-01T00:00:00Z");
  assert.deepEqual(chains(both), STRICT);
});

test("a proxy without certificate takes plaintext, whatever is asked of it", () => {
  assert.deepEqual(chains(peers("mesh", mode("STRICT"), "istio-system"), 19080, null), DISABLE);
});

test("servers show the mesh's certificate and ask for one of its trust domains", () => {
  const mesh = `
---
apiVersion: v1
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data: { mesh: "{ trustDomain: td, trustDomainAliases: [old], meshMTLS: { minProtocolVersion: TLSV1_3 } }" }`;
  const listener = new TestMesh(mesh + peers("mesh", mode("STRICT"), "istio-system"))
    .proxy({ labels: LABELS, tulle: INBOUND, secrets: "agent" })
    .json(TYPE.listener, "127.0.0.1_19080");
  const [chain] = listener["filter_chains"] as JsonObject[];
  const context = (chain!["transport_socket"] as JsonObject)["typed_config"] as JsonObject;
  assert.equal(context["require_client_certificate"], true);
  const common = context["common_tls_context"] as JsonObject;
  assert.deepEqual(common["alpn_protocols"], ["h2", "http/1.1"]);
  assert.deepEqual((common["tls_params"] as JsonObject)["tls_minimum_protocol_version"], "TLSv1_3");
  const sds = (name: string): JsonObject => ({
    name,
    sds_config: {
      api_config_source: {
        api_type: "GRPC",
        transport_api_version: "V3",
        grpc_services: [{ envoy_grpc: { cluster_name: "agent" } }],
        set_node_on_first_message_only: true,
      },
      initial_fetch_timeout: "0s",
      resource_api_version: "V3",
    },
  });
  assert.deepEqual(common["tls_certificate_sds_secret_configs"], [sds("default")]);
  assert.deepEqual(common["combined_validation_context"], {
    default_validation_context: {
      match_typed_subject_alt_names: [
        { san_type: "URI", matcher: { prefix: "spiffe://td/" } },
        { san_type: "URI", matcher: { prefix: "spiffe://old/" } },
      ],
    },
    validation_context_sds_secret_config: sds("ROOTCA"),
  });
});

const CLUSTER = "outbound|9080||reviews.default.svc.cluster.local";

function reviews(options: Partial<Workload> & { port?: number; bindPort?: number } = {}): Workload {
  return workload("reviews-v1", { labels: LABELS, mutualTls: true, serviceAccount: "reviews", ...options });
}

function clientOf(yaml: string, workloads: readonly Workload[], secrets: string | null = "sds-grpc") {
  const mesh = new TestMesh(service("reviews") + yaml, workloads);
  const proxy = mesh.proxy(secrets === null ? {} : { secrets });
  const endpoints = proxy.json(TYPE.endpoints, CLUSTER)["endpoints"] as JsonObject[] | undefined;
  const modes = (endpoints ?? [])
    .flatMap((group) => group["lb_endpoints"] as JsonObject[])
    .map((endpoint) => {
      const { filter_metadata: metadata } = endpoint["metadata"] as { filter_metadata: Record<string, JsonObject> };
      return metadata["envoy.transport_socket_match"]?.["tlsMode"];
    });
  return { cluster: proxy.json(TYPE.cluster, CLUSTER), modes, mesh };
}

function contextOf(socket: unknown): JsonObject {
  return (socket as JsonObject)["typed_config"] as JsonObject;
}

test("clients speak mutual TLS to endpoints that take it, and expect who answers for the service", () => {
  const other = reviews({ id: "b", name: "reviews-v2", serviceAccount: "other", bindPort: 31002 });
  const plain = reviews({ id: "c", name: "reviews-v3", mutualTls: false, serviceAccount: "plain", bindPort: 31004 });
  const { cluster, modes } = clientOf("", [reviews(), other, plain]);
  assert.deepEqual(modes, ["istio", "istio", undefined]);
  const matches = cluster["transport_socket_matches"] as JsonObject[];
  assert.deepEqual(
    matches.map(({ name, match }) => [name, match]),
    [
      ["tlsMode-istio", { tlsMode: "istio" }],
      ["tlsMode-disabled", {}],
    ],
  );
  const context = contextOf(matches[0]!["transport_socket"]);
  assert.equal(context["sni"], "outbound_.9080_._.reviews.default.svc.cluster.local");
  const { combined_validation_context: validation } = context["common_tls_context"] as JsonObject;
  assert.deepEqual((validation as JsonObject)["default_validation_context"], {
    match_typed_subject_alt_names: [
      { san_type: "URI", matcher: { exact: "spiffe://cluster.local/ns/default/sa/other" } },
      { san_type: "URI", matcher: { exact: "spiffe://cluster.local/ns/default/sa/reviews" } },
    ],
  });
});

test("an endpoint whose port has mutual TLS disabled gets plaintext", () => {
  assert.deepEqual(clientOf(peers("ns", mode("DISABLE")), [reviews()]).modes, [undefined]);
  const port = peers("own", selected("STRICT", ", portLevelMtls: { 9080: { mode: DISABLE } }"));
  assert.deepEqual(clientOf(port, [reviews()]).modes, [undefined]);
});

test("a client without certificate, and a mesh without automatic mutual TLS, speak plaintext", () => {
  assert.equal(clientOf("", [reviews()], null).cluster["transport_socket_matches"], undefined);
  const off = `
---
apiVersion: v1
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data: { mesh: "enableAutoMtls: false" }`;
  assert.equal(clientOf(off, [reviews()]).cluster["transport_socket_matches"], undefined);
});

test("a DestinationRule says for all endpoints", () => {
  const { cluster } = clientOf(
    destinationRule(
      "r",
      "{ host: reviews, trafficPolicy: { tls: { mode: ISTIO_MUTUAL, sni: own.test, subjectAltNames: [a] } } }",
    ),
    [reviews()],
  );
  assert.equal(cluster["transport_socket_matches"], undefined);
  const context = contextOf(cluster["transport_socket"]);
  assert.equal(context["sni"], "own.test");
  const disabled = clientOf(destinationRule("r", "{ host: reviews, trafficPolicy: { tls: { mode: DISABLE } } }"), [
    reviews(),
  ]);
  assert.equal(disabled.cluster["transport_socket"], undefined);
  assert.equal(disabled.cluster["transport_socket_matches"], undefined);
});

test("a new account among the endpoints changes whom clients expect", () => {
  const { mesh } = clientOf("", [reviews()]);
  const proxy = mesh.proxy({ secrets: "sds-grpc" });
  const before = proxy.resource(TYPE.cluster, CLUSTER);
  mesh.register([reviews({ healthy: false })]);
  assert.equal(proxy.resource(TYPE.cluster, CLUSTER), before);
  mesh.register([reviews(), reviews({ id: "b", serviceAccount: "b", bindPort: 31002 })]);
  assert.notEqual(proxy.resource(TYPE.cluster, CLUSTER), before);
});

test("what a PeerAuthentication does is told", () => {
  const status = (yaml: string, name: string, namespace = "default", workloads = [reviews()]): unknown =>
    new TestMesh(yaml, workloads)
      .status("PeerAuthentication", name, namespace)
      .map(({ type, message }) => `${type}: ${message}`);
  assert.deepEqual(status(peers("m", mode("STRICT"), "istio-system"), "m", "istio-system"), [
    "InForce: only mutual TLS is taken by workloads of all namespaces",
  ]);
  assert.deepEqual(status(peers("p", selected("STRICT")), "p", "default", [reviews({ mutualTls: false })]), [
    "InForce: only mutual TLS is taken by workloads of default with app=reviews",
    "NotYetApplied: STRICT by reviews-v1: their proxies have no certificate and take plaintext",
  ]);
  const two = peers("a", mode("STRICT")) + peers("b", mode("DISABLE"), "default", "2025-01-01T00:00:00Z");
  assert.deepEqual(status(two, "a"), ["Shadowed: an older PeerAuthentication is for workloads of default"]);
  assert.deepEqual(status(peers("r", selected("STRICT"), "istio-system"), "r", "istio-system"), [
    "Ignored: in istio-system only a policy without selector counts: it is for the whole mesh",
  ]);
});

test("what proxies tell each other is not for applications: an Envoy that does not know it takes it away", () => {
  const removed = (agent: string): unknown => {
    const listener = new TestMesh(service("reviews"))
      .proxy({ labels: LABELS, tulle: INBOUND, secrets: "agent", agent })
      .json(TYPE.listener, "127.0.0.1_19080");
    const [chain] = listener["filter_chains"] as JsonObject[];
    const [manager] = chain!["filters"] as JsonObject[];
    const config = (manager!["typed_config"] as JsonObject)["route_config"] as JsonObject;
    return config["request_headers_to_remove"];
  };
  assert.deepEqual(removed("envoy"), ["x-envoy-peer-metadata", "x-envoy-peer-metadata-id"]);
  assert.equal(removed("tulle"), undefined);
});
