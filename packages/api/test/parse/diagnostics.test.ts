import assert from "node:assert/strict";
import { test } from "node:test";
import { parseYaml } from "../../src/index.ts";
import { diagnose } from "../support/diagnose.ts";

const route = (body: string): string => `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: reviews
  namespace: shop
spec:
  hosts: [reviews]
  http:
  - ${body}
`;

test("a misspelt field is an error at its name, with the name that was meant", () => {
  assert.deepEqual(diagnose(route("route:\n    - destination: {host: reviews}\n      weigth: 90")), [
    'f.yaml:11:7: VirtualService shop/reviews: spec.http[0].route[0].weigth: unknown field, did you mean "weight"?',
  ]);
});

test("an unknown field that resembles none names those that exist", () => {
  assert.deepEqual(diagnose(route("route:\n    - destination: {host: reviews, colour: red}")), [
    "f.yaml:10:36: VirtualService shop/reviews: spec.http[0].route[0].destination.colour: unknown field, expected one of host, subset, port",
  ]);
});

test("a value of a wrong type says what it is and what is expected", () => {
  assert.deepEqual(diagnose(route("route:\n    - destination: {host: reviews}\n      weight: ninety")), [
    'f.yaml:11:15: VirtualService shop/reviews: spec.http[0].route[0].weight: is "ninety", expected an integer, 0 or more',
  ]);
  assert.deepEqual(diagnose(route("route:\n      destination: {host: reviews}")), [
    "f.yaml:9:5: VirtualService shop/reviews: spec.http[0].route: is an object, expected a list",
  ]);
  assert.deepEqual(diagnose(route("route: [{destination: {host: reviews}}]\n    name: 7")), [
    "f.yaml:10:11: VirtualService shop/reviews: spec.http[0].name: is 7, expected a string (in quotes)",
  ]);
  assert.deepEqual(diagnose(route("route: [{destination: {host: reviews}}]\n    retries: {attempts: 1.5}")), [
    "f.yaml:10:25: VirtualService shop/reviews: spec.http[0].retries.attempts: is 1.5, expected an integer, 0 or more",
  ]);
  assert.deepEqual(diagnose(route("route: [null]")), [
    "f.yaml:9:13: VirtualService shop/reviews: spec.http[0].route[0]: is empty, expected an object",
  ]);
});

test("a missing field is an error where its object is", () => {
  assert.deepEqual(diagnose(route("route:\n    - destination:\n        subset: v1")), [
    "f.yaml:10:7: VirtualService shop/reviews: spec.http[0].route[0].destination.host: is missing, expected a DNS name of a service",
  ]);
});

test("two fields of a oneof are an error at the second", () => {
  assert.deepEqual(
    diagnose(
      route("match:\n    - uri:\n        prefix: /a\n        exact: /b\n    route: [{destination: {host: reviews}}]"),
    ),
    [
      "f.yaml:12:9: VirtualService shop/reviews: spec.http[0].match[0].uri.exact: is set together with prefix, expected only one of exact, prefix, regex",
    ],
  );
});

test("a oneof that must be set says which fields it has", () => {
  const text = `apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: reviews}
spec:
  host: reviews
  trafficPolicy:
    loadBalancer:
      consistentHash:
        ringHash: {minimumRingSize: 64}
`;
  assert.deepEqual(diagnose(text), [
    "f.yaml:8:7: DestinationRule default/reviews: spec.trafficPolicy.loadBalancer.consistentHash: has none of httpHeaderName, httpCookie, useSourceIp, httpQueryParameterName, expected exactly one of them",
  ]);
});

