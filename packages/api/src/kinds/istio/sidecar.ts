/** Sidecar (istio/api `networking/v1alpha3/sidecar.proto`). */
import { nonEmpty } from "../../schema/formats.ts";
import { deprecated, enumOf, integer, list, object, required, string, withDefault } from "../../schema/schema.ts";
import type { Infer } from "../../schema/schema.ts";
import { serverTls } from "./gateway.ts";
import { labelsSelector } from "./selector.ts";
import { connectionPool } from "./traffic-policy.ts";
import { destination } from "./virtual-service.ts";

const captureMode = enumOf(["DEFAULT", "IPTABLES", "NONE"]);

const sidecarPort = object({
  /** 0 only for egress with a Unix socket in `bind`. */
  number: withDefault(integer({ min: 0, max: 65535 }), 0),
  protocol: string(),
  name: string(),
  targetPort: deprecated(integer({ min: 0, max: 65535 }), "it has no effect; remove it"),
});

const ingressListener = object({
  port: required(sidecarPort),
  bind: string(),
  captureMode,
  defaultEndpoint: string(),
  tls: serverTls,
  connectionPool,
});
export type SidecarIngress = Infer<typeof ingressListener>;

const egressListener = object({
  port: sidecarPort,
  bind: string(),
  captureMode,
  hosts: required(list(string(nonEmpty), { min: 1 })),
});
export type SidecarEgress = Infer<typeof egressListener>;

const outboundTrafficPolicy = object({
  mode: enumOf(["REGISTRY_ONLY", "ALLOW_ANY"]),
  egressProxy: destination,
});
export type OutboundTrafficPolicy = Infer<typeof outboundTrafficPolicy>;

export const sidecarSpec = object({
  workloadSelector: labelsSelector,
  ingress: list(ingressListener),
  egress: list(egressListener),
  inboundConnectionPool: connectionPool,
  outboundTrafficPolicy,
});
export type SidecarSpec = Infer<typeof sidecarSpec>;
