/** Fallbacks: whom they are for, and what proxies are told. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "@bufbuild/protobuf";
import { service, TestMesh, virtualService } from "../support/mesh.ts";

const REVIEWS = "reviews.default.svc.cluster.local:9080";
const CUSTOM = "envoy.filters.http.custom_response";
const SERVICES = service("reviews") + service("backup") + service("cart", "shop");

function fallback(name: string, spec: string, namespace = "default", year = 2026): string {
  return `
---
apiVersion: tulle.dev/v1alpha1
kind: Fallback
metadata: { name: ${name}, namespace: ${namespace}, creationTimestamp: "${year}-01-01T00:00:00Z" }
spec: { ${spec} }`;
}

const RESPOND = "rules: [{ respond: { status: 200 } }]";

function configs(yaml: string, namespace = "default", agent = "tulle"): Record<string, JsonObject> {
  const [route] = new TestMesh(SERVICES + yaml).proxy({ namespace, agent, delta: false }).routes(REVIEWS);
  return (route?.["typed_per_filter_config"] ?? {}) as Record<string, JsonObject>;
}

/** Which Fallback a route has. */
function nameOf(yaml: string, namespace?: string): unknown {
  return configs(yaml, namespace)["tulle.fallback"]?.["name"];
}

function statuses(yaml: string, name: string, namespace = "default"): string[] {
  return new TestMesh(SERVICES + yaml)
    .status("Fallback", name, namespace)
    .map(
      ({ type, field, message, by }) =>
        `${type}${field === undefined ? "" : ` ${field}`}: ${message}${by === undefined ? "" : ` [${by}]`}`,
    );
}

test("a Fallback is for a host, from the client's namespace first, then the service's, then the root namespace", () => {
  const own = fallback("own", `host: reviews.default.svc.cluster.local, ${RESPOND}`, "shop");
  const services = fallback("service", `host: reviews, ${RESPOND}`);
  const root = fallback("root", `host: "*.svc.cluster.local", ${RESPOND}`, "istio-system");
  assert.equal(nameOf(root), "istio-system/root");
  assert.equal(nameOf(root + services), "default/service");
  assert.equal(nameOf(root + services + own), "default/service");
  assert.equal(nameOf(root + services + own, "shop"), "shop/own");
  assert.equal(nameOf(fallback("private", `host: reviews, exportTo: ["."], ${RESPOND}`), "shop"), undefined);
  assert.equal(nameOf(fallback("others", `host: cart.shop, ${RESPOND}`)), undefined);
  assert.deepEqual(configs(""), {});
});

test("the more specific host counts, then the older one", () => {
  const all = fallback("all", `host: "*.default.svc.cluster.local", ${RESPOND}`, "default", 2020);
  const young = fallback("young", `host: reviews, ${RESPOND}`, "default", 2026);
  const old = fallback("old", `host: reviews, ${RESPOND}`, "default", 2025);
  assert.equal(nameOf(all), "default/all");
  assert.equal(nameOf(all + young), "default/young");
  assert.equal(nameOf(all + young + old), "default/old");
});

test("routes of a VirtualService have it by name, several destinations each their own", () => {
  const routes = virtualService("reviews", {
    hosts: "reviews",
    http: `[
      { name: a, match: [{ uri: { prefix: /a } }], route: [{ destination: { host: reviews } }] },
      { match: [{ uri: { prefix: /b } }], redirect: { uri: /c } },
      { name: c, route: [{ destination: { host: reviews }, weight: 1 }, { destination: { host: backup }, weight: 1 }] }]`,
  });
  const yaml =
    SERVICES +
    routes +
    fallback("a", `host: reviews, routes: [a], ${RESPOND}`, "default", 2026) +
    fallback("rest", `host: backup, ${RESPOND}`);
  const [a, b, c] = new TestMesh(yaml).proxy({ agent: "tulle", delta: false }).routes(REVIEWS);
  const name = (of: unknown): unknown =>
    ((of as JsonObject | undefined)?.["typed_per_filter_config"] as Record<string, JsonObject> | undefined)?.[
      "tulle.fallback"
    ]?.["name"];
  const { weighted_clusters: weighted } = c!["route"] as { weighted_clusters: { clusters: JsonObject[] } };
  assert.deepEqual(
    [name(a), name(b), name(c), ...weighted.clusters.map(name)],
    ["default/a", undefined, undefined, undefined, "default/rest"],
  );
});

