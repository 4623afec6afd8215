/** Every path of the HTTP API, with what answers it. */
import { historyHandlers } from "./history.ts";
import { accessHandlers } from "./access.ts";
import { analysisHandlers } from "./analysis.ts";
import { explainHandlers } from "./explain.ts";
import { objectHandlers } from "./objects.ts";
import { prometheusHandlers } from "./prometheus.ts";
import { identityHandlers } from "./identities.ts";
import { insightHandlers } from "./insight.ts";
import { proxyHandlers } from "./proxies.ts";
import type { Handler } from "./handler.ts";
import { validate } from "./validate.ts";
import { renderMetrics } from "./metrics.ts";
import { traceHandlers } from "./traces.ts";
import { requestHandlers } from "./requests.ts";
import { telemetryReceivers } from "./telemetry-receivers.ts";
import { VERSION } from "../version.ts";

export interface Route {
  /** `*` stands for any one part. */
  readonly path: readonly string[];
  readonly methods: Readonly<Record<string, Handler>>;
}

export const ROUTES: readonly Route[] = [
  { path: ["ready"], methods: { GET: () => ({ text: "LIVE\n", type: "text/plain" }) } },
  { path: ["version"], methods: { GET: () => ({ json: { version: VERSION } }) } },
  {
    path: ["metrics"],
    methods: { GET: (context) => ({ text: renderMetrics(context), type: "text/plain; version=0.0.4" }) },
  },
  { path: ["api", "v1", "objects"], methods: { GET: objectHandlers.list } },
  {
    path: ["api", "v1", "objects", "*", "*", "*", "*"],
    methods: { GET: objectHandlers.get, DELETE: objectHandlers.remove },
  },
  { path: ["api", "v1", "apply"], methods: { POST: objectHandlers.apply } },
  { path: ["api", "v1", "validate"], methods: { POST: validate } },
  { path: ["api", "v1", "history"], methods: { GET: historyHandlers.list } },
  { path: ["api", "v1", "history", "*", "undo"], methods: { POST: historyHandlers.undo } },
  { path: ["api", "v1", "diagnostics"], methods: { GET: objectHandlers.diagnostics } },
  { path: ["api", "v1", "analysis"], methods: { GET: analysisHandlers.list, POST: analysisHandlers.ofStream } },
  { path: ["api", "v1", "access"], methods: { GET: accessHandlers.access } },
  { path: ["api", "v1", "explain"], methods: { POST: explainHandlers.explain } },
  { path: ["api", "v1", "explain", "change"], methods: { POST: explainHandlers.change } },
  { path: ["api", "v1", "proxies"], methods: { GET: proxyHandlers.list } },
  { path: ["api", "v1", "proxies", "*", "config_dump"], methods: { GET: proxyHandlers.configDump } },
  { path: ["api", "v1", "sd", "prometheus"], methods: { GET: proxyHandlers.scrapeTargets } },
  { path: ["api", "v1", "ca"], methods: { GET: identityHandlers.authority } },
  { path: ["api", "v1", "ca", "rotation"], methods: { GET: identityHandlers.rotation, POST: identityHandlers.rotate } },
  {
    path: ["api", "v1", "tokens"],
    methods: { GET: identityHandlers.listTokens, POST: identityHandlers.createToken },
  },
  { path: ["api", "v1", "tokens", "*"], methods: { DELETE: identityHandlers.revokeToken } },
  {
    path: ["api", "v1", "telemetry"],
    methods: { GET: async ({ telemetry }) => ({ json: await telemetry.ask("status", undefined) }) },
  },
  { path: ["api", "v1", "graph"], methods: { GET: insightHandlers.graph } },
  { path: ["api", "v1", "graph", "stream"], methods: { GET: insightHandlers.graphStream } },
  { path: ["api", "v1", "edges"], methods: { GET: insightHandlers.edges } },
  { path: ["api", "v1", "slow"], methods: { GET: insightHandlers.slow } },
  { path: ["api", "v1", "slow", "*"], methods: { GET: insightHandlers.criticalPath } },
  { path: ["api", "v1", "overview"], methods: { GET: insightHandlers.overview } },
  { path: ["api", "v1", "services"], methods: { GET: insightHandlers.services } },
  { path: ["api", "v1", "services", "*", "*"], methods: { GET: insightHandlers.service } },
  { path: ["api", "v1", "workloads", "stats"], methods: { GET: insightHandlers.workloads } },
  { path: ["api", "v1", "workloads", "stats", "*", "*"], methods: { GET: insightHandlers.workload } },
  { path: ["api", "v1", "requests"], methods: { GET: requestHandlers.search } },
  { path: ["api", "v1", "requests", "*"], methods: { GET: requestHandlers.get } },
  { path: ["api", "v1", "tap"], methods: { GET: requestHandlers.tap } },
  { path: ["v1", "traces"], methods: { POST: telemetryReceivers.otlpTraces } },
  { path: ["api", "v2", "spans"], methods: { GET: traceHandlers.zipkin, POST: telemetryReceivers.zipkinSpans } },
  // Zipkin's: names of services and spans, traces, dependencies.
  { path: ["api", "v2", "services"], methods: { GET: traceHandlers.zipkin } },
  { path: ["api", "v2", "traces"], methods: { GET: traceHandlers.zipkin } },
  { path: ["api", "v2", "trace", "*"], methods: { GET: traceHandlers.zipkin } },
  { path: ["api", "v2", "dependencies"], methods: { GET: traceHandlers.zipkin } },
  // Jaeger's.
  { path: ["api", "services"], methods: { GET: traceHandlers.jaeger } },
  { path: ["api", "services", "*", "operations"], methods: { GET: traceHandlers.jaeger } },
  { path: ["api", "operations"], methods: { GET: traceHandlers.jaeger } },
  { path: ["api", "traces"], methods: { GET: traceHandlers.jaeger } },
  { path: ["api", "traces", "*"], methods: { GET: traceHandlers.jaeger } },
  { path: ["api", "dependencies"], methods: { GET: traceHandlers.jaeger } },
  // Prometheus'.
  ...["query", "query_range", "query_exemplars", "series", "labels"].map((name) => ({
    path: ["api", "v1", name],
    methods: { GET: prometheusHandlers.query, POST: prometheusHandlers.query },
  })),
  { path: ["api", "v1", "label", "*", "values"], methods: { GET: prometheusHandlers.query } },
  { path: ["api", "v1", "metadata"], methods: { GET: prometheusHandlers.query } },
  { path: ["api", "v1", "status", "buildinfo"], methods: { GET: prometheusHandlers.buildInfo } },
  { path: ["api", "v1", "status", "config"], methods: { GET: prometheusHandlers.config } },
  { path: ["api", "v1", "status", "runtimeinfo"], methods: { GET: prometheusHandlers.runtimeInfo } },
  { path: ["api", "v1", "rules"], methods: { GET: prometheusHandlers.rules } },
  { path: ["api", "v1", "alerts"], methods: { GET: prometheusHandlers.alerts } },
  { path: ["api", "v1", "workloads"], methods: { GET: proxyHandlers.workloads } },
];
