import type { JsonObject } from "@bufbuild/protobuf";
import { STANDARD_METRICS, UNKNOWN, type Workload } from "@tulle/telemetry";
import { compileCelText } from "../cel.ts";
import { cutText } from "../format/byte-text.ts";
import type { StreamInfo } from "../format/stream-info.ts";
import type { Place } from "../problems.ts";
import type { FilterCompiler } from "./filter-compiler.ts";

/** `istio.stats`, among HTTP and among network filters (message type `stats.PluginConfig`). */
export interface MeshStatsConfig {
  /** This proxy's workload: the source of outbound requests, the destination of inbound ones. */
  readonly local: Workload;
  /** How often connections are counted that go on. */
  readonly tcpReportingMs: number;
  /** What labels are made of that there are not without; each once. */
  readonly expressions: readonly ((stream: StreamInfo) => string)[];
  /** By name, with `istio_`. */
  readonly changes: ReadonlyMap<string, MetricChange>;
}

interface MetricChange {
  readonly isDropped: boolean;
  readonly removed: ReadonlySet<string>;
  /** Labels, and which expression says their values. */
  readonly dimensions: ReadonlyMap<string, number>;
}

/** Of a label's value, which may be what a client sends: there are thousands of them. Collectors take no more either. */
export const MAX_LABEL_BYTES = 1_024;

/** `tcp_reporting_duration`. Source: istio/proxy `istio_stats.cc`. */
const TCP_REPORTING_MS = 5_000;

export const meshStats: FilterCompiler = {
  compile: ({ content }, { localWorkload }, place) => compileMeshStats(content, localWorkload, place),
  compileRoute: null,
};

/** (istio/proxy `source/extensions/filters/http/istio_stats/config.proto`: `metrics`, each `name`, `dimensions`, `tags_to_remove`, `drop`) */
export function compileMeshStats(content: JsonObject | null, local: Workload, place: Place): MeshStatsConfig {
  const indexes = new Map<string, number>();
  const expressions: ((stream: StreamInfo) => string)[] = [];
  const changes = new Map<string, MetricChange>();
  for (const [i, metric] of listOf(content?.["metrics"]).entries()) {
    const at = place.item("metrics", i);
    const name = textOf(metric["name"]);
    const names = name === "" ? STANDARD_METRICS.map((each) => each.name) : [`istio_${name}`];
    const dimensions: [string, number][] = Object.entries(recordOf(metric["dimensions"])).map(([label, value]) => {
      const text = textOf(value);
      let index = indexes.get(text);
      if (index === undefined) {
        index = expressions.length;
        indexes.set(text, index);
        const value = compileCelText(text, UNKNOWN, at.field(`dimensions["${label}"]`));
        expressions.push((stream) => cutText(value(stream), MAX_LABEL_BYTES));
      }
      return [label, index];
    });
    const removed = Array.isArray(metric["tags_to_remove"]) ? metric["tags_to_remove"].map(textOf) : [];
    for (const each of names) {
      const before = changes.get(each);
      changes.set(each, {
        isDropped: metric["drop"] === true,
        removed: new Set([...(before?.removed ?? []), ...removed]),
        dimensions: new Map([...(before?.dimensions ?? []), ...dimensions]),
      });
    }
  }
  const seconds = /^(\d+(?:\.\d+)?)s$/.exec(textOf(content?.["tcp_reporting_duration"]))?.[1];
  const tcpReportingMs = seconds === undefined ? TCP_REPORTING_MS : Math.max(1, Number(seconds) * 1_000);
  return { local, tcpReportingMs, expressions, changes };
}

function listOf(value: unknown): readonly Record<string, unknown>[] {
  return Array.isArray(value) ? value.map(recordOf) : [];
}

function recordOf(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
