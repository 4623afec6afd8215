/** What traffic means, over HTTP and a real telemetry thread. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import type { CriticalPath, Graph, Overview, ServiceDetail, SlowAnswer } from "@tulle/telemetry/insight";
import type { SpanRecord } from "@tulle/telemetry/records";
import { start } from "../support/control-plane.ts";
import type { TestControlPlane } from "../support/control-plane.ts";
import { service, virtualService } from "../support/mesh.ts";
import type { Call } from "../telemetry/insight/support/synthetic-trace.ts";
import { operationOf, TraceRecorder } from "../telemetry/insight/support/synthetic-trace.ts";

const RATINGS: Call = { service: "ratings", version: "v1", work: [3], calls: [], way: 1, fault: 300 };
const PAGE: Call = { service: "productpage", version: "v1", work: [5, 5], calls: [[RATINGS]], way: 0 };
const FAULT = virtualService("ratings", {
  hosts: "ratings",
  http: "[{ fault: { delay: { fixedDelay: 300ms, percentage: { value: 100 } } }, route: [{ destination: { host: ratings } }] }]",
});

async function startWithTraces(
  t: TestContext,
): Promise<TestControlPlane & { ask: <T>(path: string) => Promise<T>; traceId: string }> {
  const control = await start(t);
  await control.apply(service("ratings") + FAULT);
  const recorder = new TraceRecorder();
  const now = Date.now() * 1000;
  const traces = Array.from({ length: 20 }, (_, i) => recorder.record(PAGE, now - 5e6 + i * 1e5));
  const { status } = await control.call(
    "POST",
    "/api/v2/spans",
    JSON.stringify(traces.flatMap(({ spans }) => spans.map(zipkin))),
  );
  assert.equal(status, 202);
  const ask = async <T>(path: string): Promise<T> => {
    const answer = await control.call("GET", `/api/v1/${path}`);
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    return answer.body as T;
  };
  return { ...control, ask, traceId: traces[0]!.traceId };
}

function zipkin(span: SpanRecord): object {
  const { traceId, spanId, parentSpanId, kind, name, startMicros, durationMicros, service: serviceName, tags } = span;
  return {
    traceId,
    id: spanId,
    ...(parentSpanId === "" ? {} : { parentId: parentSpanId }),
    kind: kind.toUpperCase(),
    name,
    timestamp: startMicros,
    duration: durationMicros,
    localEndpoint: { serviceName },
    tags,
  };
}

test("where the time goes names the route, and the object, file and line that delay it; each trace says it, too", async (t) => {
  const { ask, traceId } = await startWithTraces(t);
  const { rows, culprit, headline } = await ask<SlowAnswer>("slow?window=1m");
  const row = rows[culprit!]!;
  assert.deepEqual([row.kind, row.service, row.version, row.route], ["fault", "ratings", "v1", operationOf(RATINGS)]);
  const [because] = row.because;
  assert.deepEqual(
    [because?.kind, because?.name, because?.field],
    ["VirtualService", "ratings", "http[0].fault.delay"],
  );
  assert.ok(because?.line !== undefined && headline.includes(`:${because.line})`), headline);
  const path = await ask<CriticalPath>(`slow/${traceId}`);
  assert.deepEqual(
    path.sections.map(({ kind }) => kind),
    ["service", "fault", "service", "network", "service"],
  );
});

test("the overview says what is slow, and what is changed on purpose", async (t) => {
  const { ask } = await startWithTraces(t);
  const overview = await ask<Overview>("overview");
  assert.equal(overview.slow.rows[overview.slow.culprit!]?.service, "ratings");
  assert.deepEqual(
    overview.active.map(({ kind, text }) => [kind, text]),
    [["fault", "delay 300ms for 100 %"]],
  );
  assert.deepEqual(overview.proxies, { total: 0, synced: 0, late: [] });
});

test("a service has its routes from spans, and what the configuration says of it", async (t) => {
  const { ask } = await startWithTraces(t);
  const detail = await ask<ServiceDetail>("services/default/ratings");
  assert.deepEqual(
    detail.routes.map(({ route, version, spans }) => [route, version, spans]),
    [[operationOf(RATINGS), "v1", 20]],
  );
  assert.deepEqual(
    detail.badges.map(({ kind }) => kind),
    ["virtual-service", "fault"],
  );
  assert.equal(detail.objects[0]?.kind, "Service");
});

test("the graph is a stream of changes, whole first; what nobody knows and what means nothing is told", async (t) => {
  const { plane, call, ask } = await startWithTraces(t);
  const empty = await ask<Graph>("graph?type=service&collapse=ns");
  assert.match(empty.emptyBecause, /No workload is registered/);
  const abort = new AbortController();
  const response = await fetch(`http://${plane.httpAddress}/api/v1/graph/stream?interval=1s`, { signal: abort.signal });
  assert.equal(response.headers.get("content-type"), "text/event-stream");
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!text.includes("event: delta")) text += (await reader.read()).value ?? "";
  const revisions = [...text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id));
  assert.match(text, /^id: \d+\nevent: graph\ndata: \{"rev":/);
  assert.ok(revisions[1]! > revisions[0]!);
  await reader.cancel();
  abort.abort();
  assert.equal((await call("GET", "/api/v1/services/default/nobody")).status, 404);
  assert.equal((await call("GET", "/api/v1/slow/123")).status, 404);
  for (const wrong of ["graph?type=pie", "slow?window=never", "edges?window=9999h", "overview?at=soon"]) {
    assert.equal((await call("GET", `/api/v1/${wrong}`)).status, 400, wrong);
  }
});
