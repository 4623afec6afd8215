/** The mesh of live-mesh.ts as it would be with other YAML: no sockets, no files. */
import { formatDiagnostic, parseYaml } from "@tulle/api";
import type { ExplainWorld } from "@tulle/control/explainer";
import type { Node } from "@tulle/xds/gen/envoy/config/core/v3/base_pb.js";
import { SnapshotBuilder } from "../../../control/src/model/snapshot.ts";
import { objectKey } from "../../../control/src/model/stored-object.ts";
import type { Workload } from "../../../control/src/model/workload.ts";
import { imaginedSidecar, viewerOf } from "../../../control/src/push/imagined.ts";
import { readNode } from "../../../control/src/source/registration/node.ts";
import { Statuses } from "../../../control/src/status/statuses.ts";
import { questionOf } from "../../src/ask.ts";
import { explainRequest } from "../../src/explain.ts";
import type { Explanation, ExplainQuestion } from "../../src/index.ts";

const FILE = "mesh.yaml";

/** Undefined: a document is not what it should be. */
export function worldOf(yaml: string, nodes: readonly Node[], workloads: readonly Workload[]): ExplainWorld | string {
  const { objects, diagnostics } = parseYaml(yaml, FILE);
  const wrong = diagnostics.find(({ severity }) => severity === "error");
  if (wrong !== undefined) return formatDiagnostic(wrong);
  const stored = objects.map((loaded) => ({
    key: objectKey(loaded.object),
    loaded,
    createdAt: Date.parse(loaded.object.metadata.creationTimestamp ?? "2026-03-01T00:00:00Z"),
  }));
  const builder = new SnapshotBuilder({ domain: "cluster.local", rootNamespace: "istio-system" });
  const snapshot = builder.next({ objects: stored, workloads });
  const view = viewerOf(snapshot);
  const statuses = new Statuses(snapshot);
  return {
    domain: "cluster.local",
    trustDomain: "cluster.local",
    objects: stored,
    proxies: nodes.map((node) => {
      const read = readNode(node);
      let held: ReturnType<typeof view> | undefined;
      return {
        node: read,
        // Of most proxies nobody asks.
        get view() {
          return (held ??= view({ node: read, delta: true, proven: false }));
        },
        identity: undefined,
      };
    }),
    statusOf: (one) => statuses.of(one),
    textOf: (file) => (file === FILE ? yaml : undefined),
    imagine: (client) => {
      const node = imaginedSidecar(client);
      return { node, view: view({ node, delta: true, proven: false }), identity: undefined };
    },
  };
}

export function explainIn(world: ExplainWorld, question: ExplainQuestion): Explanation {
  return explainRequest(questionOf(question, world));
}
