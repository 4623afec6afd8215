/** Files by themselves, without a control plane. */
import { DEFAULT_DOMAIN } from "@tulle/api";
import { SnapshotBuilder } from "../model/snapshot.ts";
import { plannedObjects } from "../source/files/planned.ts";
import type { AnalysisMessage } from "./analyze.ts";
import { analyze } from "./analyze.ts";

/** (control-plane.ts) */
const ROOT_NAMESPACE = "istio-system";

/** Lines are those of the stream. @param namespace of objects that name none */
export function analyzeFiles(stream: string, namespace: string): readonly AnalysisMessage[] {
  const { objects, diagnostics } = plannedObjects({ objects: [], byKey: new Map() }, stream, namespace, 0);
  const builder = new SnapshotBuilder({ domain: DEFAULT_DOMAIN, rootNamespace: ROOT_NAMESPACE });
  return analyze(builder.next({ objects, workloads: [] }), diagnostics);
}
