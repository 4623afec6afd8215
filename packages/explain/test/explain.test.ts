/** An explanation beside what really happened, with the lines that it names. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Explanation, Step } from "../src/index.ts";
import { startLiveMesh } from "./support/live-mesh.ts";

const YAML = `apiVersion: v1
kind: Service
metadata: { name: reviews }
spec: { selector: { app: reviews }, ports: [{ name: http, port: 9080 }] }
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: reviews }
spec:
  host: reviews
  subsets:
    - name: v1
      labels:
        version: v1
    - name: v2
      labels:
        version: v2
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: reviews }
spec:
  hosts:
    - reviews
  http:
    - name: jason
      match:
        - headers:
            end-user:
              exact: jason
      route:
        - destination:
            host: reviews
            subset: v2
    - name: rest
      route:
        - destination: { host: reviews, subset: v1 }
          weight: 80
        - destination: { host: reviews, subset: v9 }
          weight: 20
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: deny-delete }
spec:
  selector: { matchLabels: { app: reviews } }
  action: DENY
  rules:
    - to:
        - operation:
            methods: ["DELETE"]
`;
const URL_OF_REVIEWS = "http://reviews:9080/reviews/0";

const lineOf = (step: Step | undefined): string => step?.origin?.text?.trim() ?? "";
const step = ({ steps }: Explanation, kind: Step["kind"]): Step => steps.find((each) => each.kind === kind)!;

test("an explanation is what the proxies then do, and names the lines that made it so", async (t) => {
  const mesh = await startLiveMesh(t);
  await mesh.configure(YAML);
  const ask = async (method: string, headers: Record<string, string>, url = URL_OF_REVIEWS): Promise<Explanation> => {
    const { explanation } = await mesh.explain({ from: "productpage", method, url, headers: Object.entries(headers) });
    assert.ok(explanation !== undefined);
    return explanation;
  };

  const jason = await ask("GET", { "end-user": "jason" });
  assert.equal(jason.route, "jason");
  assert.equal(lineOf(step(jason, "virtual-host")), "- reviews");
  assert.equal(step(jason, "route").reasons[0]?.origin?.text?.trim(), "exact: jason");
  assert.equal(lineOf(step(jason, "split")), "subset: v2");
  assert.equal(lineOf(step(jason, "cluster")), "- name: v2");
  assert.deepEqual(
    jason.endpoints.map(({ workload, used }) => [workload, used]),
    [["reviews-v2", true]],
  );
  assert.equal(
    (await mesh.send({ method: "GET", url: URL_OF_REVIEWS, headers: { "end-user": "jason" } })).body,
    "reviews-v2",
  );

  const denied = await ask("DELETE", { "end-user": "jason" });
  const [outcome] = denied.outcomes;
  assert.deepEqual([outcome?.status, outcome?.by], [403, "destination proxy"]);
  assert.equal(outcome?.details, "rbac_access_denied_matched_policy[ns[default]-policy[deny-delete]-rule[0]]");
  const denial = denied.steps.find(({ ends }) => ends);
  assert.equal(lineOf(denial), 'methods: ["DELETE"]');
  assert.equal(
    (await mesh.send({ method: "DELETE", url: URL_OF_REVIEWS, headers: { "end-user": "jason" } })).status,
    403,
  );

  const rest = await ask("GET", {});
  assert.match(step(rest, "route").lost[0]?.why ?? "", /header end-user is "jason"; the request has none/);
  assert.deepEqual(
    rest.outcomes
      .map(({ share, status, flags }) => [Math.round(share * 100), status, flags])
      .sort(([a = 0], [b = 0]) => Number(a) - Number(b)),
    [
      [20, 503, "NC"],
      [80, 0, ""],
    ],
  );

  const unknown = await ask("GET", {}, "http://reviewz:9080/");
  assert.deepEqual(unknown.clusters, [{ name: "PassthroughCluster", share: 1 }]);
  await assert.rejects(mesh.explain({ from: "nobody", url: URL_OF_REVIEWS }), /404.*no proxy of nobody is connected/);
  await assert.rejects(mesh.explain({ from: "productpage", url: "ftp://x/" }), /400.*no URL of a request/);
});

test("a Fallback is told with the rules that hold when the request fails", async (t) => {
  const mesh = await startLiveMesh(t);
  await mesh.configure(`${YAML}---
apiVersion: tulle.dev/v1alpha1
kind: Fallback
metadata: { name: calm }
spec:
  host: reviews
  rules:
    - on: [NoHealthyUpstream, 503]
      respond: { status: 200 }
    - on: [Timeout]
      lastGood: { maxAge: 60s }
`);
  const ask = async (headers: readonly (readonly [string, string])[]): Promise<readonly Step[]> => {
    const { explanation } = await mesh.explain({ from: "productpage", url: URL_OF_REVIEWS, headers });
    return explanation?.steps.filter(({ title }) => title.startsWith("Fallback")) ?? [];
  };
  assert.equal((await ask([])).length, 1, "of two destinations, which share it");
  const [told] = await ask([["end-user", "jason"]]);
  assert.equal(told?.title, "Fallback default/calm answers if the request fails");
  assert.equal(told?.origin?.field, "spec.rules");
  assert.deepEqual(
    told?.reasons.map(({ text, origin }) => [text, origin?.field, origin?.text?.trim()]),
    [
      ["NoHealthyUpstream, 503: answers 200", "spec.rules[0]", "- on: [NoHealthyUpstream, 503]"],
      ["Timeout: gives the last good response", "spec.rules[1]", "- on: [Timeout]"],
    ],
  );
});

test("a change that is not applied tells which routes of which proxies it would change", async (t) => {
  const mesh = await startLiveMesh(t);
  await mesh.configure(YAML);
  const [, , change] = YAML.replace("subset: v2", "subset: v1").split("---\n");
  const { objects, proxies } = await mesh.change(change!);
  assert.deepEqual(
    objects.map(({ change: what, kind }) => [what, kind]),
    [["configured", "VirtualService"]],
  );
  const client = proxies.find(({ id }) => id.includes("productpage"));
  assert.ok(client !== undefined);
  const [changed] = client.routes.filter(({ virtualHost }) => virtualHost.startsWith("http_proxy"));
  assert.equal(changed?.change, "changed");
  assert.match(changed?.before ?? "", /^to outbound\|9080\|v2\|reviews/);
  assert.match(changed?.after ?? "", /^to outbound\|9080\|v1\|reviews/);
  const { explanation } = await mesh.explain({
    from: "productpage",
    url: URL_OF_REVIEWS,
    headers: [["end-user", "jason"]],
  });
  assert.equal(explanation?.clusters[0]?.name, "outbound|9080|v2|reviews.default.svc.cluster.local");
});
