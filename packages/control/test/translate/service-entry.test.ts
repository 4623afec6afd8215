/** ServiceEntries and WorkloadEntries as clusters and endpoints: one rule a test. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "@bufbuild/protobuf";
import { TYPE } from "@tulle/xds";
import { destinationRule, service, TestMesh, workload } from "../support/mesh.ts";
import type { ProxyOptions } from "../support/mesh.ts";

const PORT = "ports: [{ number: 80, name: http, protocol: HTTP }]";

function entry(spec: string, namespace = "default"): string {
  return `
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: ext, namespace: ${namespace} }
spec: { ${spec} }`;
}

function workloadEntry(name: string, spec: string, more = ""): string {
  return `
---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: { name: ${name}${more} }
spec: ${spec}`;
}

interface LbEndpoint {
  readonly endpoint: { readonly address: { readonly socket_address: { address: string; port_value: number } } };
  readonly load_balancing_weight: number;
  readonly metadata?: { readonly filter_metadata: { readonly istio: { readonly workload: string } } };
}

/** `address:port*weight`, of the only place. */
function members(assignment: JsonObject): string[] {
  const groups = (assignment["endpoints"] ?? []) as unknown as { lb_endpoints: LbEndpoint[] }[];
  return groups.flatMap(({ lb_endpoints: all }) =>
    all.map(({ endpoint: { address }, load_balancing_weight: weight }) => {
      const { address: host, port_value: port } = address.socket_address;
      return `${host}:${port}${weight === 1 ? "" : `*${weight}`}`;
    }),
  );
}

function cluster(yaml: string, name: string, options: ProxyOptions = {}): JsonObject {
  return new TestMesh(yaml).proxy(options).json(TYPE.cluster, name);
}

function endpoints(yaml: string, name: string): string[] {
  return members(new TestMesh(yaml).proxy().json(TYPE.endpoints, name));
}

test("STATIC: endpoints come by EDS, with their ports, weights and targets", () => {
  const yaml = entry(
    "hosts: [a.example], resolution: STATIC, ports: [{ number: 80, name: http, protocol: HTTP, targetPort: 8080 }], endpoints: [{ address: 10.0.0.1 }, { address: 10.0.0.2, ports: { http: 81 }, weight: 5 }]",
  );
  assert.equal(cluster(yaml, "outbound|80||a.example")["type"], "EDS");
  assert.deepEqual(endpoints(yaml, "outbound|80||a.example"), ["10.0.0.1:8080", "10.0.0.2:81*5"]);
});

test("DNS: the host is looked up, all addresses count; names of the mesh's own settings", () => {
  const json = cluster(entry(`hosts: [a.example], resolution: DNS, ${PORT}`), "outbound|80||a.example");
  assert.equal(json["type"], "STRICT_DNS");
  assert.deepEqual(members(json["load_assignment"] as JsonObject), ["a.example:80"]);
  assert.partialDeepStrictEqual(json, {
    dns_lookup_family: "V4_PREFERRED",
    dns_refresh_rate: "60s",
    respect_dns_ttl: true,
  });
  assert.equal(json["eds_cluster_config"], undefined);
});

test("the refresh rate is the mesh's", () => {
  const mesh = `
---
apiVersion: v1
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data: { mesh: "dnsRefreshRate: 5s" }`;
  const json = cluster(entry(`hosts: [a.example], resolution: DNS, ${PORT}`) + mesh, "outbound|80||a.example");
  assert.equal(json["dns_refresh_rate"], "5s");
});

test("DNS with endpoints: those names are looked up, addresses among them taken as they are", () => {
  const yaml = entry(
    `hosts: [a.example], resolution: DNS, ${PORT}, endpoints: [{ address: one.example, ports: { http: 8080 } }, { address: 10.0.0.1 }]`,
  );
  const json = cluster(yaml, "outbound|80||a.example");
  assert.deepEqual(members(json["load_assignment"] as JsonObject), ["one.example:8080", "10.0.0.1:80"]);
});

test("DNS: subsets have the names with their labels, and no cluster without any", () => {
  const yaml =
    entry(
      `hosts: [a.example], resolution: DNS, ${PORT}, endpoints: [{ address: one.example, labels: { version: v1 } }, { address: two.example }]`,
    ) +
    destinationRule(
      "r",
      "{ host: a.example, subsets: [{ name: v1, labels: { version: v1 } }, { name: none, labels: { version: v9 } }] }",
    );
  const proxy = new TestMesh(yaml).proxy();
  assert.deepEqual(members(proxy.json(TYPE.cluster, "outbound|80|v1|a.example")["load_assignment"] as JsonObject), [
    "one.example:80",
  ]);
  assert.equal(proxy.resource(TYPE.cluster, "outbound|80|none|a.example"), undefined);
  assert.deepEqual(proxy.names(TYPE.endpoints), []);
});

