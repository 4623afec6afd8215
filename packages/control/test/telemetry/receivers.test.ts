/** Where telemetry comes in, over HTTP and gRPC. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { credentials, makeGenericClientConstructor } from "@grpc/grpc-js";
import { start } from "../support/control-plane.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const SPAN = {
  traceId: TRACE,
  spanId: "b7ad6b7169203331",
  name: "get",
  startTimeUnixNano: "1",
  endTimeUnixNano: "2000",
};
const good = { ...SPAN, startTimeUnixNano: "1767225600000000000", endTimeUnixNano: "1767225600000001000" };
const otlp = (...spans: object[]) => JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans }] }] });

test("OTLP over HTTP: an empty answer, or how many spans were refused and why; 400 for what is none; 415 for other types", async (t) => {
  const { plane } = await start(t);
  const post = async (
    body: string | Uint8Array<ArrayBuffer>,
    headers: Record<string, string>,
  ): Promise<[number, string]> => {
    const response = await fetch(`http://${plane.httpAddress}/v1/traces`, { method: "POST", body, headers });
    return [response.status, (await response.text()).trim()];
  };
  const json = { "content-type": "application/json" };
  assert.deepEqual(await post(otlp(good), json), [200, "{}"]);
  assert.deepEqual(await post(gzipSync(otlp(good)), { ...json, "content-encoding": "gzip" }), [200, "{}"]);
  assert.deepEqual(await post(otlp(good, { ...good, spanId: "0" }), json), [
    200,
    '{"partialSuccess":{"rejectedSpans":"1","errorMessage":"the span id is not 16 hex digits, or all zeros"}}',
  ]);
  assert.deepEqual(await post("nonsense", json), [400, '{"code":3,"message":"the body is no JSON in UTF-8"}']);
  assert.equal((await post("", { "content-type": "text/plain" }))[0], 415);
  assert.equal((await post("", { ...json, "content-encoding": "br" }))[0], 415);
  assert.equal((await post(new Uint8Array(4 * 1024 * 1024 + 1), json))[0], 413);
  assert.deepEqual(await post("", { "content-type": "application/x-protobuf" }), [200, ""]);
  assert.equal((await post("x", { "content-type": "application/x-protobuf" }))[0], 400);
});

test("Zipkin over HTTP: 202 and nothing, 400 for what is no list", async (t) => {
  const { call } = await start(t);
  const span = { traceId: TRACE, id: "b7ad6b7169203331", timestamp: 1_767_225_600_000_000 };
  assert.deepEqual(await call("POST", "/api/v2/spans", JSON.stringify([span])), { status: 202, body: "" });
  assert.equal((await call("POST", "/api/v2/spans", "{}")).status, 400);
});

test("OTLP over gRPC: an empty answer, and INVALID_ARGUMENT for what is none", async (t) => {
  const { plane } = await start(t);
  const asIs = (bytes: Buffer): Buffer => bytes;
  const Client = makeGenericClientConstructor({}, "");
  const client = new Client(plane.xdsAddress, credentials.createInsecure());
  t.after(() => client.close());
  const send = (message: Buffer): Promise<Buffer | number> =>
    new Promise((resolve) => {
      const path = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
      client.makeUnaryRequest(path, asIs, asIs, message, (error, answer?: Buffer) => resolve(error?.code ?? answer!));
    });
  assert.deepEqual(await send(Buffer.alloc(0)), Buffer.alloc(0));
  assert.equal(await send(Buffer.from("x")), 3);
});

test("telemetry that is switched off says so", async (t) => {
  const { call } = await start(t, { telemetry: false });
  const { status, body } = await call("POST", "/api/v2/spans", "[]");
  assert.equal(status, 503);
  assert.deepEqual(body, { error: "telemetry is switched off in this control plane" });
});
