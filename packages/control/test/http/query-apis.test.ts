/** The APIs that others' tools know, over HTTP. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { start } from "../support/control-plane.ts";
import { eventually } from "../support/eventually.ts";

test("Prometheus' API takes queries from the query string and from a form", async (t) => {
  const { plane } = await start(t);
  const url = `http://${plane.httpAddress}`;
  const expected = { status: "success", data: { resultType: "scalar", result: [5, "2"] } };
  const get = await fetch(`${url}/api/v1/query?query=1%2B1&time=5`);
  assert.equal(get.headers.get("content-type"), "application/json");
  assert.deepEqual(await get.json(), expected);
  const body = new URLSearchParams({ query: "1+1", time: "5" });
  assert.deepEqual(await (await fetch(`${url}/api/v1/query`, { method: "POST", body })).json(), expected);
  const refused = await fetch(`${url}/api/v1/query?query=1%2B&time=5`);
  assert.equal(refused.status, 400);
  const error = 'invalid parameter "query": 1:3: parse error: unexpected end of input';
  assert.deepEqual(await refused.json(), { status: "error", errorType: "bad_data", error });
  for (const path of ["labels", "label/job/values", "metadata", "rules", "alerts"])
    assert.equal((await fetch(`${url}/api/v1/${path}`)).status, 200, path);
  for (const [path, member] of [
    ["buildinfo", "version"],
    ["config", "yaml"],
    ["runtimeinfo", "storageRetention"],
  ]) {
    const answer = (await (await fetch(`${url}/api/v1/status/${path}`)).json()) as { data: Record<string, unknown> };
    assert.equal(typeof answer.data[member!], "string", path);
  }
});

test("Jaeger's and Zipkin's APIs show the spans that came in", async (t) => {
  const { plane } = await start(t);
  const url = `http://${plane.httpAddress}`;
  const timestamp = Date.now() * 1000;
  const span = { traceId: "463ac35c9f6413ad", id: "a2fb4a1d1a96d312", name: "get", kind: "SERVER", timestamp };
  const spans = [{ ...span, duration: 100, localEndpoint: { serviceName: "reviews.default" } }];
  const sent = await fetch(`${url}/api/v2/spans`, { method: "POST", body: JSON.stringify(spans) });
  assert.equal(sent.status, 202);
  const services = async (): Promise<unknown> =>
    ((await (await fetch(`${url}/api/services`)).json()) as { data: unknown }).data;
  await eventually(async () => assert.deepEqual(await services(), ["reviews.default"]));
  const found = (await (await fetch(`${url}/api/traces?service=reviews.default`)).json()) as {
    data: { traceID: string }[];
  };
  assert.deepEqual(
    found.data.map(({ traceID }) => traceID),
    ["463ac35c9f6413ad"],
  );
  const trace = (await (await fetch(`${url}/api/v2/trace/463ac35c9f6413ad`)).json()) as { name: string }[];
  assert.deepEqual(
    trace.map(({ name }) => name),
    ["get"],
  );
  assert.equal((await fetch(`${url}/api/traces/1`)).status, 404);
});

test("without telemetry the APIs say so", async (t) => {
  const { plane } = await start(t, { telemetry: false });
  const url = `http://${plane.httpAddress}`;
  const error = "telemetry is switched off in this control plane";
  const query = await fetch(`${url}/api/v1/query?query=1`);
  assert.equal(query.status, 503);
  assert.deepEqual(await query.json(), { status: "error", errorType: "unavailable", error });
  const services = await fetch(`${url}/api/services`);
  assert.equal(services.status, 503);
  assert.deepEqual(((await services.json()) as { errors: unknown }).errors, [{ code: 503, msg: error }]);
});
