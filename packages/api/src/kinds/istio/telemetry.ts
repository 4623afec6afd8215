/** Telemetry (istio/api `telemetry/v1alpha1/telemetry.proto`). */
import { nonEmpty } from "../../schema/formats.ts";
import {
  boolean,
  deprecated,
  duration,
  enumOf,
  list,
  map,
  number,
  object,
  required,
  string,
} from "../../schema/schema.ts";
import type { Infer } from "../../schema/schema.ts";
import { policyTargetReference, targetRefs, workloadSelector } from "./selector.ts";

const text = string(nonEmpty);
const mode = enumOf(["CLIENT_AND_SERVER", "CLIENT", "SERVER"]);
const providers = list(object({ name: required(text) }));

const tracing = object({
  match: object({ mode }),
  providers,
  randomSamplingPercentage: number({ min: 0, max: 100 }),
  disableSpanReporting: boolean(),
  customTags: map(
    object(
      {
        literal: object({ value: required(text) }),
        environment: object({ name: required(text), defaultValue: string() }),
        header: object({ name: required(text), defaultValue: string() }),
        formatter: object({ value: required(text) }),
      },
      { exactlyOne: [["literal", "environment", "header", "formatter"]] },
    ),
  ),
  useRequestIdForTraceSampling: boolean(),
  enableIstioTags: boolean(),
  disableContextPropagation: boolean(),
});
export type TracingSettings = Infer<typeof tracing>;

const metrics = object({
  providers,
  overrides: list(
    object({
      match: object(
        {
          metric: enumOf([
            "ALL_METRICS",
            "REQUEST_COUNT",
            "REQUEST_DURATION",
            "REQUEST_SIZE",
            "RESPONSE_SIZE",
            "TCP_OPENED_CONNECTIONS",
            "TCP_CLOSED_CONNECTIONS",
            "TCP_SENT_BYTES",
            "TCP_RECEIVED_BYTES",
            "GRPC_REQUEST_MESSAGES",
            "GRPC_RESPONSE_MESSAGES",
          ]),
          customMetric: text,
          mode,
        },
        { oneOf: [["metric", "customMetric"]] },
      ),
      disabled: boolean(),
      tagOverrides: map(object({ operation: enumOf(["UPSERT", "REMOVE"]), value: string() })),
    }),
  ),
  reportingInterval: duration({ minMs: 1 }),
});
export type MetricsSettings = Infer<typeof metrics>;

const accessLogging = object({
  match: object({ mode }),
  providers,
  disabled: boolean(),
  filter: object({ expression: string() }),
});
export type AccessLoggingSettings = Infer<typeof accessLogging>;

export const telemetrySpec = object(
  {
    selector: workloadSelector,
    targetRef: deprecated(policyTargetReference, "use targetRefs"),
    targetRefs,
    tracing: list(tracing),
    metrics: list(metrics),
    accessLogging: list(accessLogging),
  },
  { oneOf: [["selector", "targetRef", "targetRefs"]] },
);
export type TelemetrySpec = Infer<typeof telemetrySpec>;
