/** Who answers for a service: registered workloads, EndpointSlices and Endpoints, ServiceEntries. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "@bufbuild/protobuf";
import { TYPE } from "@tulle/xds";
import type { Workload } from "../../src/model/workload.ts";
import { destinationRule, service, TestMesh, workload } from "../support/mesh.ts";

interface LbEndpointJson {
  readonly endpoint: { readonly address: { readonly socket_address: { address: string; port_value: number } } };
  readonly health_status: string;
}

function endpoints(
  yaml: string,
  workloads: readonly Workload[],
  cluster = "outbound|9080||reviews.default.svc.cluster.local",
): string[] {
  const json = new TestMesh(yaml, workloads).proxy().json(TYPE.endpoints, cluster);
  const [group] = (json["endpoints"] ?? []) as JsonObject[];
  return ((group?.["lb_endpoints"] ?? []) as JsonObject[]).map((one) => {
    const { endpoint, health_status: health } = one as unknown as LbEndpointJson;
    const { address, port_value: port } = endpoint.address.socket_address;
    return `${address}:${port} ${health}`;
  });
}

const reviews = { labels: { app: "reviews", version: "v1" } };

test("a Service selects registered workloads of its namespace by all of its labels", () => {
  const workloads = [
    workload("a", { ...reviews, bindPort: 1001 }),
    workload("b", { labels: { app: "ratings" }, bindPort: 1002 }),
    workload("c", { ...reviews, namespace: "other", bindPort: 1003 }),
  ];
  assert.deepEqual(endpoints(service("reviews"), workloads), ["127.0.0.1:1001 HEALTHY"]);
});

test("the target port chooses among a workload's ports, by number or by name", () => {
  const inbound = [
    { ...workload("x").inbound[0]!, port: 8080, name: "web", bindPort: 1001 },
    { ...workload("x").inbound[0]!, port: 9999, bindPort: 1002 },
  ];
  const of = (port: string): string[] =>
    endpoints(service("reviews", "default", `[${port}]`), [workload("a", { ...reviews, inbound })]);
  assert.deepEqual(of("{ name: http, port: 9080, targetPort: 8080 }"), ["127.0.0.1:1001 HEALTHY"]);
  assert.deepEqual(of("{ name: http, port: 9080, targetPort: web }"), ["127.0.0.1:1001 HEALTHY"]);
  assert.deepEqual(of("{ name: http, port: 9080 }"), []);
});

test("a workload that listens on all addresses is reached at its host's", () => {
  const inbound = [{ ...workload("x").inbound[0]!, address: "0.0.0.0", bindPort: 1001 }];
  assert.deepEqual(endpoints(service("reviews"), [workload("a", { ...reviews, address: "10.1.2.3", inbound })]), [
    "10.1.2.3:1001 HEALTHY",
  ]);
});

test("an unhealthy workload is an unhealthy endpoint", () => {
  assert.deepEqual(endpoints(service("reviews"), [workload("a", { ...reviews, bindPort: 1001, healthy: false })]), [
    "127.0.0.1:1001 UNHEALTHY",
  ]);
});

test("a subset has the endpoints that carry its labels", () => {
  const yaml =
    service("reviews") + destinationRule("r", "{ host: reviews, subsets: [{ name: v1, labels: { version: v1 } }] }");
  const workloads = [
    workload("a", { ...reviews, bindPort: 1001 }),
    workload("b", { labels: { app: "reviews", version: "v2" }, bindPort: 1002 }),
  ];
  assert.deepEqual(endpoints(yaml, workloads, "outbound|9080|v1|reviews.default.svc.cluster.local"), [
    "127.0.0.1:1001 HEALTHY",
  ]);
});

test("an endpoint says which workload it is, in Istio's form", () => {
  const json = new TestMesh(service("reviews"), [workload("reviews-v1", reviews)])
    .proxy()
    .json(TYPE.endpoints, "outbound|9080||reviews.default.svc.cluster.local");
  const [endpoint] = (json["endpoints"] as { lb_endpoints: JsonObject[] }[])[0]!.lb_endpoints;
  assert.deepEqual(endpoint!["metadata"], {
    filter_metadata: { istio: { workload: "reviews-v1;default;reviews;v1;Kubernetes" } },
  });
});

test("a service that no object describes is made of the workloads that name it, with all of their ports", () => {
  const workloads = [
    workload("a", { service: "cart", port: 8080, bindPort: 1001 }),
    workload("b", { service: "cart", port: 8081, bindPort: 1002 }),
  ];
  const mesh = new TestMesh(service("reviews"), workloads);
  assert.deepEqual(
    mesh.snapshot.serviceByHost.get("cart.default.svc.cluster.local")?.ports.map(({ number }) => number),
    [8080, 8081],
  );
  assert.deepEqual(endpoints(service("reviews"), workloads, "outbound|8080||cart.default.svc.cluster.local"), [
    "127.0.0.1:1001 HEALTHY",
  ]);
});

test("a Service that selects the workload makes the one it names unnecessary; one of that name keeps its say", () => {
  const named = workload("a", { ...reviews, service: "other" });
  assert.equal(
    new TestMesh(service("reviews"), [named]).snapshot.serviceByHost.has("other.default.svc.cluster.local"),
    false,
  );
  const unselected = workload("a", { labels: {}, service: "reviews" });
  assert.deepEqual(endpoints(service("reviews"), [unselected]), []);
});

test("a Service without selector takes the workloads that name it", () => {
  const yaml = `
apiVersion: v1
kind: Service
metadata: { name: reviews }
spec: { ports: [{ name: http, port: 9080 }] }`;
  assert.deepEqual(endpoints(yaml, [workload("a", { service: "reviews", bindPort: 1001 })]), [
    "127.0.0.1:1001 HEALTHY",
  ]);
});

const slice = (name: string, addresses: string, more = ""): string => `
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: ${name}, labels: { kubernetes.io/service-name: reviews } }
addressType: IPv4
ports: [{ name: http, port: 8080 }]
endpoints: [${addresses}]${more}`;

test("EndpointSlices list endpoints by port name, ready unless they say otherwise; each address counts once", () => {
  const yaml =
    service("reviews") +
    slice("one", "{ addresses: [10.0.0.1] }, { addresses: [10.0.0.2], conditions: { ready: false } }") +
    slice("two", "{ addresses: [10.0.0.1, 10.0.0.3] }");
  assert.deepEqual(endpoints(yaml, []), ["10.0.0.1:8080 HEALTHY", "10.0.0.2:8080 UNHEALTHY", "10.0.0.3:8080 HEALTHY"]);
});

test("endpoints of a slice have the labels of their pod, if a file describes it", () => {
  const pod = `
---
apiVersion: v1
kind: Pod
metadata: { name: reviews-x, labels: { app: reviews, version: v2 } }
spec: { containers: [{ name: c }] }`;
  const yaml =
    service("reviews") +
    destinationRule("r", "{ host: reviews, subsets: [{ name: v2, labels: { version: v2 } }] }") +
    slice("one", "{ addresses: [10.0.0.1], targetRef: { kind: Pod, name: reviews-x } }, { addresses: [10.0.0.2] }") +
    pod;
  assert.deepEqual(endpoints(yaml, [], "outbound|9080|v2|reviews.default.svc.cluster.local"), [
    "10.0.0.1:8080 HEALTHY",
  ]);
});

test("Endpoints count only for services without EndpointSlices, which mirror them", () => {
  const listed = `
---
apiVersion: v1
kind: Endpoints
metadata: { name: reviews }
subsets: [{ addresses: [{ ip: 10.0.0.9 }], notReadyAddresses: [{ ip: 10.0.0.8 }], ports: [{ name: http, port: 8080 }] }]`;
  assert.deepEqual(endpoints(service("reviews") + listed, []), ["10.0.0.9:8080 HEALTHY", "10.0.0.8:8080 UNHEALTHY"]);
  assert.deepEqual(endpoints(service("reviews") + listed + slice("one", "{ addresses: [10.0.0.1] }"), []), [
    "10.0.0.1:8080 HEALTHY",
  ]);
});

test("a ServiceEntry with static endpoints is a service of its own, port names choosing the endpoints' ports", () => {
  const yaml = `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: legacy }
spec:
  hosts: [legacy.example]
  ports: [{ number: 80, name: http, protocol: HTTP, targetPort: 8080 }]
  resolution: STATIC
  endpoints: [{ address: 10.0.0.1 }, { address: 10.0.0.2, ports: { http: 8181 }, weight: 3 }]`;
  assert.deepEqual(endpoints(yaml, [], "outbound|80||legacy.example"), [
    "10.0.0.1:8080 HEALTHY",
    "10.0.0.2:8181 HEALTHY",
  ]);
  const domains = new TestMesh(yaml).proxy().virtualHosts("80")["legacy.example:80"]?.["domains"];
  assert.deepEqual(domains, ["legacy.example"]);
});
