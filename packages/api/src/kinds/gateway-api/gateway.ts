/** GatewayClass, Gateway and ListenerSet (Gateway API `apis/v1/{gatewayclass,gateway,listenerset}_types.go`). */
import { dnsLabel, dnsSubdomain, gatewayHostname, labelKey, labelValue, nonEmpty } from "../../schema/formats.ts";
import { enumOf, list, map, object, opaque, required, string } from "../../schema/schema.ts";
import type { Infer } from "../../schema/schema.ts";
import { labelSelector } from "../kubernetes/pod.ts";
import {
  annotationMap,
  localObjectReference,
  objectReference,
  port,
  routeGroupKind,
  secretObjectReference,
} from "./references.ts";

export const gatewayClassSpec = object({
  controllerName: required(
    string({
      expected: "a domain-prefixed path such as example.com/controller",
      accepts: (v) => /^[^/]+\/.+$/.test(v),
    }),
  ),
  parametersRef: object({
    group: required(string()),
    kind: required(string(nonEmpty)),
    name: required(string(nonEmpty)),
    namespace: string(dnsLabel),
  }),
  description: string(),
});
export type GatewayClassSpec = Infer<typeof gatewayClassSpec>;

const listenerTls = object({
  mode: enumOf(["Terminate", "Passthrough"]),
  certificateRefs: list(secretObjectReference, { max: 64 }),
  options: map(string()),
});

const namespacesFrom = object({ from: enumOf(["All", "Selector", "Same"]), selector: labelSelector });

const listenerFields = {
  name: required(string(dnsSubdomain)),
  hostname: string(gatewayHostname),
  protocol: required(string(nonEmpty)),
  tls: listenerTls,
  allowedRoutes: object({ namespaces: namespacesFrom, kinds: list(routeGroupKind, { max: 8 }) }),
};
const listener = object({ ...listenerFields, port: required(port) });
export type GatewayListener = Infer<typeof listener>;

const frontendValidation = object({
  validation: object({
    caCertificateRefs: required(list(objectReference, { min: 1, max: 16 })),
    mode: enumOf(["AllowValidOnly", "AllowInsecureFallback"]),
  }),
});

export const k8sGatewaySpec = object({
  gatewayClassName: required(string(nonEmpty)),
  listeners: required(list(listener, { min: 1, max: 64 })),
  addresses: list(object({ type: string(), value: string() }), { max: 16 }),
  infrastructure: object({
    labels: map(string(labelValue), labelKey),
    annotations: annotationMap,
    parametersRef: localObjectReference,
  }),
  allowedListeners: object({
    namespaces: object({ from: enumOf(["All", "Selector", "Same", "None"]), selector: labelSelector }),
  }),
  tls: object({
    backend: object({ clientCertificateRef: secretObjectReference }),
    frontend: object({
      default: required(frontendValidation),
      perPort: list(object({ port: required(port), tls: required(frontendValidation) }), { max: 64 }),
    }),
  }),
  defaultScope: opaque(),
});
export type K8sGatewaySpec = Infer<typeof k8sGatewaySpec>;

export const listenerSetSpec = object({
  parentRef: required(
    object({ group: string(), kind: string(), name: required(string(nonEmpty)), namespace: string(dnsLabel) }),
  ),
  listeners: required(list(listener, { min: 1, max: 64 })),
});
export type ListenerSetSpec = Infer<typeof listenerSetSpec>;
