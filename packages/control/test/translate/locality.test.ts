/** How requests are shared among places: one rule a test. Istio's own table cases are among them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "@bufbuild/protobuf";
import { TYPE } from "@tulle/xds";
import { destinationRule, TestMesh } from "../support/mesh.ts";
import type { ProxyOptions } from "../support/mesh.ts";

const HOST = "db.example";
const NAME = `outbound|80||${HOST}`;

/** A ServiceEntry whose endpoints are named by the last part of their address: `10.0.0.1`. */
function entry(...endpoints: string[]): string {
  return `
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: db }
spec:
  hosts: [${HOST}]
  ports: [{ number: 80, name: http, protocol: HTTP }]
  resolution: STATIC
  endpoints: [${endpoints.join(", ")}]`;
}

function at(locality: string, index: number, more = ""): string {
  return `{ address: 10.0.0.${index}, locality: ${locality}${more} }`;
}

const PLACES = entry(
  at("us/a/1", 1),
  at("us/a/2", 2),
  at("us/b/1", 3),
  at("eu/a/1", 4, ", weight: 3"),
  at("asia/a/1", 5),
);
const OUTLIER = "outlierDetection: {}";

function rule(trafficPolicy: string): string {
  return destinationRule("db", `{ host: ${HOST}, trafficPolicy: ${trafficPolicy} }`);
}

interface Group {
  readonly locality: { readonly region?: string; readonly zone?: string; readonly sub_zone?: string };
  readonly priority?: number;
  readonly load_balancing_weight: number;
  readonly lb_endpoints: { endpoint: { address: { socket_address: { address: string } } } }[];
}

/** `priority weight locality: last parts of the addresses`. */
function seen(yaml: string, client: ProxyOptions): string[] {
  const json = new TestMesh(yaml).proxy(client).json(TYPE.endpoints, NAME);
  return ((json["endpoints"] ?? []) as unknown as Group[]).map(
    ({
      locality: { region = "", zone = "", sub_zone = "" },
      priority = 0,
      load_balancing_weight: weight,
      lb_endpoints,
    }) => {
      const addresses = lb_endpoints.map(({ endpoint }) => endpoint.address.socket_address.address.split(".").at(-1));
      return `${priority} ${weight} ${region}/${zone}/${sub_zone}: ${addresses.join()}`;
    },
  );
}

const AT_US = { locality: "us/a/1" };

function weighted(yaml: string): boolean {
  const json = new TestMesh(yaml).proxy(AT_US).json(TYPE.cluster, NAME);
  return (json["common_lb_config"] as JsonObject)["locality_weighted_lb_config"] !== undefined;
}

test("endpoints are grouped by place; without outlier detection all places come first", () => {
  assert.deepEqual(seen(PLACES, AT_US), [
    "0 1 asia/a/1: 5",
    "0 3 eu/a/1: 4",
    "0 1 us/a/1: 1",
    "0 1 us/a/2: 2",
    "0 1 us/b/1: 3",
  ]);
  assert.equal(weighted(PLACES), false);
});

test("with outlier detection nearer places come first: subzone, zone, region, elsewhere", () => {
  const yaml = PLACES + rule(`{ ${OUTLIER} }`);
  assert.deepEqual(seen(yaml, AT_US), [
    "3 1 asia/a/1: 5",
    "3 3 eu/a/1: 4",
    "0 1 us/a/1: 1",
    "1 1 us/a/2: 2",
    "2 1 us/b/1: 3",
  ]);
  assert.deepEqual(seen(yaml, { locality: "eu/a/1" }), [
    "1 1 asia/a/1: 5",
    "0 3 eu/a/1: 4",
    "1 1 us/a/1: 1",
    "1 1 us/a/2: 2",
    "1 1 us/b/1: 3",
  ]);
  assert.equal(weighted(yaml), false, "a balancer for all endpoints of a priority");
});

test("a client that does not know where it is has all places alike", () => {
  assert.deepEqual([...new Set(seen(PLACES + rule(`{ ${OUTLIER} }`), {}).map((line) => line[0]))], ["0"]);
});

test("failover: a region comes before all others", () => {
  const yaml =
    PLACES + rule(`{ ${OUTLIER}, loadBalancer: { localityLbSetting: { failover: [{ from: us, to: asia }] } } }`);
  assert.deepEqual(seen(yaml, AT_US), [
    "3 1 asia/a/1: 5",
    "4 3 eu/a/1: 4",
    "0 1 us/a/1: 1",
    "1 1 us/a/2: 2",
    "2 1 us/b/1: 3",
  ]);
  assert.equal(weighted(yaml), true);
});