test("durations are Go durations", () => {
  assert.deepEqual(diagnose(route("timeout: 5 s\n    route: [{destination: {host: reviews}}]")), [
    'f.yaml:9:14: VirtualService shop/reviews: spec.http[0].timeout: is "5 s", expected a duration such as "1.5s"',
  ]);
  assert.deepEqual(diagnose(route("timeout: 5\n    route: [{destination: {host: reviews}}]")), [
    'f.yaml:9:14: VirtualService shop/reviews: spec.http[0].timeout: is 5, expected a duration such as "1.5s"',
  ]);
  const short = "retries: {attempts: 1, perTryTimeout: 100us}\n    route: [{destination: {host: reviews}}]";
  assert.deepEqual(diagnose(route(short)), [
    'f.yaml:9:43: VirtualService shop/reviews: spec.http[0].retries.perTryTimeout: is "100us", expected a duration of at least 1ms, such as "1.5s"',
  ]);
});

test("percentages are from 0 to 100", () => {
  const fault =
    "fault: {abort: {httpStatus: 500, percentage: {value: 120}}}\n    route: [{destination: {host: reviews}}]";
  assert.deepEqual(diagnose(route(fault)), [
    "f.yaml:9:58: VirtualService shop/reviews: spec.http[0].fault.abort.percentage.value: is 120, expected a number from 0 to 100",
  ]);
});

test("regular expressions are RE2, which has no back-references", () => {
  const match = (regex: string) => `match: [{uri: {regex: '${regex}'}}]\n    route: [{destination: {host: reviews}}]`;
  assert.deepEqual(diagnose(route(match("/a|b("))), [
    'f.yaml:9:27: VirtualService shop/reviews: spec.http[0].match[0].uri.regex: is "/a|b(" (missing closing ): `/a|b(`), expected a regular expression in RE2 syntax',
  ]);
  assert.match(diagnose(route(match("(a)\\1")))[0]!, /invalid escape sequence/);
  assert.match(diagnose(route(match("(?=a)")))[0]!, /expected a regular expression in RE2 syntax$/);
  assert.match(diagnose(route(match("a".repeat(1025))))[0]!, /longer than 1024 characters/);
});

test("an enum value names the values there are", () => {
  const text = `apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: shop}
spec:
  mtls: {mode: STRIKT}
`;
  assert.deepEqual(diagnose(text), [
    'f.yaml:5:16: PeerAuthentication shop/default: spec.mtls.mode: is "STRIKT", expected one of UNSET, DISABLE, PERMISSIVE, STRICT',
  ]);
});

test("deprecated fields and values and protobuf names load with a warning", () => {
  const text = `apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: reviews}
spec:
  host: reviews
  trafficPolicy:
    loadBalancer: {simple: LEAST_CONN}
    outlier_detection:
      consecutiveErrors: 3
      base_ejection_time: 30s
`;
  const { objects, diagnostics } = parseYaml(text, "f.yaml");
  assert.deepEqual(diagnose(text), [
    "f.yaml:7:28: warning: DestinationRule default/reviews: spec.trafficPolicy.loadBalancer.simple: LEAST_CONN is deprecated; use LEAST_REQUEST",
    "f.yaml:8:5: warning: DestinationRule default/reviews: spec.trafficPolicy.outlier_detection: is the protobuf name; write outlierDetection",
    "f.yaml:9:7: warning: DestinationRule default/reviews: spec.trafficPolicy.outlier_detection.consecutiveErrors: is deprecated; use consecutiveGatewayErrors or consecutive5xxErrors",
    "f.yaml:10:7: warning: DestinationRule default/reviews: spec.trafficPolicy.outlier_detection.base_ejection_time: is the protobuf name; write baseEjectionTime",
  ]);
  assert.ok(diagnostics.every(({ severity }) => severity === "warning"));
  assert.deepEqual(objects[0]!.object.spec, {
    host: "reviews",
    trafficPolicy: {
      loadBalancer: { simple: "LEAST_CONN" },
      outlierDetection: { consecutiveErrors: 3, baseEjectionTime: "30s" },
    },
  });
});

