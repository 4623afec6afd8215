/** References and small types that Gateway API kinds share (`apis/v1/{object_reference,shared}_types.go`). */
import { dnsLabel, dnsSubdomain, nonEmpty } from "../../schema/formats.ts";
import { enumOf, integer, list, map, object, openObject, required, string } from "../../schema/schema.ts";
import type { Infer } from "../../schema/schema.ts";

export const port = integer({ min: 1, max: 65535 });
const group = string({
  expected: 'an API group such as "gateway.networking.k8s.io", or ""',
  accepts: (value) => value === "" || dnsSubdomain.accepts(value),
});
const kind = string(nonEmpty);
const name = string(nonEmpty);

export const sectionName = string(dnsSubdomain);

/** Default group gateway.networking.k8s.io, default kind Gateway; group "" with kind Service attaches to the mesh. */
const parentReference = object({ group, kind, namespace: string(dnsLabel), name: required(name), sectionName, port });
export type ParentReference = Infer<typeof parentReference>;

export const backendObjectReferenceFields = {
  group,
  kind,
  name: required(name),
  namespace: string(dnsLabel),
  port,
};
export const backendObjectReference = object(backendObjectReferenceFields);
export type BackendObjectReference = Infer<typeof backendObjectReference>;

/** Relative share; default 1, at most 1,000,000. */
export const weight = integer({ min: 0, max: 1_000_000 });

/** Backend of an L4 route. */
export const backendReference = object({ ...backendObjectReferenceFields, weight });
export type BackendReference = Infer<typeof backendReference>;

export const localObjectReference = object({ group: required(group), kind: required(kind), name: required(name) });
export type LocalObjectReference = Infer<typeof localObjectReference>;

export const secretObjectReference = object({ group, kind, name: required(name), namespace: string(dnsLabel) });
export type SecretObjectReference = Infer<typeof secretObjectReference>;

export const objectReference = object({
  group: required(group),
  kind: required(kind),
  name: required(name),
  namespace: string(dnsLabel),
});
export type ObjectReference = Infer<typeof objectReference>;

export const routeGroupKind = object({ group, kind: required(kind) });
export type RouteGroupKind = Infer<typeof routeGroupKind>;

export const commonRouteFields = {
  parentRefs: list(parentReference, { max: 32 }),
  useDefaultGateways: enumOf(["All", "None"]),
};

/** metav1.Condition. */
const condition = openObject({
  type: required(string()),
  status: required(enumOf(["True", "False", "Unknown"])),
  reason: string(),
  message: string(),
  observedGeneration: integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
  lastTransitionTime: string(),
});
export type Condition = Infer<typeof condition>;
export const annotationMap = map(string());
