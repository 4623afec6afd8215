import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { age, columnsOf, statusText } from "../src/control-plane/columns.ts";

describe("the status of an object", () => {
  test("is InForce when nothing else is said", () => {
    assert.equal(statusText([]), "InForce");
    assert.equal(statusText([{ type: "InForce", message: "" }]), "InForce");
  });

  test("names the fields that are not applied and what shadows it", () => {
    const text = statusText([
      { type: "InForce", message: "" },
      { type: "NotYetApplied", field: "spec.http[0].retries", message: "retries come later" },
      { type: "Shadowed", by: "VirtualService default/older", message: "same host" },
      { type: "Ignored", message: "no workload has these labels" },
    ]);
    assert.equal(
      text,
      "NotYetApplied: spec.http[0].retries; Shadowed: by VirtualService default/older; Ignored: no workload has these labels",
    );
  });
});

test("of many things in a status a table has the first", () => {
  const status = Array.from({ length: 8 }, (_, i) => ({ type: "Ignored" as const, message: `m${i}` }));
  assert.equal(
    statusText(status),
    "Ignored: m0; Ignored: m1; Ignored: m2; Ignored: m3; Ignored: m4; and 3 more (-o yaml)",
  );
  assert.doesNotMatch(statusText(status.slice(0, 5)), /more/);
});

test("ages are written as Kubernetes writes them", () => {
  const now = Date.parse("2026-01-10T00:00:00Z");
  assert.equal(age("2026-01-09T23:59:15Z", now), "45s");
  assert.equal(age("2026-01-09T23:48:00Z", now), "12m");
  assert.equal(age("2026-01-09T19:00:00Z", now), "5h");
  assert.equal(age("2026-01-07T00:00:00Z", now), "3d");
  assert.equal(age("2026-01-11T00:00:00Z", now), "0s");
  assert.equal(age(undefined, now), "-");
});

test("the two kinds called Gateway have columns of their own", () => {
  const servers = [{ port: { number: 8080, protocol: "HTTP" } }, { port: { number: 8443, protocol: "HTTPS" } }];
  const spec = { selector: { istio: "ingressgateway" }, servers };
  const istio = columnsOf("networking.istio.io", "Gateway").map(({ header, value }) => [header, value(spec)]);
  assert.deepEqual(istio, [
    ["SELECTOR", "istio=ingressgateway"],
    ["PORTS", "8080/HTTP,8443/HTTPS"],
  ]);
  const [gatewayClass] = columnsOf("gateway.networking.k8s.io", "Gateway");
  assert.equal(gatewayClass?.value({ gatewayClassName: "tulle" }), "tulle");
  assert.deepEqual(columnsOf("", "ConfigMap"), []);
});
