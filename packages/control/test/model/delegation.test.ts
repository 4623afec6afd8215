/** Delegates: VirtualServices whose routes stand in another's place. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "@bufbuild/protobuf";
import type { ObjectStatus } from "../../src/status/object-status.ts";
import { service, TestMesh, virtualService } from "../support/mesh.ts";
import type { ProxyOptions } from "../support/mesh.ts";

const REVIEWS = "reviews.default.svc.cluster.local:9080";
const TO = "route: [{ destination: { host: reviews } }]";

/** A VirtualService without hosts. */
function delegate(http: string, more = "", namespace = "default", name = "part"): string {
  return `
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ${name}, namespace: ${namespace} }
spec: { http: [${http}]${more === "" ? "" : `, ${more}`} }`;
}

/** A root that hands over what `match` says, and a delegate with one match. */
function meshOf(rootFields: string, ...delegates: string[]): TestMesh {
  const root = virtualService("reviews", { hosts: "reviews", http: `[${rootFields}]` });
  return new TestMesh(service("reviews") + root + delegates.join(""));
}
function routesOf(mesh: TestMesh, proxy: ProxyOptions = {}): JsonObject[] {
  return mesh.proxy(proxy).routes(REVIEWS);
}
function matchesOf(rootMatch: string, leafMatch: string): unknown[] {
  const mesh = meshOf(
    `{ match: [${rootMatch}], delegate: { name: part } }, { match: [{ uri: { exact: /last } }], ${TO} }`,
    delegate(`{ match: [${leafMatch}], ${TO} }`),
  );
  return routesOf(mesh)
    .map(({ match }) => match as JsonObject)
    .filter((match) => match["path"] !== "/last");
}
const text = ({ type, field = "", message }: ObjectStatus): string => `${type} ${field}: ${message}`;

test("a delegate's routes stand where the root delegates, in order", () => {
  const mesh = meshOf(
    `{ match: [{ uri: { prefix: /a } }], ${TO}, name: first }, { match: [{ uri: { prefix: /b } }], delegate: { name: part }, name: root }, { ${TO}, name: last }`,
    delegate(`{ match: [{ uri: { prefix: /b/1 } }], ${TO}, name: one }, { match: [{ uri: { exact: /b/2 } }], ${TO} }`),
  );
  assert.deepEqual(
    routesOf(mesh).map(({ name, match }) => [name, match]),
    [
      ["first", { prefix: "/a" }],
      ["root-one", { prefix: "/b/1" }],
      ["root", { path: "/b/2" }],
      ["last", { prefix: "/" }],
    ],
  );
});

test("without a match of its own a delegate's route has the root's matches, and the other way round", () => {
  const root = (match: string): string => `{ ${match}delegate: { name: part } }`;
  const paths = (mesh: TestMesh): unknown[] => routesOf(mesh).map(({ match }) => match);
  assert.deepEqual(
    paths(meshOf(root("match: [{ uri: { prefix: /a } }, { uri: { prefix: /b } }], "), delegate(`{ ${TO} }`))),
    [{ prefix: "/a" }, { prefix: "/b" }],
  );
  assert.deepEqual(paths(meshOf(root(""), delegate(`{ match: [{ uri: { prefix: /c } }], ${TO} }`))), [
    { prefix: "/c" },
  ]);
});

test("both conditions hold; where both have one, the delegate's, which is the narrower", () => {
  const [match, ...others] = matchesOf(
    "{ uri: { prefix: /a }, method: { exact: GET }, headers: { x: { prefix: v } }, queryParams: { q: { exact: '1' } } }",
    "{ uri: { exact: /a/b }, headers: { x: { exact: v1 }, y: {} } }",
  );
  assert.deepEqual(others, []);
  assert.deepEqual(match, {
    path: "/a/b",
    headers: [
      { name: "x", string_match: { exact: "v1" } },
      { name: "y", present_match: true },
      { name: ":method", string_match: { exact: "GET" } },
    ],
    query_parameters: [{ name: "q", string_match: { exact: "1" } }],
  });
});

