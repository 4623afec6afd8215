/** The demo as a mesh where nobody is trusted for where he is: mutual TLS everywhere, STRICT, and who may call whom. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { createConfigDir, routing } from "./support/bookinfo.ts";
import { startDemo } from "./support/demo.ts";
import type { RunningDemo } from "./support/demo.ts";
import { eventually } from "./support/tulle.ts";
import { startLoad, Visitor } from "./support/visitor.ts";

const STRICT = `apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: default, namespace: default }
spec: { mtls: { mode: STRICT } }
`;

/** Reviews may be called by one account alone. */
function callers(account: string): string {
  return `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: reviews-callers }
spec:
  selector: { matchLabels: { app: reviews } }
  rules:
  - from: [{ source: { principals: ["cluster.local/ns/default/sa/${account}"] } }]
    to: [{ operation: { methods: ["GET"] } }]
`;
}

/** What somebody outside the mesh gets from a workload's proxy: a status, or the error of the connection. */
function plaintext(port: number, path: string): Promise<number | string> {
  return new Promise((resolve) => {
    const sent = request({ host: "127.0.0.1", port, path, agent: false, timeout: 5000 }, (response) => {
      response.resume();
      response.once("end", () => resolve(response.statusCode ?? 0));
    });
    sent.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    sent.end();
  });
}

interface Registration {
  readonly name: string;
  readonly inbound: readonly { readonly bindPort: number }[];
}

describe("zero trust in the demo", () => {
  const config = createConfigDir(routing("virtual-service-reviews-90-10.yaml"));
  let demo: RunningDemo;
  let port: number;
  before(async () => {
    demo = await startDemo(config.path);
    const answer = await fetch(`http://${demo.http}/api/v1/workloads`);
    const { items } = (await answer.json()) as { readonly items: readonly Registration[] };
    port = items.find(({ name }) => name === "reviews-v1")!.inbound[0]!.bindPort;
  });
  after(async () => {
    demo.kill("SIGINT");
    await demo.ended;
    config.remove();
  });

  test("a namespace that turns STRICT takes no plaintext, and callers of the mesh never notice", async () => {
    assert.equal(await plaintext(port, "/reviews/0"), 200);
    const load = startLoad(demo.ingress, 3);
    await eventually("traffic", 60_000, () => load.visits.length > 20);
    writeFileSync(join(config.path, "strict.yaml"), STRICT);
    await eventually("no plaintext", 60_000, async () => (await plaintext(port, "/reviews/0")) === "ECONNRESET");
    const seen = load.visits.length;
    await eventually("more traffic", 60_000, () => load.visits.length > seen + 30);
    await load.stop();
    assert.deepEqual(load.failures, []);
  });

  test("who may call is decided by who he is", async () => {
    const visitor = new Visitor(demo.ingress);
    const status = async (): Promise<number> => (await visitor.get("/api/v1/products/0/reviews")).status;
    const policy = join(config.path, "callers.yaml");
    writeFileSync(policy, callers("bookinfo-ratings"));
    await eventually("denial", 60_000, async () => (await status()) >= 400);
    writeFileSync(policy, callers("bookinfo-productpage"));
    await eventually("admission", 60_000, async () => (await status()) === 200);
    visitor.leave();
  });

  test("every edge was mutual TLS", async () => {
    const { edges } = await demo.finish();
    assert.ok(edges.length >= 5, JSON.stringify(edges));
    assert.deepEqual(
      edges.filter(({ mutualTls }) => !mutualTls),
      [],
    );
  });
});
