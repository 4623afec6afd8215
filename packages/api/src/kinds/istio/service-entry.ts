/** ServiceEntry (istio/api `networking/v1alpha3/service_entry.proto`). */
import { ipOrCidr, nonEmpty, wildcardHost } from "../../schema/formats.ts";
import { enumOf, integer, list, object, openObject, required, string } from "../../schema/schema.ts";
import type { Infer } from "../../schema/schema.ts";
import { exportTo, labelsSelector } from "./selector.ts";
import { workloadEntrySpec } from "./workload.ts";

const servicePort = object({
  number: required(integer({ min: 1, max: 65535 })),
  protocol: string(),
  name: required(string(nonEmpty)),
  targetPort: integer({ min: 1, max: 65535 }),
});
export type ServiceEntryPort = Infer<typeof servicePort>;

export const serviceEntrySpec = object(
  {
    hosts: required(list(string(wildcardHost), { min: 1, max: 256 })),
    addresses: list(string(ipOrCidr), { max: 256 }),
    ports: list(servicePort, { max: 256 }),
    location: enumOf(["MESH_EXTERNAL", "MESH_INTERNAL"]),
    resolution: enumOf(["NONE", "STATIC", "DNS", "DNS_ROUND_ROBIN", "DYNAMIC_DNS"]),
    endpoints: list(workloadEntrySpec, { max: 4096 }),
    workloadSelector: labelsSelector,
    exportTo,
    subjectAltNames: list(string()),
  },
  { oneOf: [["endpoints", "workloadSelector"]] },
);
export type ServiceEntrySpec = Infer<typeof serviceEntrySpec>;

export const serviceEntryStatus = openObject({ addresses: list(object({ value: string(), host: string() })) });
export type ServiceEntryStatus = Infer<typeof serviceEntryStatus>;
