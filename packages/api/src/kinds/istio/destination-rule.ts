/** DestinationRule (istio/api `networking/v1alpha3/destination_rule.proto`). */
import { labelKey, labelValue, subsetName, wildcardHost } from "../../schema/formats.ts";
import { list, map, object, required, string } from "../../schema/schema.ts";
import type { Infer } from "../../schema/schema.ts";
import { exportTo, workloadSelector } from "./selector.ts";
import { trafficPolicy } from "./traffic-policy.ts";

const subset = object({
  name: required(string(subsetName)),
  labels: map(string(labelValue), labelKey),
  trafficPolicy,
});
export type Subset = Infer<typeof subset>;

export const destinationRuleSpec = object({
  host: required(string(wildcardHost)),
  trafficPolicy,
  subsets: list(subset),
  exportTo,
  workloadSelector,
});
export type DestinationRuleSpec = Infer<typeof destinationRuleSpec>;
