/** What proxies said of their clusters, from the series that are kept. */
import { QuestionError } from "../telemetry/question-error.ts";
import type { ClusterStats } from "./explainer.ts";
import type { ApiContext } from "./handler.ts";

/** Those that say why a cluster took no request. (Envoy docs, "Cluster manager stats") */
const STATS = [
  "membership_healthy",
  "membership_total",
  "outlier_detection_ejections_active",
  "circuit_breakers_default_cx_open",
  "circuit_breakers_default_rq_pending_open",
  "circuit_breakers_default_rq_open",
  "circuit_breakers_default_rq_retry_open",
];
const PREFIX = "envoy_cluster_";

/** While the telemetry thread cannot be asked, nothing is known. */
export function clusterStatsOf({ telemetry }: Pick<ApiContext, "telemetry">): ClusterStats {
  return async (proxy, cluster, atMs) => {
    const pod = proxy.split("~")[2]?.replace(/\.[^.]*$/, "") ?? proxy;
    const query = `{__name__=~"${PREFIX}(?:${STATS.join("|")})",pod=${JSON.stringify(pod)},envoy_cluster_name=${JSON.stringify(cluster)}}`;
    const parameters = [
      ["query", query],
      ["time", String(atMs / 1000)],
    ] as const;
    try {
      const { status, text } = await telemetry.ask("prometheus", { path: ["query"], parameters });
      return status === 200 ? valuesIn(text) : new Map();
    } catch (error) {
      if (error instanceof QuestionError && error.kind === "unavailable") return new Map();
      throw error;
    }
  };
}

interface InstantAnswer {
  readonly data: {
    readonly result: readonly { readonly metric: Record<string, string>; readonly value: [number, string] }[];
  };
}

function valuesIn(text: string): ReadonlyMap<string, number> {
  const { data } = JSON.parse(text) as InstantAnswer;
  return new Map(data.result.map(({ metric, value }) => [metric["__name__"]!.slice(PREFIX.length), Number(value[1])]));
}
