/** `RateLimit` (tulle.dev): the proxy of the service that is called counts, here its sidecar's listener for port 8080. */
import type { ContractCase } from "../harness/case.ts";
import type { Ask } from "../harness/istio.ts";
import { asking, service } from "../harness/istio.ts";
import { answer } from "../harness/steps.ts";

const OK: Ask["expect"] = { status: 200, body: "ok" };
const LIMITED: Ask["expect"] = { status: 429, body: "local_rate_limited" };

function limited(name: string, rules: string, asks: readonly Ask[], more = ""): ContractCase {
  const { client, expect } = asking(asks);
  return {
    name,
    feature: "RateLimit: buckets",
    istio: {
      yaml: `${service("echo", "echo")}
---
apiVersion: tulle.dev/v1alpha1
kind: RateLimit
metadata: { name: echo }
spec: { selector: { matchLabels: { app: echo } }, ${more} rules: [${rules}] }`,
      workloads: {},
      proxy: { labels: { app: "echo", version: "v1" }, outbound: {}, inbound: { l: { port: 8080, app: "app" } } },
    },
    upstreams: { app: answer(200, "ok") },
    client,
    expect,
    mask: [[/^retry-after: \d+$/, "retry-after: {s}"]],
  };
}

function withMore(yaml: string): Pick<ContractCase, "istio"> {
  const { istio } = limited("", "{ tokens: 2, interval: 1h }", []);
  return { istio: { ...istio, yaml: `${istio?.yaml}${yaml}` } };
}

const user = (name: string, expect: Ask["expect"]): Ask => ({ headers: [`x-user: ${name}`], expect });

export const CASES: readonly ContractCase[] = [
  limited("one bucket for all, with retry-after", "{ tokens: 2, interval: 3600s }", [
    { expect: OK },
    { path: "/other", expect: OK },
    { expect: { ...LIMITED, got: ["retry-after: {s}"] } },
  ]),
  limited("a burst is what may come at once", "{ tokens: 1, interval: 3600s, burst: 3 }", [
    { expect: OK },
    { expect: OK },
    { expect: OK },
    { expect: LIMITED },
  ]),
  limited(
    "a bucket for each value of a header; without it there is no limit",
    "{ per: { header: x-user }, tokens: 1, interval: 1h }",
    [user("a", OK), user("a", LIMITED), user("b", OK), user("b", LIMITED), { expect: OK }, { expect: OK }],
  ),
  limited(
    "a bucket for each client, as trusted proxies before tell it",
    "{ per: { clientAddress: true }, tokens: 1, interval: 1h }",
    [{ expect: OK }, { expect: LIMITED }],
  ),
  limited(
    "path, method and headers choose what is counted",
    "{ match: { uri: { prefix: /api }, methods: [POST, PUT], headers: { x-plan: { exact: free } } }, tokens: 1, interval: 1h }",
    [
      { expect: OK },
      { path: "/api", headers: ["x-plan: free"], expect: OK },
      { method: "POST", path: "/api/a", headers: ["x-plan: paid", "content-length: 0"], expect: OK },
      { method: "POST", path: "/api/a", headers: ["x-plan: free", "content-length: 0"], expect: OK },
      { method: "PUT", path: "/api/b", headers: ["x-plan: free", "content-length: 0"], expect: LIMITED },
      { path: "/api", headers: ["x-plan: free"], expect: OK },
    ],
  ),
  limited(
    "a request needs a token of every rule that is for it",
    "{ tokens: 3, interval: 1h }, { match: { uri: { exact: /a } }, tokens: 1, interval: 1h }",
    [
      { path: "/a", expect: OK },
      { path: "/a", expect: LIMITED },
      { path: "/b", expect: OK },
      { path: "/b", expect: OK },
      { path: "/b", expect: LIMITED },
    ],
  ),
  limited("an exact path whatever the query", "{ match: { uri: { exact: /a } }, tokens: 1, interval: 1h }", [
    { path: "/a?x=1", expect: OK },
    { path: "/a", expect: LIMITED },
    { path: "/a?", expect: LIMITED },
    { path: "/ab", expect: OK },
    { path: "/a/", expect: OK },
  ]),
  limited(
    "a path by regex, whole and whatever the query",
    '{ match: { uri: { regex: "/a|/b/[0-9]+" } }, tokens: 1, interval: 1h }',
    [
      { path: "/b/12?x=1", expect: OK },
      { path: "/a", expect: LIMITED },
      { path: "/a?b", expect: LIMITED },
      { path: "/b/x?y", expect: OK },
      { path: "/ab", expect: OK },
    ],
  ),
  limited(
    "headers that must only be there, and by regex",
    '{ match: { headers: { x-user: {} } }, tokens: 1, interval: 1h }, { match: { headers: { X-Plan: { regex: "fre+" } } }, tokens: 1, interval: 1h }',
    [
      user("a", OK),
      user("b", LIMITED),
      { expect: OK },
      { headers: ["x-plan: freee"], expect: OK },
      { headers: ["x-plan: free"], expect: LIMITED },
      { headers: ["x-plan: freely"], expect: OK },
    ],
  ),
  limited(
    "by header and client together",
    "{ per: { header: x-user, clientAddress: true }, tokens: 1, interval: 1h }",
    [user("a", OK), user("a", LIMITED), user("b", OK), { expect: OK }, { expect: OK }],
  ),
  limited(
    "methods with a meaning in patterns, and in any case",
    "{ match: { methods: [GET, x.y] }, tokens: 1, interval: 1h }",
    [
      { method: "POST", headers: ["content-length: 0"], expect: OK },
      { expect: OK },
      { expect: LIMITED },
      { method: "POST", headers: ["content-length: 0"], expect: OK },
    ],
  ),
  limited("a gRPC client is told in its way", "{ tokens: 1, interval: 1h }", [
    { expect: OK },
    {
      headers: ["content-type: application/grpc"],
      expect: { status: 200, got: ["grpc-status: 8", "grpc-message: local_rate_limited"] },
    },
  ]),
  {
    ...limited(
      "those of the mesh and of the namespace hold together, those for others do not",
      "{ tokens: 2, interval: 1h }",
      [{ expect: OK }, { expect: LIMITED }],
    ),
    ...withMore(`
---
apiVersion: tulle.dev/v1alpha1
kind: RateLimit
metadata: { name: mesh, namespace: istio-system }
spec: { rules: [{ tokens: 1, interval: 1h }] }
---
apiVersion: tulle.dev/v1alpha1
kind: RateLimit
metadata: { name: other }
spec: { selector: { matchLabels: { app: other } }, rules: [{ match: { uri: { prefix: / } }, tokens: 1, interval: 1h }] }
---
apiVersion: tulle.dev/v1alpha1
kind: RateLimit
metadata: { name: elsewhere, namespace: elsewhere }
spec: { rules: [{ tokens: 1, interval: 1h }] }`),
  },
  limited(
    "an answer of one's own; retry-after is of 429",
    "{ tokens: 1, interval: 1h }",
    [{ expect: OK }, user("a", { status: 503, got: ["x-limited: a"], notGot: ["retry-after"] })],
    'respond: { status: 503, headers: { x-limited: "%REQ(x-user)%" } },',
  ),
];
