/** Each mistake once: its code, its line, and nothing else. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { analyze, analyzeFiles } from "../../src/analysis/index.ts";
import type { Workload } from "../../src/model/workload.ts";
import { TestMesh } from "../support/mesh.ts";

const SERVICE = `apiVersion: v1
kind: Service
metadata: { name: reviews }
spec: { selector: { app: reviews }, ports: [{ name: http, port: 9080 }] }
---
`;

function codes(yaml: string): string[] {
  return analyzeFiles(yaml, "default").map(({ code, field }) => `${code} ${field}`);
}

function virtualService(spec: string, name = "reviews"): string {
  return `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ${name} }
spec: ${spec}
---
`;
}

const CASES: readonly (readonly [what: string, yaml: string, ...codes: string[]])[] = [
  [
    "nothing is wrong",
    SERVICE + virtualService("{ hosts: [reviews], http: [{ route: [{ destination: { host: reviews } }] }] }"),
  ],
  [
    "a host, a subset and a Gateway that are not there",
    SERVICE +
      virtualService(
        "{ hosts: [reviews], gateways: [mesh, missing], http: [{ match: [{ uri: { prefix: /a } }], route: [{ destination: { host: nobody } }] }, { route: [{ destination: { host: reviews, subset: v9 } }] }] }",
      ),
    "IST0101 spec.gateways[1]",
    "IST0101 spec.http[0].route[0].destination.host",
    "IST0101 spec.http[1].route[0].destination.subset",
  ],
  [
    "two VirtualServices for one host",
    SERVICE +
      virtualService("{ hosts: [reviews], http: [{ route: [{ destination: { host: reviews } }] }] }", "a") +
      virtualService("{ hosts: [reviews], http: [{ route: [{ destination: { host: reviews } }] }] }", "b"),
    "IST0109 spec.hosts[0]",
  ],
  [
    "a route that is never reached",
    SERVICE +
      virtualService(
        "{ hosts: [reviews], http: [{ route: [{ destination: { host: reviews } }] }, { route: [{ destination: { host: reviews } }] }] }",
      ),
    "IST0130 spec.http[1]",
  ],
  ["something that is no number", SERVICE.replace("9080", "many"), "IST0106 spec.ports[0].port"],
  ["a port whose protocol nobody says", SERVICE.replace("name: http", "name: web"), "IST0118 spec.ports[0].name"],
  [
    "a filter of access logs that is no expression",
    `apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: { name: x }
spec: { accessLogging: [{ filter: { expression: "response.code >=" } }] }
`,
    "IST0106 spec.accessLogging[0].filter.expression",
  ],
  [
    "a DestinationRule for nobody",
    `apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: x }
spec: { host: nobody }
`,
    "IST0174 spec.host",
  ],
  [
    "a message that its object does not want",
    SERVICE.replace("name: http", "name: web").replace(
      "{ name: reviews }",
      '{ name: reviews, annotations: { galley.istio.io/analyze-suppress: "IST0118" } }',
    ),
  ],
];

for (const [what, yaml, ...expected] of CASES) {
  test(`${expected.length === 0 ? "nothing is said: " : ""}${what}`, () => assert.deepEqual(codes(yaml), expected));
}

test("a subset without workloads is one where the service has others", () => {
  const yaml = `${SERVICE}apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: reviews }
spec: { host: reviews, subsets: [{ name: v1, labels: { version: v1 } }, { name: v2, labels: { version: v2 } }] }
`;
  const said = (mesh: TestMesh): string[] => analyze(mesh.snapshot, []).map(({ code, field }) => `${code} ${field}`);
  assert.deepEqual(said(new TestMesh(yaml)), []);
  assert.deepEqual(said(new TestMesh(yaml, [WORKLOAD])), ["IST0173 spec.subsets[1].labels"]);
});

test("a Gateway is served by gateways that have its labels, once there are any", () => {
  const { snapshot } = new TestMesh(`apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: edge }
spec:
  selector: { istio: ingressgateway }
  servers: [{ port: { number: 80, name: http, protocol: HTTP }, hosts: ["*"] }]
`);
  const said = (...proxies: Record<string, string>[]): string[] =>
    analyze(snapshot, [], proxies).map(({ code, field, message }) => `${code} ${field}: ${message}`);
  assert.deepEqual(said(), []);
  assert.deepEqual(said({ istio: "egressgateway" }, { istio: "ingressgateway", app: "x" }), []);
  assert.deepEqual(said({ istio: "egressgateway" }), [
    "IST0101 spec.selector: no gateway that is connected has the labels istio=ingressgateway",
  ]);
});

const WORKLOAD: Workload = {
  id: "sidecar~127.0.0.1~reviews-v1.default~default.svc.cluster.local",
  name: "reviews-v1",
  namespace: "default",
  serviceAccount: "default",
  clusterId: "Kubernetes",
  labels: { app: "reviews", version: "v1" },
  address: "127.0.0.1",
  locality: "",
  network: "",
  weight: 1,
  group: undefined,
  registeredAt: 0,
  service: undefined,
  inbound: [
    {
      port: 9080,
      name: undefined,
      protocol: "http",
      address: "127.0.0.1",
      bindPort: 1,
      appAddress: "127.0.0.1",
      appPort: 2,
    },
  ],
  mutualTls: false,
  healthy: true,
  healthMessage: "",
};

test("nothing is said of the demo's configuration", () => {
  const folder = join(import.meta.dirname, "../../../../examples/bookinfo/config");
  const files = readdirSync(folder).filter((name) => name.endsWith(".yaml"));
  const stream = files.map((name) => readFileSync(join(folder, name), "utf8")).join("\n---\n");
  assert.deepEqual(codes(stream), []);
});