test("our own proxy is told everything", () => {
  const found = configs(
    fallback(
      "f",
      `host: reviews, rules: [
        { on: [Timeout, 5xx, 429], lastGood: { maxAge: 5m } },
        { on: [NoHealthyUpstream], redirectTo: { destination: { host: backup, subset: v1 }, timeout: 2s } },
        { respond: { status: 200, headers: { x-a: b }, body: { json: { a: 1 } } } }]`,
    ),
  )["tulle.fallback"];
  assert.deepEqual(found, {
    "@type": "type.googleapis.com/tulle.filters.http.fallback.v1.FallbackPolicy",
    name: "default/f",
    rules: [
      {
        failures: ["TIMEOUT"],
        statuses: [
          { start: "500", end: "600" },
          { start: "429", end: "430" },
        ],
        last_good: { max_age: "300s", max_entry_bytes: "65536", max_bytes: "8388608" },
      },
      {
        failures: ["NO_HEALTHY_UPSTREAM"],
        redirect: { cluster: "outbound|9080|v1|backup.default.svc.cluster.local", timeout: "2s" },
      },
      {
        failures: [
          "CIRCUIT_BREAKER_OPEN",
          "NO_HEALTHY_UPSTREAM",
          "TIMEOUT",
          "RETRIES_EXHAUSTED",
          "RESET",
          "CONNECT_FAILURE",
          "NO_CLUSTER",
        ],
        respond: {
          status: 200,
          response_headers_to_add: [
            { header: { key: "content-type", value: "application/json" }, append_action: "OVERWRITE_IF_EXISTS_OR_ADD" },
            { header: { key: "x-a", value: "b" }, append_action: "OVERWRITE_IF_EXISTS_OR_ADD" },
          ],
          json_format: { a: 1 },
        },
      },
    ],
  });
});

test("Envoy is told of answers, as far as it has any", () => {
  const only = configs(
    fallback("f", "host: reviews, rules: [{ lastGood: { maxAge: 5m } }, { respond: { status: 200 } }]"),
    "default",
    "envoy",
  );
  assert.deepEqual(Object.keys(only), [CUSTOM]);
  const { custom_response_matcher: matcher } = only[CUSTOM] as { custom_response_matcher: JsonObject };
  assert.equal((matcher["matcher_list"] as { matchers: unknown[] }).matchers.length, 1);
  const none = configs(fallback("f", "host: reviews, rules: [{ lastGood: { maxAge: 5m } }]"), "default", "envoy");
  assert.deepEqual(none, {});
});

test("status: in force, and what Envoys pass over", () => {
  assert.deepEqual(statuses(fallback("f", `host: reviews, ${RESPOND}`), "f"), [
    "InForce: answers when requests to reviews.default.svc.cluster.local fail",
  ]);
  const [inForce, lastGood, redirect, unknown] = statuses(
    fallback(
      "f",
      "host: reviews, rules: [{ lastGood: { maxAge: 1m } }, { redirectTo: { destination: { host: nobody } } }]",
    ),
    "f",
  );
  assert.match(inForce!, /^InForce/);
  assert.match(lastGood!, /^InForce spec\.rules\[0\]\.lastGood: .*Envoys pass this rule over/);
  assert.match(redirect!, /^InForce spec\.rules\[1\]\.redirectTo: .*Envoys pass this rule over/);
  assert.match(unknown!, /^Invalid spec\.rules\[1\]\.redirectTo\.destination\.host: no service is called nobody/);
});

test("status: whom it is for is unknown, or another one's", () => {
  assert.deepEqual(statuses(fallback("f", `host: nobody, ${RESPOND}`), "f"), [
    "Ignored spec.host: no service is called nobody.default.svc.cluster.local",
  ]);
  assert.deepEqual(statuses(fallback("f", `host: reviews, exportTo: ["~"], ${RESPOND}`), "f"), [
    'Ignored spec.exportTo: it is exported to nobody ("~")',
  ]);
  const two =
    fallback("old", `host: reviews, ${RESPOND}`, "default", 2020) + fallback("young", `host: reviews, ${RESPOND}`);
  assert.deepEqual(statuses(two, "young"), [
    "Shadowed spec.host: an older Fallback is for reviews.default.svc.cluster.local; they are not merged [Fallback default/old]",
  ]);
  assert.equal(statuses(two, "old").length, 1);
  const routes = fallback("old", `host: reviews, routes: [a], ${RESPOND}`, "default", 2020);
  const named = virtualService("reviews", {
    hosts: "reviews",
    http: "[{ name: a, route: [{ destination: { host: reviews } }] }]",
  });
  assert.deepEqual(statuses(named + routes + fallback("f", `host: reviews, routes: [a, b], ${RESPOND}`), "f"), [
    "InForce: answers when requests to reviews.default.svc.cluster.local fail",
    "Shadowed spec.routes[0]: an older Fallback is for route a [Fallback default/old]",
    "Ignored spec.routes[1]: no VirtualService has a route b",
  ]);
});
