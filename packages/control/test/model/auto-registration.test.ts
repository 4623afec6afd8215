/** WorkloadGroups make WorkloadEntries for the workloads that say they are of them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { TYPE } from "@tulle/xds";
import { destinationRule, service, TestMesh, workload } from "../support/mesh.ts";

const GROUP = `
---
apiVersion: networking.istio.io/v1
kind: WorkloadGroup
metadata: { name: vms }
spec:
  metadata: { labels: { app: reviews, version: v2 }, annotations: { team: a } }
  template: { serviceAccount: vm, locality: us/a, weight: 7, ports: { http: 8080 } }`;

/** As Envoy on a virtual machine registers: it says nothing about ports. */
const PLAIN = { group: "vms", inbound: [], address: "10.0.0.7" };
const NAME = "outbound|9080||reviews.default.svc.cluster.local";

function endpoints(mesh: TestMesh): unknown {
  const { endpoints: groups = [] } = mesh.proxy().json(TYPE.endpoints, NAME) as {
    endpoints?: { lb_endpoints: unknown }[];
  };
  return groups.flatMap(({ lb_endpoints: all }) => all);
}

test("a member gets a WorkloadEntry: Istio's name, the group's labels and its own over them, the group's template", () => {
  const mesh = new TestMesh(GROUP, [workload("vm-1", { ...PLAIN, labels: { version: "v3" } })]);
  assert.deepEqual(
    mesh.snapshot.generated.map(({ loaded: { object } }) => object),
    [
      {
        apiVersion: "networking.istio.io/v1",
        kind: "WorkloadEntry",
        metadata: {
          name: "vms-10.0.0.7",
          namespace: "default",
          creationTimestamp: "1970-01-01T00:00:00.000Z",
          labels: { app: "reviews", version: "v3" },
          annotations: {
            team: "a",
            "istio.io/autoRegistrationGroup": "vms",
            "istio.io/connectedAt": "1970-01-01T00:00:00.000Z",
          },
        },
        spec: {
          address: "10.0.0.7",
          labels: { app: "reviews", version: "v3" },
          serviceAccount: "vm",
          locality: "us/a",
          weight: 7,
          ports: { http: 8080 },
        },
      },
    ],
  );
});

test("it is an endpoint like any other, as healthy as the workload", () => {
  const mesh = new TestMesh(GROUP + service("reviews"), [workload("vm-1", PLAIN)]);
  assert.partialDeepStrictEqual(endpoints(mesh), [
    {
      endpoint: { address: { socket_address: { address: "10.0.0.7", port_value: 8080 } } },
      health_status: "HEALTHY",
      load_balancing_weight: 7,
      metadata: { filter_metadata: { istio: { workload: "vms;default;reviews;v2;Kubernetes" } } },
    },
  ]);
  mesh.register([workload("vm-1", { ...PLAIN, healthy: false, healthMessage: "down" })]);
  assert.partialDeepStrictEqual(endpoints(mesh), [{ health_status: "UNHEALTHY" }]);
  mesh.register([]);
  assert.deepEqual(endpoints(mesh), []);
  assert.deepEqual(mesh.snapshot.generated, []);
});

test("a workload that says where it takes requests is its own endpoint, with the group's labels, place and weight", () => {
  const mesh = new TestMesh(GROUP + service("reviews"), [workload("w", { group: "vms", bindPort: 41000 })]);
  assert.partialDeepStrictEqual(endpoints(mesh), [
    {
      endpoint: { address: { socket_address: { address: "127.0.0.1", port_value: 41000 } } },
      load_balancing_weight: 7,
    },
  ]);
  assert.equal((endpoints(mesh) as unknown[]).length, 1);
});

test("members at one address are told apart by their ports, and written entries stay as they are", () => {
  const written = `
---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: { name: vms-10.0.0.7 }
spec: { address: 10.9.9.9 }`;
  const names = (yaml: string, ...members: Parameters<typeof workload>[]): string[] =>
    new TestMesh(
      yaml,
      members.map((member) => workload(...member)),
    ).snapshot.generated.map(({ loaded }) => loaded.object.metadata.name);
  assert.deepEqual(names(GROUP, ["a", { group: "vms", bindPort: 41 }], ["b", { group: "vms", bindPort: 42 }]), [
    "vms-127.0.0.1",
    "vms-127.0.0.1-42",
  ]);
  assert.deepEqual(names(GROUP + written, ["a", PLAIN]), ["vms-10.0.0.7-0"]);
  assert.deepEqual(names(GROUP, ["a", { ...PLAIN, address: "::1", network: "n1" }]), ["vms---1-n1"]);
});

test("a group that comes later takes up those who wait for it; without it they are no endpoints", () => {
  const mesh = new TestMesh(service("reviews"), [workload("vm-1", PLAIN)]);
  assert.deepEqual(endpoints(mesh), []);
  mesh.change(GROUP);
  assert.equal((endpoints(mesh) as unknown[]).length, 1);
});

test("a client is selected by the labels of its group", () => {
  const rule = destinationRule(
    "r",
    "{ host: reviews, workloadSelector: { matchLabels: { version: v2 } }, trafficPolicy: { loadBalancer: { simple: RANDOM } } }",
  );
  const mesh = new TestMesh(GROUP + service("reviews") + rule);
  assert.equal(mesh.proxy({ group: "vms" }).json(TYPE.cluster, NAME)["lb_policy"], "RANDOM");
  assert.equal(mesh.proxy().json(TYPE.cluster, NAME)["lb_policy"], "LEAST_REQUEST");
});

test("statuses: the group counts its members, the entry says what it is", () => {
  const mesh = new TestMesh(GROUP, [workload("vm-1", PLAIN)]);
  assert.deepEqual(mesh.status("WorkloadGroup", "vms"), [
    { type: "InForce", message: "1 workload has registered as its members" },
  ]);
});
