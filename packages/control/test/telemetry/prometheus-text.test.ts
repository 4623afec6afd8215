/** The control plane's own metrics become series. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { IngestError } from "../../src/telemetry/ingest/ingest-error.ts";
import { start } from "../support/control-plane.ts";
import { eventually } from "../support/eventually.ts";
import { NOW, telemetryCore } from "../support/telemetry.ts";

test("samples, with labels of every form, get the labels of their target", () => {
  const { core } = telemetryCore();
  const from = { id: "x", proxy: undefined, target: { job: "j" } };
  const text = '# TYPE a counter\na 1\nb{x="1",y="a\\"b\\\\c\\nd{}, 2"} +Inf\nc_bucket{le="+Inf"} 2e3 1700000000000\n';
  core.ingest("prometheus-text", from, Buffer.from(text));
  assert.deepEqual(
    core.series.select([], NOW - 1, NOW).map(({ labels, values }) => [labels, ...values]),
    [
      [{ __name__: "a", job: "j" }, 1],
      [{ __name__: "b", x: "1", y: 'a"b\\c\nd{}, 2', job: "j" }, Infinity],
      [{ __name__: "c_bucket", le: "+Inf", job: "j" }, 2000],
    ],
  );
  assert.throws(() => core.ingest("prometheus-text", from, Buffer.from("{}{}")), IngestError);
});

test("a control plane has its own metrics in its store, and tells how full that is and what it refused", async (t) => {
  const { call } = await start(t);
  const { body: text } = await call("GET", "/metrics");
  assert.match(String(text), /^process_cpu_seconds_total [0-9.]+$/m);
  await eventually(async () => {
    const { body } = await call("GET", "/api/v1/telemetry");
    const { series, file } = body as { series: { alive: number; sources: number }; file: { failure: string } };
    assert.ok(series.alive > 30 && series.sources === 1, JSON.stringify(body));
    assert.equal(file.failure, "");
  });
  await eventually(async () => {
    assert.match(String((await call("GET", "/metrics")).body), /^tulle_telemetry_thread_heap_bytes [0-9]+$/m);
  });
});