test("failover does nothing without outlier detection", () => {
  const yaml = PLACES + rule("{ loadBalancer: { localityLbSetting: { failover: [{ from: us, to: asia }] } } }");
  assert.deepEqual([...new Set(seen(yaml, AT_US).map((line) => line[0]))], ["0"]);
  assert.equal(weighted(yaml), false);
});

test("enabled: false switches it off for the rule", () => {
  const yaml = PLACES + rule(`{ ${OUTLIER}, loadBalancer: { localityLbSetting: { enabled: false } } }`);
  assert.deepEqual([...new Set(seen(yaml, AT_US).map((line) => line[0]))], ["0"]);
});

test("the mesh's setting holds where the rule has none", () => {
  const mesh = `
---
apiVersion: v1
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data: { mesh: "localityLbSetting: { enabled: false }" }`;
  assert.deepEqual([...new Set(seen(PLACES + mesh + rule(`{ ${OUTLIER} }`), AT_US).map((line) => line[0]))], ["0"]);
  const own = rule(`{ ${OUTLIER}, loadBalancer: { localityLbSetting: { enabled: true } } }`);
  assert.deepEqual(new Set(seen(PLACES + mesh + own, AT_US).map((line) => line[0])).size, 4);
});

const distribute = (...rules: string[]): string =>
  rule(`{ loadBalancer: { localityLbSetting: { distribute: [${rules.join(", ")}] } } }`);

test("distribute: places have the weights that the client's place gives them, others get nothing", () => {
  const yaml = PLACES + distribute('{ from: us/a/*, to: { "us/a/*": 70, "eu/*": 30 } }');
  assert.deepEqual(seen(yaml, AT_US), ["0 30 eu/a/1: 4", "0 35 us/a/1: 1", "0 35 us/a/2: 2"]);
  assert.equal(weighted(yaml), true);
});

test("distribute: a place that no rule is from keeps all places", () => {
  const yaml = PLACES + distribute('{ from: us/a/*, to: { "us/*": 100 } }');
  assert.equal(seen(yaml, { locality: "eu/a/1" }).length, 5);
});

test("distribute: the first rule that covers the client's place counts", () => {
  const yaml = PLACES + distribute('{ from: us/*, to: { "eu/*": 100 } }', '{ from: us/a/1, to: { "us/*": 100 } }');
  assert.deepEqual(seen(yaml, AT_US), ["0 100 eu/a/1: 4"]);
});

test("distribute: a narrower pattern takes its places before a wider one", () => {
  const yaml = PLACES + distribute('{ from: us/a/1, to: { "us/*": 20, "us/a/1": 80 } }');
  assert.deepEqual(seen(yaml, AT_US), ["0 80 us/a/1: 1", "0 10 us/a/2: 2", "0 10 us/b/1: 3"]);
});

test("distribute comes without priorities, outlier detection or not", () => {
  const yaml =
    PLACES +
    rule(
      `{ ${OUTLIER}, loadBalancer: { localityLbSetting: { distribute: [{ from: us/a/1, to: { "us/a/1": 50, "eu/*": 50 } }] } } }`,
    );
  assert.deepEqual(seen(yaml, AT_US), ["0 50 eu/a/1: 4", "0 50 us/a/1: 1"]);
});

const VERSIONS = entry(
  at("us/a/1", 1, ", labels: { version: v1, env: prod }"),
  at("us/a/1", 2, ", labels: { version: v2, env: prod }"),
  at("eu/a/1", 3, ", labels: { version: v1, env: test }"),
);
const priority = (labels: string): string =>
  rule(`{ ${OUTLIER}, loadBalancer: { localityLbSetting: { failoverPriority: [${labels}] } } }`);

test("failoverPriority: the more of the labels an endpoint shares with the client, in order, the earlier it comes", () => {
  const client = { ...AT_US, labels: { version: "v1", env: "prod" } };
  assert.deepEqual(seen(VERSIONS + priority("version, env"), client), [
    "1 1 eu/a/1: 3",
    "0 1 us/a/1: 1",
    "2 1 us/a/1: 2",
  ]);
  assert.equal(weighted(VERSIONS + priority("version")), true);
});

test("failoverPriority: a label may have its value with it, in place of the client's", () => {
  assert.deepEqual(seen(VERSIONS + priority("version=v2"), { labels: { version: "v1" } }), [
    "1 1 eu/a/1: 3",
    "0 1 us/a/1: 2",
    "1 1 us/a/1: 1",
  ]);
});

test("failoverPriority knows regions and zones as labels", () => {
  assert.deepEqual(
    seen(VERSIONS + priority("topology.kubernetes.io/region, version"), { ...AT_US, labels: { version: "v1" } }),
    ["2 1 eu/a/1: 3", "0 1 us/a/1: 1", "1 1 us/a/1: 2"],
  );
});