test("a delegate's match goes together with every match of the root that it is a part of", () => {
  assert.deepEqual(
    matchesOf(
      "{ uri: { prefix: /a } }, { uri: { prefix: /a/b }, port: 9080 }, { uri: { prefix: /c } }",
      "{ uri: { prefix: /a/b/c } }",
    ),
    [{ prefix: "/a/b/c" }, { prefix: "/a/b/c" }],
  );
});

for (const [what, root, leaf] of [
  ["a prefix outside the root's", "{ uri: { prefix: /a } }", "{ uri: { prefix: /b } }"],
  ["a prefix shorter than the root's", "{ uri: { prefix: /a/b } }", "{ uri: { prefix: /a } }"],
  ["an exact path outside the root's prefix", "{ uri: { prefix: /a } }", "{ uri: { exact: /b } }"],
  ["another exact path", "{ uri: { exact: /a } }", "{ uri: { exact: /b } }"],
  ["a prefix of the root's exact path", "{ uri: { exact: /a } }", "{ uri: { prefix: /a } }"],
  ["whatever the root has a regex for", "{ uri: { regex: '/a.*' } }", "{ uri: { exact: /ab } }"],
  ["a regex where the root has a prefix", "{ uri: { prefix: /a } }", "{ uri: { regex: '/a/.*' } }"],
  ["another method", "{ method: { exact: GET } }", "{ method: { exact: POST } }"],
  ["another scheme", "{ scheme: { exact: http } }", "{ scheme: { exact: https } }"],
  ["another authority", "{ authority: { prefix: a } }", "{ authority: { prefix: b } }"],
  ["another value of a header", "{ headers: { x: { exact: a } } }", "{ headers: { x: { exact: b } } }"],
  ["a value where the root asks for presence", "{ headers: { x: {} } }", "{ headers: { x: { exact: b } } }"],
  [
    "another value of withoutHeaders",
    "{ withoutHeaders: { x: { exact: a } } }",
    "{ withoutHeaders: { x: { exact: b } } }",
  ],
  ["another query parameter", "{ queryParams: { q: { exact: a } } }", "{ queryParams: { q: { prefix: b } } }"],
  ["another case of the path", "{ uri: { prefix: /a }, ignoreUriCase: true }", "{ uri: { prefix: /a } }"],
  ["another port", "{ port: 9080 }", "{ port: 80 }"],
  ["other source labels", "{ sourceLabels: { app: a } }", "{ sourceLabels: { app: b } }"],
  ["no source namespace where the root has one", "{ sourceNamespace: default }", "{ uri: { prefix: / } }"],
  ["a gateway that the root does not name", "{ gateways: [mesh] }", "{ gateways: [mesh, edge] }"],
] as const) {
  test(`a delegate's route is left out if it asks for ${what}`, () => {
    assert.deepEqual(matchesOf(root, leaf), []);
  });
}

test("labels of both must be the client's, and are asked for only where they are", () => {
  const mesh = meshOf(
    "{ match: [{ sourceLabels: { app: a } }], delegate: { name: part } }",
    delegate(`{ match: [{ sourceLabels: { version: v1 } }], ${TO}, name: found }`),
  );
  const names = (labels: Record<string, string>): unknown[] => routesOf(mesh, { labels }).map(({ name }) => name);
  assert.deepEqual(names({ app: "a", version: "v1" }), ["found"]);
  assert.deepEqual(names({ app: "a" }), ["default"]);
});

test("fields of the delegate replace the root's as a whole; what it lacks it has from the root", () => {
  const mesh = meshOf(
    `{ delegate: { name: part }, timeout: 1s, rewrite: { authority: root.example }, headers: { request: { set: { x-root: r } } } }`,
    delegate(`{ ${TO}, timeout: 2s, headers: { response: { set: { x-part: p } } } }`),
  );
  const [route] = routesOf(mesh);
  const { timeout, host_rewrite_literal } = route!["route"] as JsonObject;
  assert.deepEqual([timeout, host_rewrite_literal], ["2s", "root.example"]);
  assert.equal(route!["request_headers_to_add"], undefined);
  assert.ok(route!["response_headers_to_add"] !== undefined);
});

