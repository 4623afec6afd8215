import assert from "node:assert/strict";
import { test } from "node:test";
import { formatWorkloadMetadata, parseWorkloadMetadata, UNKNOWN_WORKLOAD, workloadOfNode } from "../src/index.ts";

test("endpoint metadata gives workload, namespace, canonical service and cluster", () => {
  assert.deepEqual(parseWorkloadMetadata("reviews-v1;default;reviews;v1;Kubernetes"), {
    name: "reviews-v1",
    namespace: "default",
    canonicalName: "reviews",
    canonicalRevision: "v1",
    cluster: "Kubernetes",
    app: "reviews",
    version: "v1",
  });
});

test("missing parts of endpoint metadata are unknown", () => {
  assert.equal(parseWorkloadMetadata(""), UNKNOWN_WORKLOAD);
  assert.deepEqual(parseWorkloadMetadata("w;;svc"), {
    ...UNKNOWN_WORKLOAD,
    name: "w",
    canonicalName: "svc",
    app: "svc",
  });
});

test("what is written is read back", () => {
  const text = "reviews-v1;default;reviews;v1;Kubernetes";
  assert.equal(formatWorkloadMetadata(parseWorkloadMetadata(text)), text);
});

test("node metadata: canonical name and revision come from labels, then from the workload", () => {
  const base = { WORKLOAD_NAME: "reviews-v2", NAMESPACE: "shop", CLUSTER_ID: "Kubernetes" };
  const labelled = workloadOfNode({ ...base, LABELS: { app: "reviews", version: "v2" } });
  assert.deepEqual(labelled, {
    name: "reviews-v2",
    namespace: "shop",
    canonicalName: "reviews",
    canonicalRevision: "v2",
    cluster: "Kubernetes",
    app: "reviews",
    version: "v2",
  });
  const canonical = workloadOfNode({
    ...base,
    LABELS: {
      app: "reviews",
      version: "v2",
      "service.istio.io/canonical-name": "rev",
      "service.istio.io/canonical-revision": "blue",
    },
  });
  assert.deepEqual([canonical.canonicalName, canonical.canonicalRevision], ["rev", "blue"]);
  const bare = workloadOfNode(base);
  assert.deepEqual([bare.canonicalName, bare.canonicalRevision, bare.app], ["reviews-v2", "latest", "unknown"]);
});

test("a node without metadata is unknown altogether", () => {
  assert.deepEqual(workloadOfNode({}), UNKNOWN_WORKLOAD);
});
