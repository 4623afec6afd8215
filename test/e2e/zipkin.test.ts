/** Traces of the demo in a real Zipkin: whole, though the services only pass headers on. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { createConfigDir } from "./support/bookinfo.ts";
import { startDemo } from "./support/demo.ts";
import type { RunningDemo } from "./support/demo.ts";
import { eventually } from "./support/tulle.ts";
import { Visitor } from "./support/visitor.ts";
import { whyNoZipkin, Zipkin } from "./support/zipkin.ts";
import type { ZipkinSpan } from "./support/zipkin.ts";

const REQUESTS = 1_000;
const VISITORS = 4;
/** Spans leave after five seconds at the latest; Zipkin then has to index them. */
const ARRIVED_MS = 90_000;

const REVIEWS_V3 = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: reviews }
spec:
  hosts: [reviews]
  http:
  - route: [{ destination: { host: reviews, subset: v3 } }]
`;

const tracing = (port: number): string => `apiVersion: v1
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data:
  mesh: |
    extensionProviders:
    - name: zipkin
      zipkin: { service: zipkin.example, port: ${port} }
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: zipkin }
spec:
  hosts: [zipkin.example]
  location: MESH_EXTERNAL
  resolution: STATIC
  ports: [{ number: ${port}, name: http, protocol: HTTP }]
  endpoints: [{ address: 127.0.0.1 }]
---
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: { name: mesh, namespace: istio-system }
spec:
  tracing:
  - providers: [{ name: zipkin }]
    randomSamplingPercentage: 100
`;

/** Kind and service of each span of a product page's trace, in order. */
const HOPS = [
  "CLIENT istio-ingressgateway",
  "CLIENT productpage",
  "CLIENT productpage",
  "CLIENT reviews",
  "SERVER details",
  "SERVER istio-ingressgateway",
  "SERVER productpage",
  "SERVER ratings",
  "SERVER reviews",
];

function hops(trace: readonly ZipkinSpan[]): string[] {
  return trace.map(({ kind, localEndpoint }) => `${kind} ${localEndpoint?.serviceName?.split(".")[0]}`).sort();
}

const isPage = (trace: readonly ZipkinSpan[]): boolean =>
  trace.some(({ tags }) => tags?.["http.url"]?.endsWith("/productpage?u=visitor") === true);

describe("the demo's traces in Zipkin", { skip: whyNoZipkin() }, () => {
  const config = createConfigDir(REVIEWS_V3);
  let zipkin: Zipkin;
  let demo: RunningDemo;
  before(async () => {
    zipkin = await Zipkin.start();
    writeFileSync(join(config.path, "tracing.yaml"), tracing(zipkin.port));
    demo = await startDemo(config.path);
  });
  after(async () => {
    demo?.kill("SIGINT");
    await demo?.ended;
    await zipkin?.stop();
    config.remove();
  });

  test(`${REQUESTS} product pages: one root, every hop, no orphans`, async () => {
    let left = REQUESTS;
    await Promise.all(
      Array.from({ length: VISITORS }, async () => {
        const visitor = new Visitor(demo.ingress);
        while (left-- > 0) assert.equal((await visitor.get("/productpage?u=visitor")).status, 200);
        visitor.leave();
      }),
    );
    const expected = REQUESTS * HOPS.length;
    const traces = await eventually(`${expected} spans of ${REQUESTS} traces in Zipkin`, ARRIVED_MS, async () => {
      const found = (await zipkin.traces("productpage.default")).filter(isPage);
      return found.reduce((sum, { length }) => sum + length, 0) >= expected ? found : undefined;
    });
    assert.equal(traces.length, REQUESTS);
    for (const trace of traces) {
      const ids = new Set(trace.map(({ id }) => id));
      assert.equal(ids.size, trace.length, "span ids are unique");
      const roots = trace.filter(({ parentId }) => parentId === undefined);
      const orphans = trace.filter(({ parentId }) => parentId !== undefined && !ids.has(parentId));
      assert.deepEqual([roots.length, orphans], [1, []], trace[0]!.traceId);
      assert.deepEqual(hops(trace), HOPS);
    }
  });

  test("a span says which version it was, and is called after where it went", async () => {
    const [trace] = (await zipkin.traces("reviews.default")).filter(isPage);
    const of = (service: string, kind: string): ZipkinSpan =>
      trace!.find((span) => span.kind === kind && span.localEndpoint?.serviceName === `${service}.default`)!;
    assert.equal(of("reviews", "SERVER").tags?.["istio.canonical_revision"], "v3");
    assert.equal(of("reviews", "CLIENT").name, "ratings.default.svc.cluster.local:9080/*");
  });
});
