/** Consistent hashing: routes say what of a request counts. One rule a test. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "@bufbuild/protobuf";
import { TYPE } from "@tulle/xds";
import { destinationRule, service, TestMesh, virtualService } from "../support/mesh.ts";

const HOST = "reviews.default.svc.cluster.local";
const hash = (key: string): string => `loadBalancer: { consistentHash: { ${key} } }`;

/** Hash policies of the first route of `reviews`. */
function policies(yaml: string): unknown {
  const [route] = new TestMesh(service("reviews") + yaml).proxy().routes(`${HOST}:9080`);
  return (route!["route"] as JsonObject)["hash_policy"];
}

function ruled(key: string): string {
  return destinationRule("r", `{ host: reviews, trafficPolicy: { ${hash(key)} } }`);
}

const routed = (http: string): string => virtualService("reviews", { hosts: "reviews", http });

test("every key, for a service that no VirtualService routes", () => {
  assert.deepEqual(policies(ruled("httpHeaderName: x-user")), [{ header: { header_name: "x-user" } }]);
  assert.deepEqual(policies(ruled("httpQueryParameterName: user")), [{ query_parameter: { name: "user" } }]);
  assert.deepEqual(policies(ruled("useSourceIp: true")), [{ connection_properties: { source_ip: true } }]);
  assert.deepEqual(policies(ruled("httpCookie: { name: user }")), [{ cookie: { name: "user" } }]);
});

test("a cookie that the proxy makes: its time to live, path and attributes", () => {
  assert.deepEqual(
    policies(
      ruled(
        "httpCookie: { name: user, ttl: 3600s, path: /a, attributes: [{ name: SameSite, value: Strict }, { name: Secure }] }",
      ),
    ),
    [
      {
        cookie: {
          name: "user",
          ttl: "3600s",
          path: "/a",
          attributes: [{ name: "SameSite", value: "Strict" }, { name: "Secure" }],
        },
      },
    ],
  );
  assert.deepEqual(policies(ruled("httpCookie: { name: user, ttl: 0s }")), [{ cookie: { name: "user", ttl: "0s" } }]);
});

test("without consistent hashing there is none", () => {
  assert.equal(
    policies(destinationRule("r", "{ host: reviews, trafficPolicy: { loadBalancer: { simple: RANDOM } } }")),
    undefined,
  );
});

test("a routed destination has the rule's, its subset's before it", () => {
  const rule = destinationRule(
    "r",
    `{ host: reviews, trafficPolicy: { ${hash("httpHeaderName: a")} }, subsets: [{ name: v1 }, { name: v2, trafficPolicy: { ${hash("httpHeaderName: b")} } }, { name: v3, trafficPolicy: { loadBalancer: { simple: RANDOM } } }] }`,
  );
  const to = (subset: string): unknown =>
    policies(
      rule + routed(`[{ route: [{ destination: { host: reviews${subset === "" ? "" : `, subset: ${subset}`} } }] }]`),
    );
  assert.deepEqual(to(""), [{ header: { header_name: "a" } }]);
  assert.deepEqual(to("v1"), [{ header: { header_name: "a" } }]);
  assert.deepEqual(to("v2"), [{ header: { header_name: "b" } }]);
  assert.equal(to("v3"), undefined);
});

test("weighted destinations: all of theirs", () => {
  const rule = destinationRule(
    "r",
    `{ host: reviews, subsets: [{ name: v1, trafficPolicy: { ${hash("httpHeaderName: a")} } }, { name: v2, trafficPolicy: { ${hash("httpHeaderName: b")} } }] }`,
  );
  const http =
    "[{ route: [{ destination: { host: reviews, subset: v1 }, weight: 1 }, { destination: { host: reviews, subset: v2 }, weight: 1 }] }]";
  assert.deepEqual(policies(rule + routed(http)), [{ header: { header_name: "a" } }, { header: { header_name: "b" } }]);
});

test("a port's settings count for that port, whether the route names it or not", () => {
  const rule = destinationRule(
    "r",
    `{ host: reviews, trafficPolicy: { portLevelSettings: [{ port: { number: 9080 }, ${hash("httpHeaderName: a")} }] } }`,
  );
  const expected = [{ header: { header_name: "a" } }];
  assert.deepEqual(policies(rule), expected);
  assert.deepEqual(policies(rule + routed("[{ route: [{ destination: { host: reviews } }] }]")), expected);
  assert.deepEqual(
    policies(rule + routed("[{ route: [{ destination: { host: reviews, port: { number: 9080 } } }] }]")),
    expected,
  );
});

test("another service as destination has its own rule's", () => {
  const yaml =
    service("ratings") +
    destinationRule("r", `{ host: ratings, trafficPolicy: { ${hash("httpHeaderName: a")} } }`) +
    routed("[{ route: [{ destination: { host: ratings } }] }]");
  assert.deepEqual(policies(yaml), [{ header: { header_name: "a" } }]);
});

test("at a gateway too", () => {
  const gateway = `
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: edge }
spec: { servers: [{ port: { number: 8080, name: http, protocol: HTTP }, hosts: ["*"] }] }`;
  const bound = virtualService("edge", {
    hosts: '"*"',
    http: "[{ route: [{ destination: { host: reviews } }] }]",
    more: "gateways: [edge]",
  });
  const mesh = new TestMesh(service("reviews") + gateway + bound + ruled("httpHeaderName: a"));
  const [route] = mesh.proxy({ type: "router", tulle: {} }).routes("*:8080", "http.8080");
  assert.deepEqual((route!["route"] as JsonObject)["hash_policy"], [{ header: { header_name: "a" } }]);
});

test("a rule that changes how one service is hashed changes its virtual hosts, and no others", () => {
  const mesh = new TestMesh(service("reviews") + service("ratings") + ruled("httpHeaderName: a"));
  const proxy = mesh.proxy({ agent: "tulle" });
  const before = proxy.view.set(TYPE.virtualHost)!.resources;
  mesh.change(ruled("httpHeaderName: b"));
  const after = proxy.view.set(TYPE.virtualHost)!.resources;
  assert.deepEqual(
    [...after.values()].filter((one) => before.get(one.name)?.version !== one.version).map(({ name }) => name),
    [`http_proxy/${HOST}:9080`, `9080/${HOST}:9080`],
  );
});

test("a rule without hashing leaves all virtual hosts as they were", () => {
  const rule = (simple: string): string =>
    destinationRule("r", `{ host: reviews, trafficPolicy: { loadBalancer: { simple: ${simple} } } }`);
  const mesh = new TestMesh(service("reviews") + rule("RANDOM"));
  const proxy = mesh.proxy({ agent: "tulle" });
  const before = proxy.view;
  mesh.change(rule("ROUND_ROBIN"));
  assert.equal(proxy.view.set(TYPE.virtualHost), before.set(TYPE.virtualHost));
  assert.notEqual(proxy.view.set(TYPE.cluster), before.set(TYPE.cluster));
});
