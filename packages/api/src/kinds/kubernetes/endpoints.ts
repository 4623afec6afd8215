/** EndpointSlice (discovery.k8s.io/v1) and Endpoints (core/v1). */
import { labelKey, nonEmpty } from "../../schema/formats.ts";
import { boolean, enumOf, integer, list, map, openObject, required, string } from "../../schema/schema.ts";
import type { Infer } from "../../schema/schema.ts";

const targetReference = openObject({ kind: string(), name: string(), namespace: string(), uid: string() });

const endpointPort = openObject({
  name: string(),
  /** Absent means every port. */
  port: integer({ min: 1, max: 65535 }),
  protocol: enumOf(["TCP", "UDP", "SCTP"]),
  appProtocol: string(),
});
export type EndpointPort = Infer<typeof endpointPort>;

const endpoint = openObject({
  addresses: required(list(string(nonEmpty), { min: 1, max: 100 })),
  /** An absent `ready` counts as ready. */
  conditions: openObject({ ready: boolean(), serving: boolean(), terminating: boolean() }),
  hostname: string(),
  nodeName: string(),
  zone: string(),
  targetRef: targetReference,
  deprecatedTopology: map(string(), labelKey),
});
export type SliceEndpoint = Infer<typeof endpoint>;

export const endpointSliceFields = {
  addressType: required(enumOf(["IPv4", "IPv6", "FQDN"])),
  endpoints: list(endpoint, { max: 1000 }),
  ports: list(endpointPort, { max: 100 }),
};

const endpointAddress = openObject({
  ip: required(string(nonEmpty)),
  hostname: string(),
  nodeName: string(),
  targetRef: targetReference,
});
export type EndpointAddress = Infer<typeof endpointAddress>;

const subset = openObject({
  addresses: list(endpointAddress),
  notReadyAddresses: list(endpointAddress),
  ports: list(endpointPort),
});
export type EndpointSubset = Infer<typeof subset>;

export const endpointsFields = { subsets: list(subset) };