test("short names and gateways of a delegate are of its own namespace; its origin is the delegate", () => {
  const mesh = new TestMesh(
    service("reviews") +
      service("reviews", "other") +
      virtualService("reviews", { hosts: "reviews", http: "[{ delegate: { name: part, namespace: other } }]" }) +
      delegate(`{ ${TO} }`, "", "other"),
  );
  const [route] = routesOf(mesh);
  assert.equal((route!["route"] as JsonObject)["cluster"], "outbound|9080||reviews.other.svc.cluster.local");
  const metadata = route!["metadata"] as { filter_metadata: { "tulle.origin": JsonObject } };
  const { namespace, name, field } = metadata.filter_metadata["tulle.origin"];
  assert.deepEqual([namespace, name, field], ["other", "part", "spec.http[0]"]);
});

test("a delegate that is missing, has hosts or is not exported is left out; the others stay", () => {
  const root = (to: string): string =>
    `{ match: [{ uri: { prefix: /x } }], delegate: { name: ${to} } }, { ${TO}, name: rest }`;
  const names = (mesh: TestMesh): unknown[] => routesOf(mesh).map(({ name }) => name);
  assert.deepEqual(names(meshOf(root("nobody"))), ["rest"]);
  assert.deepEqual(
    names(meshOf(root("whole"), virtualService("whole", { hosts: "whole.example", http: `[{ ${TO} }]` }))),
    ["rest"],
  );
  const hidden = delegate(`{ ${TO} }`, 'exportTo: ["."]', "other");
  assert.deepEqual(names(meshOf(root("part, namespace: other"), hidden)), ["rest"]);
});

test("a root of which nothing is left is as if it were not there", () => {
  const mesh = meshOf("{ delegate: { name: nobody } }");
  assert.deepEqual(
    routesOf(mesh).map(({ name }) => name),
    ["default"],
  );
  assert.deepEqual(mesh.status("VirtualService", "reviews").map(text), [
    "Ignored spec.http: none of its routes is left, so its hosts are routed as if it were not there",
    "Invalid spec.http[0].delegate: there is no VirtualService default/nobody; the route is left out",
  ]);
});

test("both say in their status what became of the delegation", () => {
  const mesh = meshOf(
    "{ match: [{ uri: { prefix: /a } }], delegate: { name: part } }",
    delegate(`{ match: [{ uri: { prefix: /a/1 } }], ${TO} }, { match: [{ uri: { prefix: /b } }], ${TO} }`),
    delegate(`{ ${TO} }`, "", "default", "unused"),
  );
  assert.deepEqual(mesh.status("VirtualService", "reviews").map(text), [
    "InForce spec.hosts[0]: routes HTTP for reviews.default.svc.cluster.local",
    "InForce spec.http[0].delegate: takes 1 of the 2 routes of VirtualService default/part",
  ]);
  assert.deepEqual(mesh.status("VirtualService", "part").map(text), [
    "InForce : routes for VirtualService default/reviews, http[0]: reviews.default.svc.cluster.local",
    "Ignored spec.http[1].match[0].uri: is no part of what VirtualService default/reviews, http[0] hands over; the route is left out there",
  ]);
  assert.deepEqual(mesh.status("VirtualService", "unused").map(text), [
    "Ignored : it has no hosts, and no VirtualService delegates to it",
  ]);
});

test("a changed delegate changes its root's routes, an untouched one leaves the root the same object", () => {
  const mesh = meshOf("{ delegate: { name: part } }", delegate(`{ ${TO}, timeout: 1s }`));
  const rootOf = (): unknown => mesh.snapshot.virtualServices.find(({ origin }) => origin.name === "reviews");
  const before = rootOf();
  mesh.change(service("other"));
  assert.equal(rootOf(), before);
  mesh.change(delegate(`{ ${TO}, timeout: 2s }`));
  assert.equal((routesOf(mesh)[0]!["route"] as JsonObject)["timeout"], "2s");
});
