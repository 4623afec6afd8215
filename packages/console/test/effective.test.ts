/** A proxy's effective configuration, back to the objects that made it so. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { effectiveConfiguration } from "../src/config/effective.ts";

const ORIGIN = {
  kind: "DestinationRule",
  namespace: "shop",
  name: "reviews",
  field: "spec.subsets[0]",
  file: "a.yaml",
  line: 7,
};

test("endpoints come from where their cluster comes from; what no object made is the mesh's own", () => {
  const clusters = [
    { name: "outbound|80|v1|reviews", metadata: { filter_metadata: { "tulle.origin": ORIGIN } } },
    { name: "BlackHoleCluster" },
  ];
  const groups = effectiveConfiguration({
    configs: [
      {
        "@type": "type.googleapis.com/envoy.admin.v3.EndpointsConfigDump",
        dynamic_endpoint_configs: clusters.map(({ name }) => ({ endpoint_config: { cluster_name: name } })),
      },
      {
        "@type": "type.googleapis.com/envoy.admin.v3.ClustersConfigDump",
        dynamic_active_clusters: clusters.map((cluster) => ({ cluster })),
      },
    ],
  });
  const endpoints = groups.find(({ id }) => id === "endpoints")!.resources;
  assert.deepEqual(
    endpoints.map(({ name, origins }) => [name, origins]),
    [
      ["outbound|80|v1|reviews", [ORIGIN]],
      ["BlackHoleCluster", []],
    ],
  );
});
