/** What a VirtualService's route does, as Envoy's action. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "@bufbuild/protobuf";
import { essence, service, TestMesh, virtualService } from "../support/mesh.ts";

const REVIEWS = "reviews.default.svc.cluster.local:9080";
const TO = "route: [{ destination: { host: reviews } }]";
const CLUSTER = "outbound|9080||reviews.default.svc.cluster.local";

function fullRoutes(http: string, more = ""): JsonObject[] {
  const rules = virtualService("reviews", { hosts: "reviews", http: `[${http}]` });
  return new TestMesh(service("reviews") + more + rules).proxy().routes(REVIEWS);
}
const routes = (http: string, more = ""): JsonObject[] => fullRoutes(http, more).map(essence);
function action(http: string, more = ""): JsonObject {
  const [route] = routes(http, more);
  assert.ok(route !== undefined);
  return (route["route"] ?? route["redirect"] ?? route["direct_response"]) as JsonObject;
}
const header = (key: string, value: string): JsonObject => ({ header: { key, value } });
const set = (key: string, value: string): JsonObject => ({
  ...header(key, value),
  append_action: "OVERWRITE_IF_EXISTS_OR_ADD",
});

test("a single destination is the cluster, whatever its weight; there is no timeout unless one is given", () => {
  assert.deepEqual(action(`{ ${TO} }`), { cluster: CLUSTER, timeout: "0s" });
  assert.deepEqual(action("{ route: [{ destination: { host: reviews, subset: v1 }, weight: 0 }], timeout: 1.5s }"), {
    cluster: "outbound|9080|v1|reviews.default.svc.cluster.local",
    timeout: "1.500s",
  });
});

test("several destinations are weighted clusters; those of weight 0 are left out", () => {
  const weighted = action(
    "{ route: [{ destination: { host: reviews, subset: v1 }, weight: 90 }, { destination: { host: reviews, subset: v2 }, weight: 10 }, { destination: { host: reviews, subset: v3 }, weight: 0 }] }",
  );
  assert.deepEqual(weighted, {
    weighted_clusters: {
      clusters: [
        { name: "outbound|9080|v1|reviews.default.svc.cluster.local", weight: 90 },
        { name: "outbound|9080|v2|reviews.default.svc.cluster.local", weight: 10 },
      ],
    },
    timeout: "0s",
  });
  const one = action(
    "{ route: [{ destination: { host: reviews, subset: v1 }, weight: 0 }, { destination: { host: reviews, subset: v2 }, weight: 1 }] }",
  );
  // As in Istio it is a weighted cluster all the same: headers are applied in the order of several destinations.
  assert.deepEqual(one["weighted_clusters"], {
    clusters: [{ name: "outbound|9080|v2|reviews.default.svc.cluster.local", weight: 1 }],
  });
});

test("a destination without port means the service's only port, else the port of the request", () => {
  const other = service("other", "default", "[{ name: http, port: 8000 }]");
  const two = service("two", "default", "[{ name: http, port: 8000 }, { name: http-b, port: 9080 }]");
  const to = (host: string, port = ""): string => `{ route: [{ destination: { host: ${host}${port} } }] }`;
  assert.equal(action(to("other"), other)["cluster"], "outbound|8000||other.default.svc.cluster.local");
  assert.equal(action(to("two"), two)["cluster"], "outbound|9080||two.default.svc.cluster.local");
  assert.equal(
    action(to("two", ", port: { number: 8000 }"), two)["cluster"],
    "outbound|8000||two.default.svc.cluster.local",
  );
  assert.equal(action(to("nowhere.example"))["cluster"], "outbound|9080||nowhere.example");
});

test("a rewrite replaces what was matched", () => {
  assert.equal(
    action(`{ match: [{ uri: { prefix: /old } }], rewrite: { uri: /new }, ${TO} }`)["prefix_rewrite"],
    "/new",
  );
  assert.equal(
    action(`{ match: [{ uri: { exact: /one } }], rewrite: { uri: /two }, ${TO} }`)["prefix_rewrite"],
    "/two",
  );
  assert.deepEqual(
    action(`{ rewrite: { uriRegexRewrite: { match: "^/a/(.*)$", rewrite: '/b/\\1' } }, ${TO} }`)["regex_rewrite"],
    {
      pattern: { regex: "^/a/(.*)$" },
      substitution: "/b/\\1",
    },
  );
});

test("spans of a route are named by its only destination and path, else by the rule and the port", () => {
  const operation = (http: string): unknown => (fullRoutes(http)[0]!["decorator"] as JsonObject)["operation"];
  assert.equal(operation(`{ ${TO} }`), REVIEWS + "/*");
  assert.equal(operation(`{ match: [{ uri: { prefix: /a } }], ${TO} }`), REVIEWS + "/a*");
  assert.equal(operation(`{ match: [{ uri: { exact: /a } }], ${TO} }`), REVIEWS + "/a");
  assert.equal(operation(`{ match: [{ uri: { regex: "/a+" } }], ${TO} }`), REVIEWS + "/a+");
  assert.equal(operation("{ redirect: { uri: /x } }"), "reviews:9080/*");
  const two =
    "[{ destination: { host: reviews, subset: v1 }, weight: 1 }, { destination: { host: reviews, subset: v2 }, weight: 1 }]";
  assert.equal(operation(`{ route: ${two} }`), "reviews:9080/*");
});

test("an authority is rewritten by rewrite, or by setting Host or :authority, or by adding it", () => {
  assert.equal(action(`{ rewrite: { authority: a.example }, ${TO} }`)["host_rewrite_literal"], "a.example");
  assert.equal(
    action(`{ headers: { request: { set: { Host: b.example } } }, ${TO} }`)["host_rewrite_literal"],
    "b.example",
  );
  assert.equal(
    action(`{ headers: { request: { set: { ":authority": c.example } } }, ${TO} }`)["host_rewrite_literal"],
    "c.example",
  );
  assert.equal(
    action(`{ headers: { request: { add: { Host: d.example } } }, ${TO} }`)["host_rewrite_literal"],
    "d.example",
  );
  assert.equal(
    action(`{ headers: { request: { set: { Host: "" }, add: { Host: e.example } } }, ${TO} }`)["host_rewrite_literal"],
    "e.example",
  );
  const [route] = routes(`{ headers: { request: { set: { Host: b.example } } }, ${TO} }`);
  assert.equal(route!["request_headers_to_add"], undefined);
});

test("header operations: set before add, names in order", () => {
  const [route] = routes(
    `{ headers: { request: { add: { y: "1", x: "2" }, set: { z: "3" }, remove: [gone] }, response: { set: { r: "4" }, remove: [server] } }, ${TO} }`,
  );
  assert.deepEqual(route!["request_headers_to_add"], [set("z", "3"), header("x", "2"), header("y", "1")]);
  assert.deepEqual(route!["request_headers_to_remove"], ["gone"]);
  assert.deepEqual(route!["response_headers_to_add"], [set("r", "4")]);
  assert.deepEqual(route!["response_headers_to_remove"], ["server"]);
});

test("the operations of a single destination come after the route's; of several they stay with their cluster", () => {
  const at = (value: string): string => `headers: { request: { set: { x: ${value} } } }`;
  const [single] = routes(`{ ${at("route")}, route: [{ destination: { host: reviews }, ${at("destination")} }] }`);
  assert.deepEqual(single!["request_headers_to_add"], [set("x", "route"), set("x", "destination")]);
  const [several] = routes(
    `{ ${at("route")}, route: [{ destination: { host: reviews, subset: a }, weight: 1, ${at("a")} }, { destination: { host: reviews, subset: b }, weight: 1 }] }`,
  );
  const { clusters } = (several!["route"] as JsonObject)["weighted_clusters"] as { clusters: JsonObject[] };
  assert.deepEqual(several!["request_headers_to_add"], [set("x", "route")]);
  assert.deepEqual(clusters[0]!["request_headers_to_add"], [set("x", "a")]);
});

test("a value with a command that Envoy does not have is meant literally, so that it cannot make a proxy refuse the rest", () => {
  const value = (text: string): unknown => {
    const [route] = routes(`{ headers: { request: { set: { x: '${text}' } } }, ${TO} }`);
    return (route!["request_headers_to_add"] as { header: JsonObject }[])[0]!.header["value"];
  };
  assert.equal(value("%NO_SUCH_COMMAND%"), "%%NO_SUCH_COMMAND%%");
  assert.equal(value("%REQ%"), "%%REQ%%");
  for (const format of [
    "%REQ(x-user)% %% %PROTOCOL%",
    "%REQ(x-user?x-other):7%",
    "%START_TIME(%Y-%m-%d)%",
    '%UPSTREAM_METADATA(["istio","workload"])%',
    "%TRACE_ID%",
  ])
    assert.equal(value(format), format);
  for (const text of ["%PROTOCOL(x)%", "%PROTOCOL:3%", "%CEL(request.path)%"]) {
    assert.equal(value(text), text.replaceAll("%", "%%"));
  }
});

test("redirects", () => {
  assert.deepEqual(action("{ redirect: { uri: /to, authority: else.example } }"), {
    host_redirect: "else.example",
    path_redirect: "/to",
  });
  assert.deepEqual(action("{ redirect: { scheme: https, port: 8443, redirectCode: 308 } }"), {
    scheme_redirect: "https",
    port_redirect: 8443,
    response_code: "PERMANENT_REDIRECT",
  });
  assert.deepEqual(action("{ match: [{ uri: { prefix: /a } }], redirect: { prefixRewrite: /b, redirectCode: 302 } }"), {
    prefix_rewrite: "/b",
    response_code: "FOUND",
  });
});

test("a redirect's port: the default port of the scheme is not written, a derived one is the request's", () => {
  const port = (redirect: string): unknown => action(`{ redirect: { ${redirect} } }`)["port_redirect"];
  assert.equal(port("authority: a.example, port: 80"), undefined);
  assert.equal(port("authority: a.example, scheme: https, port: 443"), undefined);
  assert.equal(port("port: 80"), 80);
  assert.equal(port("derivePort: FROM_REQUEST_PORT"), 9080);
  assert.equal(port("derivePort: FROM_PROTOCOL_DEFAULT"), undefined);
});

test("direct responses have a text, bytes or no body", () => {
  assert.deepEqual(action("{ directResponse: { status: 503, body: { string: closed } } }"), {
    status: 503,
    body: { inline_string: "closed" },
  });
  assert.deepEqual(action("{ directResponse: { status: 200, body: { bytes: aGk= } } }"), {
    status: 200,
    body: { inline_bytes: "aGk=" },
  });
  assert.deepEqual(action("{ directResponse: { status: 404 } }"), { status: 404 });
});

test("a delegated route is left out; the others stay", () => {
  const found = routes(`{ match: [{ uri: { prefix: /a } }], delegate: { name: x } }, { ${TO} }`);
  assert.deepEqual(
    found.map(({ match }) => match),
    [{ prefix: "/" }],
  );
});

test("a route is named by its own name and its match's", () => {
  const names = routes(
    `{ name: canary, match: [{ name: jason, uri: { prefix: /a } }, { uri: { prefix: /b } }], ${TO} }`,
  );
  assert.deepEqual(
    names.map(({ name }) => name),
    ["canary.jason", "canary"],
  );
});
