/** Traces by MeshConfig's providers and Telemetry: what upstreams are told, and what comes to the collector. */
import type { ContractCase } from "../harness/case.ts";
import { echo } from "../harness/istio.ts";
import { answer, get, got, seen } from "../harness/steps.ts";

const TRACE = "463ac35c9f6413ad48485a3953bb6124";
const SPAN = "a2fb4a1d1a96d312";
/** Generated ids. */
const IDS: NonNullable<ContractCase["mask"]> = [
  [new RegExp(`\\b(?!${TRACE})[0-9a-f]{32}\\b`, "g"), "{32 hex digits}"],
  [new RegExp(`\\b(?!${SPAN})[0-9a-f]{16}\\b`, "g"), "{16 hex digits}"],
];
/** Of a report, the value of the tag `t`. */
const TAG: NonNullable<ContractCase["mask"]> = [
  [/\[\{.*"t":"((?:[^"\\]|\\.)*)".*$/, "t=$1"],
  [/\[\{.*$/, "no t"],
  [/content-length: \d+/i, "content-length: {length}"],
  ...IDS,
];

const PROVIDERS = `
---
apiVersion: v1
kind: Service
metadata: { name: collector }
spec: { selector: { app: collector }, ports: [{ name: http, port: 9411, targetPort: 9411 }] }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data:
  mesh: |
    enableTracing: true
    extensionProviders:
    - name: z
      zipkin: { service: collector.default.svc.cluster.local, port: 9411 }
    - name: both
      zipkin: { service: collector.default.svc.cluster.local, port: 9411, traceContextOption: USE_B3_WITH_W3C_PROPAGATION }
    - name: otel
      opentelemetry: { service: collector.default.svc.cluster.local, port: 9411, http: { path: /v1/traces, timeout: 1s } }`;

interface Row {
  readonly name: string;
  /** Of one item of `spec.tracing`, beside its provider. */
  readonly tracing: string;
  readonly provider?: string;
  /** More items, or documents. */
  readonly more?: string;
  readonly lines?: readonly string[];
  /** The collector is told, and of that the tag `t` is looked at. */
  readonly isTold?: true;
}

function telemetry(tracing: string, namespace = "default"): string {
  return `
---
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: { name: t, namespace: ${namespace} }
spec: { tracing: [${tracing}] }`;
}

const ALL = "randomSamplingPercentage: 100";
const B3 = [`x-b3-traceid: ${TRACE}`, `x-b3-spanid: ${SPAN}`];

const ROWS: readonly Row[] = [
  { name: "sampling of 100", tracing: ALL },
  { name: "sampling of 0", tracing: "randomSamplingPercentage: 0" },
  { name: "sampling of 0, and who asks has decided", tracing: "randomSamplingPercentage: 0", lines: [...B3, "x-b3-sampled: 1"] },
  { name: "sampling of 100, and who asks has decided", tracing: ALL, lines: [...B3, "x-b3-sampled: 0"] },
  { name: "sampling of 100, and who asks has not decided", tracing: ALL, lines: B3 },
  { name: "sampling of 0, and somebody forces it", tracing: "randomSamplingPercentage: 0", lines: ["x-envoy-force-trace: 1"] },
  { name: "no spans are reported", tracing: `${ALL}, disableSpanReporting: true` },
  { name: "no spans are reported, and who asks has decided", tracing: `${ALL}, disableSpanReporting: true`, lines: [...B3, "x-b3-sampled: 1"] },
  { name: "the request id says nothing", tracing: `${ALL}, useRequestIdForTraceSampling: false` },
  { name: "nobody is told of the context", tracing: `${ALL}, disableContextPropagation: true`, lines: [...B3, "x-b3-sampled: 1"] },
  { name: "of clients", tracing: `match: { mode: CLIENT }, ${ALL}` },
  { name: "of servers: nothing of a client", tracing: `match: { mode: SERVER }, ${ALL}` },
  { name: "of both", tracing: `match: { mode: CLIENT_AND_SERVER }, ${ALL}` },
  { name: "of both sides of W3C and B3", provider: "both", tracing: ALL },
  { name: "of W3C alone where a request has that", provider: "both", tracing: ALL, lines: [`traceparent: 00-${TRACE}-${SPAN}-01`] },
  { name: "OpenTelemetry, sampling of 100", provider: "otel", tracing: ALL },
  { name: "OpenTelemetry, sampling of 0", provider: "otel", tracing: "randomSamplingPercentage: 0" },
  { name: "OpenTelemetry, and who asks has decided", provider: "otel", tracing: "randomSamplingPercentage: 0", lines: [`traceparent: 00-${TRACE}-${SPAN}-01`] },
  { name: "a provider that nobody knows", provider: "nobody", tracing: ALL },
  { name: "a tag that is written", tracing: `${ALL}, customTags: { t: { literal: { value: "a b" } } }`, isTold: true },
  { name: "a tag from a header", tracing: `${ALL}, customTags: { t: { header: { name: x-t } } }`, lines: ["x-t: one"], isTold: true },
  { name: "a tag from a header that is not there", tracing: `${ALL}, customTags: { t: { header: { name: x-t, defaultValue: none } } }`, isTold: true },
  { name: "a tag from a header without a default", tracing: `${ALL}, customTags: { t: { header: { name: x-t } } }`, isTold: true },
  { name: "a tag from the environment that is not there", tracing: `${ALL}, customTags: { t: { environment: { name: NOT_THERE, defaultValue: other } } }`, isTold: true },
  { name: "a tag by format", tracing: `${ALL}, customTags: { t: { formatter: { value: "%REQ(:METHOD)% %PROTOCOL%" } } }`, isTold: true },
]; // prettier-ignore

export const CASES: readonly ContractCase[] = ROWS.map(
  ({ name, tracing, provider = "z", more = "", lines = [], isTold }): ContractCase => ({
    name,
    feature: "Telemetry: tracing",
    istio: {
      ...echo("", PROVIDERS + telemetry(`{ providers: [{ name: ${provider} }], ${tracing} }`) + more),
      workloads: {
        v1: { labels: { app: "echo", version: "v1" } },
        collector: { labels: { app: "collector" }, port: 9411 },
      },
    },
    upstreams: { v1: answer(200, "v1"), collector: answer(202) },
    client: [get("/p?q=1", "Host: echo", ...lines), got(1), ...(isTold ? [seen("collector", 1)] : [])],
    expect: { answers: ["200 v1"] },
    mask: isTold ? TAG : IDS,
    ...(isTold
      ? {
          bootstrap: {
            layered_runtime: { layers: [{ name: "r", static_layer: { "tracing.zipkin.min_flush_spans": 1 } }] },
          },
        }
      : {}),
  }),
);
