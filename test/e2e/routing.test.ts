/** Routing by YAML while requests run: Istio's header match, edits, broken files, the commands. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { createConfigDir, routing } from "./support/bookinfo.ts";
import { startDemo } from "./support/demo.ts";
import type { RunningDemo } from "./support/demo.ts";
import { eventually, tulle } from "./support/tulle.ts";
import { startLoad, Visitor } from "./support/visitor.ts";

/** A change of the configuration reaches the traffic within this, where the machine has nothing else to do: one of several is enough. */
const PROMPT_MS = 1000;
/** How long a test waits, which also depends on how fast visits are on a busy machine. */
const PATIENCE_MS = 30_000;

function reviewsTo(version: string): string {
  return `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: reviews
spec:
  hosts:
  - reviews
  http:
  - route:
    - destination:
        host: reviews
        subset: ${version}
`;
}

describe("routing in the demo", () => {
  const config = createConfigDir(reviewsTo("v1"));
  let demo: RunningDemo;
  before(async () => {
    demo = await startDemo(config.path);
  });
  after(async () => {
    demo.kill("SIGINT");
    await demo.ended;
    config.remove();
  });

  test("the product page answers through the ingress", async () => {
    const visitor = new Visitor(demo.ingress);
    const { status, headers, body } = await visitor.get("/productpage");
    visitor.leave();
    assert.equal(status, 200);
    assert.match(String(headers["content-type"]), /^text\/html/);
    assert.match(body, /The Comedy of Errors/);
    assert.match(body, /Reviewer1/);
  });

  test("a path that the VirtualService does not name is not served", async () => {
    const visitor = new Visitor(demo.ingress);
    assert.equal((await visitor.get("/nothing-here")).status, 404);
    visitor.leave();
  });

  test("editing the YAML changes traffic within a second, and no request fails", async () => {
    config.setRouting(reviewsTo("v1"));
    const load = startLoad(demo.ingress, 4);
    await eventually(
      "only v1",
      60_000,
      () => load.visits.length > 50 && load.visits.slice(-20).every(({ version }) => version === "v1"),
    );
    const took: number[] = [];
    for (const version of ["v3", "v2", "v1", "v3", "v2", "v1"]) {
      const edited = performance.now();
      config.setRouting(reviewsTo(version));
      const first = await eventually(`a visit of ${version}`, PATIENCE_MS, () =>
        load.visits.find((visit) => visit.sent > edited && visit.version === version),
      );
      took.push(Math.round(first.answered - edited));
      // Once one has gone the new way, none that sets out later goes the old one.
      const later = (): typeof load.visits => load.visits.filter(({ sent }) => sent > first.answered);
      await eventually(`visits after the edit to ${version}`, PATIENCE_MS, () => later().length >= 20);
      assert.deepEqual(new Set(later().map((visit) => visit.version)), new Set([version]));
    }
    await load.stop();
    assert.deepEqual(load.failures, []);
    assert.ok(Math.min(...took) < PROMPT_MS, `${took.join(", ")} ms`);
    assert.ok(load.visits.length > 100);
  });

  test("with virtual-service-reviews-test-v2.yaml jason gets v2 on every request, others never", async () => {
    config.setRouting(reviewsTo("v3"));
    const jason = new Visitor(demo.ingress);
    const other = new Visitor(demo.ingress);
    await jason.login("jason");
    await other.login("ann");
    await eventually("v3 for jason", PATIENCE_MS, async () => (await jason.reviewsVersion()) === "v3");
    config.setRouting(routing("virtual-service-reviews-test-v2.yaml"));
    await eventually("v2 for jason", PATIENCE_MS, async () => (await jason.reviewsVersion()) === "v2");
    const anonymous = new Visitor(demo.ingress);
    for (let i = 0; i < 100; i++) {
      const versions = await Promise.all([jason, other, anonymous].map((visitor) => visitor.reviewsVersion()));
      assert.deepEqual(versions, ["v2", "v1", "v1"]);
    }
    for (const visitor of [jason, other, anonymous]) visitor.leave();
  });

  test("a broken file is reported with its position, and the last good one stays in force", async () => {
    config.setRouting(reviewsTo("v3"));
    const load = startLoad(demo.ingress, 2);
    await eventually(
      "only v3",
      60_000,
      () => load.visits.length > 20 && load.visits.slice(-10).every(({ version }) => version === "v3"),
    );
    config.setRouting(reviewsTo("v1").replace("subset: v1", "subset: [v1"));
    const message = await eventually("the error", 60_000, async () => {
      const { stderr } = await tulle("get", "vs", "--http", demo.http);
      return stderr.includes("routing.yaml:") && stderr;
    });
    assert.match(message, /routing\.yaml:\d+:\d+: /);
    assert.match(message, /last good version/);
    const seen = load.visits.length;
    const told = performance.now();
    await eventually("more visits", 60_000, () => load.visits.length > seen + 50);
    config.setRouting(reviewsTo("v3"));
    await eventually(
      "no error any more",
      60_000,
      async () => (await tulle("get", "vs", "--http", demo.http)).stderr === "",
    );
    await load.stop();
    assert.deepEqual(load.failures, []);
    assert.deepEqual(
      new Set(load.visits.filter(({ sent }) => sent > told).map(({ version }) => version)),
      new Set(["v3"]),
    );
  });

  test("apply, get and delete change what is in force and say so", async () => {
    config.setRouting(reviewsTo("v3"));
    const api = ["--http", demo.http];
    const visitor = new Visitor(demo.ingress);
    const file = join(config.path, "..", `tulle-e2e-${process.pid}.yaml`);
    writeFileSync(file, reviewsTo("v2"));
    const rehearsed = await tulle("apply", "-f", file, "--dry-run", ...api);
    assert.equal(rehearsed.code, 0, rehearsed.stderr);
    assert.equal(await visitor.reviewsVersion(), "v3");
    const applied = await tulle("apply", "-f", file, ...api);
    assert.equal(applied.code, 0, applied.stderr);
    assert.equal(applied.stdout, "virtualservice.networking.istio.io/reviews configured\n");
    await eventually("v2", PATIENCE_MS, async () => (await visitor.reviewsVersion()) === "v2");
    assert.equal(
      (await tulle("apply", "-f", file, ...api)).stdout,
      "virtualservice.networking.istio.io/reviews unchanged\n",
    );

    const table = await tulle("get", "vs", ...api);
    assert.match(table.stdout, /^NAME +GATEWAYS +HOSTS .*STATUS/);
    assert.match(table.stdout, /^reviews +- +reviews .*InForce/m);
    const json = JSON.parse((await tulle("get", "virtualservice", "reviews", "-o", "json", ...api)).stdout) as {
      spec: { http: { route: { destination: { subset: string } }[] }[] };
    };
    assert.equal(json.spec.http[0]?.route[0]?.destination.subset, "v2");
    const absent = await tulle("get", "vs", "nothing", ...api);
    assert.equal(absent.code, 1);
    assert.match(absent.stderr, /vs "nothing" not found in namespace default/);

    const deleted = await tulle("delete", "vs", "reviews", ...api);
    assert.equal(deleted.stdout, 'virtualservice.networking.istio.io "reviews" deleted\n');
    const versions = new Set<string>();
    await eventually("all versions", 60_000, async () => versions.add(await visitor.reviewsVersion()).size === 3);
    const again = await tulle("delete", "vs", "reviews", ...api);
    assert.equal(again.code, 1);
    visitor.leave();
  });

  test("an invalid file is refused with every position, and nothing of it is applied", async () => {
    const file = join(config.path, "..", `tulle-e2e-${process.pid}.yaml`);
    writeFileSync(
      file,
      `${reviewsTo("v1")}---\n${reviewsTo("v2").replace("name: reviews", "name: other").replace("route:", "rout:")}    timeout: 5 s\n`,
    );
    const { code, stderr } = await tulle("apply", "-f", file, "--http", demo.http);
    assert.equal(code, 1);
    assert.match(stderr, new RegExp(`^${file}:22:\\d+: VirtualService default/other: spec\\.http\\[0\\]\\.rout`, "m"));
    assert.match(stderr, /timeout/);
    assert.match(stderr, /nothing was applied/);
    assert.equal((await tulle("get", "vs", "other", "--http", demo.http)).code, 1);
  });

  test("tulle proxies shows all seven proxies in sync", async () => {
    const lines = await eventually("seven in sync", 60_000, async () => {
      const { stdout } = await tulle("proxies", "--http", demo.http);
      const [header, ...rows] = stdout.trim().split("\n");
      assert.match(header!, /^NAME +SERVICE +VERSION +CDS +LDS +EDS +RDS +VHDS +CONNECTED/);
      return rows.length === 7 && !/STALE|NACKED/.test(stdout) && rows;
    });
    assert.ok(
      lines.some((line) => /^reviews-v2-\w{5}\.default +reviews\.default +v2 +SYNCED +SYNCED/.test(line)),
      lines.join("\n"),
    );
  });
});