test("failoverPriority: another network only puts an endpoint behind the others", () => {
  const networks = entry(
    at("us/a/1", 1, ", network: n1, labels: { version: v1 }"),
    at("us/a/1", 2, ", network: n1, labels: { version: v2 }"),
    at("us/a/1", 3, ", labels: { version: v1 }"),
  );
  assert.deepEqual(seen(networks + priority("topology.istio.io/network, version"), { labels: { version: "v1" } }), [
    "0 1 us/a/1: 3",
    "1 1 us/a/1: 1",
    "2 1 us/a/1: 2",
  ]);
});

test("failoverPriority and failover together: places among endpoints of one rank", () => {
  const yaml =
    VERSIONS +
    rule(
      `{ ${OUTLIER}, loadBalancer: { localityLbSetting: { failoverPriority: [version], failover: [{ from: us, to: eu }] } } }`,
    );
  assert.deepEqual(seen(yaml, { ...AT_US, labels: { version: "v1" } }), [
    "1 1 eu/a/1: 3",
    "0 1 us/a/1: 1",
    "2 1 us/a/1: 2",
  ]);
});

test("subsets select by the labels that a place gives", () => {
  const yaml =
    PLACES +
    destinationRule("db", `{ host: ${HOST}, subsets: [{ name: eu, labels: { topology.kubernetes.io/region: eu } }] }`);
  const json = new TestMesh(yaml).proxy().json(TYPE.endpoints, `outbound|80|eu|${HOST}`);
  assert.equal((json["endpoints"] as JsonObject[]).length, 1);
});

test("where panic may set in, unhealthy endpoints are left out", () => {
  const slice = `
---
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { ports: [{ name: http, port: 80 }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: web-1, labels: { kubernetes.io/service-name: web } }
addressType: IPv4
ports: [{ name: http, port: 8080 }]
endpoints: [{ addresses: [10.0.0.1] }, { addresses: [10.0.0.2], conditions: { ready: false } }]`;
  const count = (policy: string): number => {
    const yaml = slice + destinationRule("web", `{ host: web, trafficPolicy: { outlierDetection: ${policy} } }`);
    const json = new TestMesh(yaml).proxy().json(TYPE.endpoints, "outbound|80||web.default.svc.cluster.local");
    return (json["endpoints"] as { lb_endpoints: object[] }[])[0]!.lb_endpoints.length;
  };
  assert.equal(count("{}"), 2);
  assert.equal(count("{ minHealthPercent: 50 }"), 1);
});

test("clients of one place share an assignment, and all clients share those that place makes no difference to", () => {
  const plain = `
---
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { selector: { app: web }, ports: [{ name: http, port: 80 }] }`;
  const mesh = new TestMesh(PLACES + plain + rule(`{ ${OUTLIER} }`));
  const view = (name: string, locality: string, typeUrl: string): unknown =>
    mesh.proxy({ name, locality }).view.set(typeUrl as typeof TYPE.endpoints);
  assert.equal(view("a", "us/a/1", TYPE.endpoints), view("b", "us/a/1", TYPE.endpoints));
  const [us, eu] = ["us/a/1", "eu/a/1"].map((locality) => mesh.proxy({ locality }));
  assert.notEqual(us!.resource(TYPE.endpoints, NAME), eu!.resource(TYPE.endpoints, NAME));
  const other = "outbound|80||web.default.svc.cluster.local";
  assert.equal(us!.resource(TYPE.endpoints, other), eu!.resource(TYPE.endpoints, other));
  assert.equal(us!.resource(TYPE.cluster, NAME), eu!.resource(TYPE.cluster, NAME));
});

test("the place of a pod is its node's", () => {
  const yaml = `
---
apiVersion: v1
kind: Node
metadata: { name: n1, labels: { topology.kubernetes.io/region: us, topology.kubernetes.io/zone: us-a } }
---
apiVersion: v1
kind: Service
metadata: { name: db }
spec: { ports: [{ name: http, port: 80 }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: db-1, labels: { kubernetes.io/service-name: db } }
addressType: IPv4
ports: [{ name: http, port: 8080 }]
endpoints: [{ addresses: [10.0.0.1], nodeName: n1 }]`;
  const json = new TestMesh(yaml).proxy().json(TYPE.endpoints, "outbound|80||db.default.svc.cluster.local");
  assert.deepEqual((json["endpoints"] as unknown as Group[])[0]!.locality, { region: "us", zone: "us-a" });
});

test("the label istio-locality says where a workload is, with dots for slashes", () => {
  const yaml = PLACES + rule(`{ ${OUTLIER} }`);
  assert.deepEqual(seen(yaml, { labels: { "istio-locality": "us.a.1" } }), seen(yaml, AT_US));
});
