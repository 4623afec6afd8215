/** Where stats are sent. Envoy `source/extensions/stat_sinks/metrics_service`. */
import type { Bootstrap } from "@tulle/xds/gen/envoy/config/bootstrap/v3/bootstrap_pb.js";
import {
  HistogramEmitMode,
  type MetricsServiceConfig,
} from "@tulle/xds/gen/envoy/config/metrics/v3/metrics_service_pb.js";
import { compileService } from "./compile-collected-log.ts";
import { milliseconds } from "./duration.ts";
import type { Place } from "./problems.ts";
import { unpackExtension } from "./schemas.ts";

export interface StatsSinksPlan {
  readonly flushMs: number;
  /** 0: nothing is evicted. */
  readonly evictionMs: number;
  readonly services: readonly MetricsServicePlan[];
}

/** A server that metrics are streamed to. */
export interface MetricsServicePlan {
  readonly cluster: string;
  readonly authority: string;
  /** Of the call, by lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  /** Counters say what has come since the last flush. */
  readonly deltas: boolean;
  /** Names leave their variable parts to labels. */
  readonly labels: boolean;
  readonly summaries: boolean;
  readonly histograms: boolean;
  /** Families in a message; Infinity: as many as there are. */
  readonly batchSize: number;
}

/** Source: Envoy `source/server/configuration_impl.cc`, StatsConfigImpl. */
const FLUSH_MS = 5_000;

export function compileStatsSinks(bootstrap: Bootstrap, place: Place): StatsSinksPlan {
  const { statsSinks, statsFlushInterval, statsEviction } = bootstrap;
  const flushMs = milliseconds(statsFlushInterval, FLUSH_MS);
  const evictionMs = milliseconds(statsEviction.value, 0);
  if (evictionMs % flushMs !== 0) {
    place.field("stats_eviction_interval").refuse("must be a multiple of stats_flush_interval");
  }
  return {
    flushMs,
    evictionMs,
    services: statsSinks.flatMap(({ configType }, i) => {
      if (configType.case !== "typedConfig") return [];
      const { message, typeUrl } = unpackExtension(configType.value);
      const at = place.item("stats_sinks", i).packed("typed_config", typeUrl);
      return [compileMetricsService(message as MetricsServiceConfig, at)];
    }),
  };
}

function compileMetricsService(message: MetricsServiceConfig, place: Place): MetricsServicePlan {
  const { cluster, authority, headers } = compileService(message.grpcService, place);
  const { reportCountersAsDeltas, emitTagsAsLabels, histogramEmitMode, batchSize } = message;
  return {
    cluster,
    authority,
    headers,
    deltas: reportCountersAsDeltas ?? false,
    labels: emitTagsAsLabels,
    summaries: histogramEmitMode !== HistogramEmitMode.HISTOGRAM,
    histograms: histogramEmitMode !== HistogramEmitMode.SUMMARY,
    batchSize: batchSize === 0 ? Infinity : batchSize,
  };
}