test("DNS_ROUND_ROBIN: one address at a time", () => {
  const yaml = entry(`hosts: [a.example], resolution: DNS_ROUND_ROBIN, ${PORT}`);
  assert.equal(cluster(yaml, "outbound|80||a.example")["type"], "LOGICAL_DNS");
});

test("a gRPC client, which cannot look up several names, gets a cluster for one", () => {
  const grpc = { agent: "gRPC Node Pure JS" };
  const one = entry(`hosts: [a.example], resolution: DNS, ${PORT}`);
  assert.equal(cluster(one, "outbound|80||a.example", grpc)["type"], "LOGICAL_DNS");
  const two = entry(
    `hosts: [a.example], resolution: DNS, ${PORT}, endpoints: [{ address: a.example }, { address: b.example }]`,
  );
  assert.deepEqual(new TestMesh(two).proxy(grpc).names(TYPE.cluster), []);
});

test("the cluster of an external service says so", () => {
  const external = (location: string): unknown =>
    (
      cluster(entry(`hosts: [a.example], resolution: DNS, ${PORT}${location}`), "outbound|80||a.example")[
        "metadata"
      ] as {
        filter_metadata: { istio: JsonObject };
      }
    ).filter_metadata.istio["external"];
  assert.equal(external(""), true);
  assert.equal(external(", location: MESH_INTERNAL"), undefined);
});

test("a wildcard host is a virtual host for all names below it", () => {
  const yaml = entry(`hosts: ["*.a.example"], resolution: STATIC, ${PORT}, endpoints: [{ address: 10.0.0.1 }]`);
  const proxy = new TestMesh(yaml).proxy();
  assert.deepEqual(proxy.virtualHosts("80")["*.a.example:80"]!["domains"], ["*.a.example"]);
  assert.deepEqual(proxy.virtualHosts("http_proxy")["*.a.example:80"]!["domains"], ["*.a.example", "*.a.example:80"]);
});

test("addresses are names too; blocks of them are not", () => {
  const yaml = entry(
    `hosts: [a.example], addresses: [10.1.0.0/16, 10.2.0.1, 10.3.0.1/32], resolution: STATIC, ${PORT}, endpoints: [{ address: 10.0.0.1 }]`,
  );
  assert.deepEqual(new TestMesh(yaml).proxy().virtualHosts("80")["a.example:80"]!["domains"], [
    "a.example",
    "10.2.0.1",
    "10.3.0.1",
  ]);
});

test("several hosts are several services with the same endpoints", () => {
  const yaml = entry(`hosts: [a.example, b.example], resolution: STATIC, ${PORT}, endpoints: [{ address: 10.0.0.1 }]`);
  for (const host of ["a.example", "b.example"])
    assert.deepEqual(endpoints(yaml, `outbound|80||${host}`), ["10.0.0.1:80"]);
});

test("exportTo hides a host from other namespaces", () => {
  const yaml = entry(`hosts: [a.example], resolution: DNS, exportTo: [.], ${PORT}`, "shop");
  assert.equal(new TestMesh(yaml).proxy({ namespace: "shop" }).names(TYPE.cluster).length, 1);
  assert.deepEqual(new TestMesh(yaml).proxy().names(TYPE.cluster), []);
});

const SELECTING = entry(
  "hosts: [a.example], resolution: STATIC, location: MESH_INTERNAL, workloadSelector: { labels: { app: a } }, ports: [{ number: 80, name: http, protocol: HTTP, targetPort: 8080 }]",
);

