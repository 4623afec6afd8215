/** What became of Sidecars. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { service, TestMesh } from "../support/mesh.ts";

const SERVICES = service("reviews") + service("ratings") + service("cart", "shop");

function sidecar(name: string, spec: string, namespace = "default", created = "2026-01-01T00:00:00Z"): string {
  return `
---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: { name: ${name}, namespace: ${namespace}, creationTimestamp: "${created}" }
spec: { ${spec} }`;
}

function statuses(yaml: string, name = "s", namespace = "default"): string[] {
  return new TestMesh(SERVICES + yaml)
    .status("Sidecar", name, namespace)
    .map(
      ({ type, field, message, by }) =>
        `${type}${field === undefined ? "" : ` ${field}`}: ${message}${by === undefined ? "" : ` [${by}]`}`,
    );
}

test("in force: for whom, and how much they see", () => {
  assert.deepEqual(statuses(sidecar("s", 'egress: [{ hosts: ["./*"] }]')), [
    "InForce: for workloads of default: they see 2 of 3 services",
  ]);
  assert.deepEqual(
    statuses(sidecar("s", 'workloadSelector: { labels: { app: web } }, egress: [{ hosts: ["shop/*"] }]')),
    ["InForce: for workloads of default with app=web: they see 1 of 3 services"],
  );
  assert.deepEqual(
    statuses(sidecar("s", "outboundTrafficPolicy: { mode: REGISTRY_ONLY }", "istio-system"), "s", "istio-system"),
    ["InForce: for workloads of all namespaces that have no Sidecar of their own"],
  );
});

test("a Sidecar of all namespaces: what it shows of the own one depends on whose it is", () => {
  const hosts = 'egress: [{ hosts: ["./*", "shop/*", "nowhere/*"] }]';
  assert.deepEqual(statuses(sidecar("s", hosts, "istio-system"), "s", "istio-system"), [
    "InForce: for workloads of all namespaces that have no Sidecar of their own",
    "Ignored spec.egress[0].hosts[2]: no service and no VirtualService is called so",
  ]);
});

test("shadowed by an older one for the same workloads", () => {
  const two = (selector: string): string =>
    sidecar("old", `${selector}egress: [{ hosts: ["./*"] }]`) +
    sidecar("s", `${selector}egress: [{ hosts: ["*/*"] }]`, "default", "2026-02-01T00:00:00Z");
  const shadowed = "Shadowed: an older Sidecar is for the same workloads; they are not merged [Sidecar default/old]";
  assert.deepEqual(statuses(two("")), [shadowed]);
  assert.deepEqual(statuses(two("workloadSelector: { labels: { app: web } }, ")), [shadowed]);
});

test("entries that import nothing are told", () => {
  assert.deepEqual(
    statuses(sidecar("s", 'egress: [{ hosts: ["./*", "shop/nobody.shop.svc.cluster.local", "~shop/*"] }]')),
    [
      "InForce: for workloads of default: they see 2 of 3 services",
      "Ignored spec.egress[0].hosts[1]: no service and no VirtualService is called so",
    ],
  );
});

test("what is not applied is told", () => {
  const spec = `egress: [{ port: { number: 3306, protocol: MYSQL, name: db }, captureMode: IPTABLES, hosts: ["*/*"] }],
    ingress: [{ port: { number: 9080, protocol: HTTP, name: http }, defaultEndpoint: "unix:///app.sock", tls: { mode: SIMPLE, serverCertificate: a, privateKey: b } }]`;
  assert.deepEqual(
    statuses(sidecar("s", spec)).filter((line) => line.startsWith("NotYetApplied")),
    [
      "NotYetApplied spec.egress[0].port.protocol: listeners for anything but HTTP",
      "NotYetApplied spec.egress[0].captureMode: captured connections",
      "NotYetApplied spec.ingress[0].tls: TLS for clients outside the mesh",
      "NotYetApplied spec.ingress[0].defaultEndpoint: applications at Unix sockets",
    ],
  );
});
