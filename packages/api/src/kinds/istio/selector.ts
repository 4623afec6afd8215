/** How Istio kinds name the workloads they apply to (istio/api `type/v1beta1/selector.proto`, `sidecar.proto`). */
import { dnsLabel, labelKey, labelValue, nonEmpty } from "../../schema/formats.ts";
import { enumOf, integer, list, map, object, required, string } from "../../schema/schema.ts";
import type { Infer } from "../../schema/schema.ts";

/** `networking.istio.io` kinds: `workloadSelector: {labels}`. */
export const labelsSelector = object({ labels: map(string(labelValue), labelKey) });
export type LabelsSelector = Infer<typeof labelsSelector>;

/** Policies (and DestinationRule): `selector: {matchLabels}`. */
export const workloadSelector = object({ matchLabels: map(string(labelValue), labelKey) });
export type WorkloadSelector = Infer<typeof workloadSelector>;

export const policyTargetReference = object({
  group: string(),
  kind: required(string(nonEmpty)),
  name: required(string(nonEmpty)),
  namespace: string(dnsLabel),
});
export type PolicyTargetReference = Infer<typeof policyTargetReference>;

export const targetRefs = list(policyTargetReference, { max: 16 });

export const portSelector = object({ number: required(integer({ min: 1, max: 65535 })) });
export type PortSelector = Infer<typeof portSelector>;

/** `type/v1beta1`'s WorkloadMode; Telemetry has its own without UNDEFINED. */
export const workloadMode = enumOf(["UNDEFINED", "CLIENT", "SERVER", "CLIENT_AND_SERVER"]);

export const exportTo = list(string(nonEmpty));