test("a field given under both of its names is an error", () => {
  const twice =
    "mirror_percentage: {value: 1}\n    mirrorPercentage: {value: 2}\n    route: [{destination: {host: reviews}}]";
  assert.deepEqual(diagnose(route(twice)), [
    "f.yaml:9:5: warning: VirtualService shop/reviews: spec.http[0].mirror_percentage: is the protobuf name; write mirrorPercentage",
    "f.yaml:10:5: VirtualService shop/reviews: spec.http[0].mirrorPercentage: sets mirrorPercentage a second time, expected only mirrorPercentage",
  ]);
});

test("Kubernetes' own kinds know no protobuf names", () => {
  const text = `apiVersion: v1
kind: ConfigMap
metadata: {name: c}
binary_data: {}
`;
  assert.deepEqual(diagnose(text), [
    'f.yaml:4:1: ConfigMap default/c: binary_data: unknown field, did you mean "binaryData"?',
  ]);
});

test("all that is wrong is reported, in the order of the text, schema and rules together", () => {
  const text = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews}
spec:
  hosts: [reviews, reviews]
  http:
  - route:
    - destination: {host: reviews}
      weight: many
  - redirect: {uri: /x, redirectCode: 200}
  - timeout: soon
    route: [{destination: {host: "*"}}]
    retries: {attempts: 1, perTryTimeout: never, retryOn: whenever}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: reviews}
spec: {hots: reviews}
`;
  assert.deepEqual(
    diagnose(text).map((line) => line.replace(/, expected.*/, "")),
    [
      'f.yaml:5:20: VirtualService default/reviews: spec.hosts[1]: "reviews" is listed twice',
      'f.yaml:9:15: VirtualService default/reviews: spec.http[0].route[0].weight: is "many"',
      "f.yaml:10:39: VirtualService default/reviews: spec.http[1].redirect.redirectCode: is 200",
      'f.yaml:11:14: VirtualService default/reviews: spec.http[2].timeout: is "soon"',
      'f.yaml:12:34: VirtualService default/reviews: spec.http[2].route[0].destination.host: is "*"',
      'f.yaml:13:43: VirtualService default/reviews: spec.http[2].retries.perTryTimeout: is "never"',
      'f.yaml:13:59: VirtualService default/reviews: spec.http[2].retries.retryOn: "whenever" is no retry condition',
      "f.yaml:18:1: DestinationRule default/reviews: spec.host: is missing",
      'f.yaml:18:8: DestinationRule default/reviews: spec.hots: unknown field, did you mean "host"?',
    ],
  );
});

test("rules do not complain about what is only missing because the schema refused it", () => {
  // Without hosts this would be a delegate, which may have no gateways; without a route, http[0] would have no action.
  const text = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews}
spec:
  hots: [reviews]
  gateways: [shop]
  http:
  - rout: [{destination: {host: reviews}}]
`;
  assert.deepEqual(diagnose(text), [
    'f.yaml:5:3: VirtualService default/reviews: spec.hots: unknown field, did you mean "hosts"?',
    'f.yaml:8:5: VirtualService default/reviews: spec.http[0].rout: unknown field, did you mean "route"?',
  ]);
});

test("what is empty in YAML counts as absent", () => {
  const text = `apiVersion: v1
kind: Service
metadata:
  name: web
  labels:
  annotations:
    note:
spec:
  selector:
  ports:
  - port: 80
    name:
`;
  const { objects, diagnostics } = parseYaml(text, "f.yaml");
  assert.deepEqual(diagnostics, []);
  assert.deepEqual(objects[0]!.object, {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "web", namespace: "default", labels: {}, annotations: { note: "" } },
    spec: { ports: [{ port: 80 }] },
  });
});

test("beyond a thousand problems only their number is told", () => {
  const lines = Array.from({ length: 1500 }, (_, index) => `  nonsense${index}: 1`);
  const text = `apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: r}\nspec:\n  host: r\n${lines.join("\n")}`;
  const all = diagnose(text);
  assert.equal(all.length, 1001);
  assert.equal(all.at(-1), "f.yaml:1005:3: 500 more problems are not shown");
});
