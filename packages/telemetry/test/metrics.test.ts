import assert from "node:assert/strict";
import { test } from "node:test";
import { HTTP_LABELS, STANDARD_METRICS, TCP_LABELS } from "../src/index.ts";

test("HTTP metrics have Istio's 25 labels in Istio's order", () => {
  assert.equal(
    HTTP_LABELS.join(", "),
    "reporter, source_workload, source_canonical_service, source_canonical_revision, source_workload_namespace, " +
      "source_principal, source_app, source_version, source_cluster, destination_workload, " +
      "destination_workload_namespace, destination_principal, destination_app, destination_version, destination_service, " +
      "destination_canonical_service, destination_canonical_revision, destination_service_name, " +
      "destination_service_namespace, destination_cluster, request_protocol, response_code, grpc_response_status, " +
      "response_flags, connection_security_policy",
  );
});

test("TCP metrics drop the two labels about a response and keep the order", () => {
  assert.deepEqual(
    [...TCP_LABELS],
    HTTP_LABELS.filter((label) => label !== "response_code" && label !== "grpc_response_status"),
  );
});

test("metric names are unique, counters end in _total and histograms in a unit", () => {
  assert.equal(new Set(STANDARD_METRICS.map(({ name }) => name)).size, STANDARD_METRICS.length);
  for (const { name, type } of STANDARD_METRICS) {
    assert.match(name, type === "counter" ? /^istio_\w+_total$/ : /^istio_\w+_(milliseconds|bytes)$/);
  }
});