test("workloadSelector: WorkloadEntries, pods and registered workloads of the namespace", () => {
  const yaml =
    SELECTING +
    workloadEntry("vm1", "{ address: 10.0.0.1, labels: { app: a } }") +
    workloadEntry("vm2", "{ address: 10.0.0.2, weight: 3, ports: { http: 9000 } }", ", labels: { app: a }") +
    workloadEntry("other", "{ address: 10.0.0.3, labels: { app: b } }") +
    workloadEntry("elsewhere", "{ address: 10.0.0.4, labels: { app: a } }", ", namespace: shop") +
    `
---
apiVersion: v1
kind: Pod
metadata: { name: p, labels: { app: a } }
spec: { containers: [{ name: c }] }
status: { podIP: 10.0.0.5 }`;
  const mesh = new TestMesh(yaml, [workload("w", { labels: { app: "a" }, port: 8080, bindPort: 41000 })]);
  assert.deepEqual(members(mesh.proxy().json(TYPE.endpoints, "outbound|80||a.example")), [
    "127.0.0.1:41000",
    "10.0.0.1:8080",
    "10.0.0.2:9000*3",
    "10.0.0.5:8080",
  ]);
});

test("a Service selects WorkloadEntries too, and has pods only by its slices", () => {
  const yaml =
    service("reviews") +
    workloadEntry("vm", "{ address: 10.0.0.1, labels: { app: reviews } }") +
    `
---
apiVersion: v1
kind: Pod
metadata: { name: p, labels: { app: reviews } }
spec: { containers: [{ name: c }] }
status: { podIP: 10.0.0.5 }`;
  assert.deepEqual(endpoints(yaml, "outbound|9080||reviews.default.svc.cluster.local"), ["10.0.0.1:9080"]);
});

test("a WorkloadEntry with a name for an address is an endpoint only where names are looked up", () => {
  const yaml = workloadEntry("vm", "{ address: vm.example, labels: { app: a } }");
  assert.deepEqual(endpoints(SELECTING + yaml, "outbound|80||a.example"), []);
  const dns = cluster(SELECTING.replace("STATIC", "DNS") + yaml, "outbound|80||a.example");
  assert.deepEqual(members(dns["load_assignment"] as JsonObject), ["vm.example:8080"]);
});

test("an endpoint has its workload's name for the metrics: the entry's, a label's, or the ServiceEntry's with a number", () => {
  const names = (yaml: string): string[] => {
    const json = new TestMesh(yaml).proxy().json(TYPE.endpoints, "outbound|80||a.example");
    const groups = json["endpoints"] as unknown as { lb_endpoints: LbEndpoint[] }[];
    return groups.flatMap(({ lb_endpoints: all }) =>
      all.map(({ metadata }) => metadata!.filter_metadata.istio.workload),
    );
  };
  assert.deepEqual(
    names(
      SELECTING +
        workloadEntry("vm1", "{ address: 10.0.0.1, labels: { app: a, version: v2 } }") +
        workloadEntry("vm2", "{ address: 10.0.0.2 }", ", labels: { app: a, service.istio.io/workload-name: big }"),
    ),
    ["vm1;default;a;v2;Kubernetes", "big;default;a;latest;Kubernetes"],
  );
  assert.deepEqual(
    names(entry(`hosts: [a.example], resolution: STATIC, ${PORT}, endpoints: [{ address: 10.0.0.1 }]`)),
    ["ext-0;default;ext-0;latest;Kubernetes"],
  );
});

test("a changed WorkloadEntry changes one load assignment, and nothing else", () => {
  const mesh = new TestMesh(
    SELECTING + service("reviews") + workloadEntry("vm", "{ address: 10.0.0.1, labels: { app: a } }"),
  );
  const proxy = mesh.proxy({ agent: "tulle" });
  const before = proxy.view;
  mesh.change(workloadEntry("vm", "{ address: 10.0.0.9, labels: { app: a } }"));
  const after = proxy.view;
  for (const type of [TYPE.cluster, TYPE.listener, TYPE.route, TYPE.virtualHost] as const) {
    assert.equal(after.set(type), before.set(type));
  }
  const old = before.set(TYPE.endpoints)!.resources;
  const changed = [...after.set(TYPE.endpoints)!.resources.values()].filter((one) => old.get(one.name) !== one);
  assert.deepEqual(
    changed.map(({ name }) => name),
    ["outbound|80||a.example"],
  );
});

test("names that are looked up are part of a cluster: other endpoints leave all clusters as they were", () => {
  const mesh = new TestMesh(entry(`hosts: [a.example], resolution: DNS, ${PORT}`) + service("reviews"));
  const proxy = mesh.proxy();
  const before = proxy.view;
  mesh.register([workload("reviews-1", { labels: { app: "reviews" } })]);
  assert.equal(proxy.view.set(TYPE.cluster), before.set(TYPE.cluster));
  assert.notEqual(proxy.view.set(TYPE.endpoints), before.set(TYPE.endpoints));
});
