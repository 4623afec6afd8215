/** What is said of objects: pure. */
import type { ObjectItem, ObjectStatus, StatusType } from "../api/types.ts";
import type { ObjectReference } from "../url/address.ts";
import type { Tone } from "../ui/tone.ts";

export function groupOf(apiVersion: string): string {
  const slash = apiVersion.indexOf("/");
  return slash < 0 ? "" : apiVersion.slice(0, slash);
}

export function referenceOf({ object }: ObjectItem): ObjectReference {
  const { namespace, name } = object.metadata;
  return { group: groupOf(object.apiVersion), kind: object.kind, namespace, name };
}

export function keyOf(reference: ObjectReference): string {
  const { group, kind, namespace, name } = reference;
  return `${group === "" ? "core" : group}/${kind}/${namespace}/${name}`;
}

/** Of `keyOf`'s text; undefined if it is none. */
export function parseKey(text: string): ObjectReference | undefined {
  const [group, kind, namespace, ...name] = text.split("/");
  if (kind === undefined || namespace === undefined || name.length === 0) return undefined;
  return { group: group === "core" ? "" : group!, kind, namespace, name: name.join("/") };
}

export const STATUS_TONES: Readonly<Record<StatusType, Tone>> = {
  InForce: "ok",
  Shadowed: "warn",
  NotYetApplied: "warn",
  Ignored: "none",
  Invalid: "bad",
};

export const STATUS_NAMES: Readonly<Record<StatusType, string>> = {
  InForce: "In force",
  Shadowed: "Shadowed",
  NotYetApplied: "Not applied yet",
  Ignored: "Ignored",
  Invalid: "Cannot work",
};

/** Of what is not applied yet. */
export const PREVIEW_NAMES: Readonly<Record<StatusType, string>> = {
  InForce: "Would be in force",
  Shadowed: "Would be shadowed",
  NotYetApplied: "Would not be applied yet",
  Ignored: "Would be ignored",
  Invalid: "Could not work",
};

const ORDER: readonly StatusType[] = ["Invalid", "Shadowed", "NotYetApplied", "Ignored", "InForce"];

/** What one has to know first. An object of which only a part is ignored is in force. */
export function mainStatus(statuses: readonly ObjectStatus[]): ObjectStatus | undefined {
  const isPartly = statuses.some(({ type }) => type === "InForce");
  const candidates = isPartly
    ? statuses.filter(({ type, field }) => type !== "Ignored" || field === undefined)
    : statuses;
  return [...candidates].sort((a, b) => ORDER.indexOf(a.type) - ORDER.indexOf(b.type))[0];
}

/** Kinds by what they are for. */
const FAMILIES: readonly (readonly [string, readonly string[]])[] = [
  [
    "Traffic",
    [
      "VirtualService",
      "DestinationRule",
      "Gateway",
      "ServiceEntry",
      "WorkloadEntry",
      "WorkloadGroup",
      "Sidecar",
      "EnvoyFilter",
      "ProxyConfig",
      "Fallback",
      "RateLimit",
      "HTTPRoute",
      "GRPCRoute",
      "Ingress",
    ],
  ],
  ["Security", ["PeerAuthentication", "RequestAuthentication", "AuthorizationPolicy"]],
  ["Telemetry", ["Telemetry"]],
];

export function familyOf(kind: string): string {
  return FAMILIES.find(([, kinds]) => kinds.includes(kind))?.[0] ?? "Platform";
}

export const FAMILY_NAMES: readonly string[] = [...FAMILIES.map(([name]) => name), "Platform"];

/** What the control plane says: `VirtualService default/reviews`. */
export function parseDescribed(text: string): { kind: string; namespace: string; name: string } | undefined {
  const match = /^(\w+) (?:([^/\s]+)\/)?(\S+)$/.exec(text);
  if (match === null) return undefined;
  return { kind: match[1]!, namespace: match[2] ?? "", name: match[3]! };
}
