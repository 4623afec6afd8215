import { CONTENT_TYPE, preferredFormat } from "@tulle/telemetry/exposition";
import { RE2JS } from "re2js";
import { renderPrometheus } from "../stats/prometheus.ts";
import { type HistogramMode, type StatType, renderJson, renderText } from "../stats/text.ts";
import { type AdminEndpoint, type AdminReply, JSON_TYPE, TEXT, text } from "./endpoint.ts";
import { refreshServerStats } from "./server-stats.ts";

const FILTERS = {
  usedonly: "Only include stats that have been written by system since restart",
  filter: "Regular expression (Google re2) for filtering stats",
  invert_filter: "Invert the filter regex",
};
const TYPES: readonly StatType[] = ["All", "Counters", "Histograms", "Gauges", "TextReadouts"];

const MODES: readonly HistogramMode[] = ["cumulative", "disjoint", "detailed", "summary"];

export const statsEndpoint: AdminEndpoint = {
  path: "/stats",
  post: false,
  help: "print server stats",
  parameters: {
    ...FILTERS,
    format: "Format to use; One of (text, json, prometheus)",
    type: `Stat types to include.; One of (${TYPES.join(", ")})`,
    histogram_buckets: `Histogram bucket display mode; One of (${MODES.join(", ")})`,
  },
  handle(query, context, accept) {
    const format = query.get("format") ?? "text";
    if (format === "prometheus") return prometheusEndpoint.handle(query, context, accept);
    if (format !== "text" && format !== "json") return text("usage: /stats?format=(json|prometheus|text)\n\n", 400);
    const type = TYPES.find((each) => each === (query.get("type") ?? "All"));
    if (type === undefined) return text(`invalid &type= param; One of (${TYPES.join(", ")})`, 400);
    const histograms = MODES.find((each) => each === (query.get("histogram_buckets") ?? "summary"));
    if (histograms === undefined) return text(`usage: /stats?histogram_buckets=(${MODES.join("|")})\n`, 400);
    return withFilter(query, (filter) => {
      refreshServerStats(context);
      const selection = { usedOnly: query.has("usedonly"), filter, type, histograms };
      if (format === "json") return { status: 200, contentType: JSON_TYPE, body: renderJson(context.stats, selection) };
      return text(renderText(context.stats, selection));
    });
  },
};

export const prometheusEndpoint: AdminEndpoint = {
  path: "/stats/prometheus",
  post: false,
  help: "print server stats in prometheus format",
  parameters: FILTERS,
  handle(query, context, accept) {
    return withFilter(query, (filter) => {
      refreshServerStats(context);
      const format = preferredFormat(accept);
      const body = renderPrometheus(context.stats, {
        usedOnly: query.has("usedonly"),
        format,
        filter,
        clusterNames: context.dataPlane.clusterStatNames(),
        plan: context.statsPlan,
      });
      return { status: 200, contentType: format === "text" ? TEXT : CONTENT_TYPE[format], body };
    });
  },
};

export const resetCountersEndpoint: AdminEndpoint = {
  path: "/reset_counters",
  post: true,
  help: "reset all counters to zero",
  parameters: {},
  handle(_, context) {
    context.stats.resetCounters();
    return text("OK\n");
  },
};

function withFilter(query: URLSearchParams, reply: (filter: (name: string) => boolean) => AdminReply): AdminReply {
  const pattern = query.get("filter");
  if (pattern === null || pattern === "") return reply(() => true);
  let regex: RE2JS;
  try {
    regex = RE2JS.compile(pattern);
  } catch (error) {
    return text(`Invalid re2 regex: ${error instanceof Error ? error.message : String(error)}`, 400);
  }
  const invert = query.has("invert_filter");
  return reply((name) => regex.test(name) !== invert);
}
