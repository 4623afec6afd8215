/**
 * Workloads that say which WorkloadGroup they are of: each gets a WorkloadEntry made from the group, which is there for as long as
 * the workload is registered. (istio/istio `pilot/pkg/autoregistration/controller.go`)
 */
import { isKind, loadValue } from "@tulle/api";
import type { Labels, ResourceObject } from "@tulle/api";
import { rememberByObject } from "./sharing.ts";
import type { StoredObject } from "./stored-object.ts";
import { objectKey } from "./stored-object.ts";
import type { EntryMember } from "./workload-entry.ts";
import { AUTO_REGISTRATION_GROUP, memberOfEntry } from "./workload-entry.ts";
import type { Workload } from "./workload.ts";

interface WorkloadGroupRule {
  readonly object: ResourceObject<"networking.istio.io", "WorkloadGroup">;
  /** What its workloads have in addition to their own labels. */
  readonly labels: Labels;
  /** The workload with what the group gives it; the same for as long as both are the same. */
  readonly join: (workload: Workload) => Workload;
}

/** By `namespace/name`. */
export type WorkloadGroups = ReadonlyMap<string, WorkloadGroupRule>;

export function workloadGroups(objects: readonly StoredObject[]): WorkloadGroups {
  return new Map(
    objects.flatMap((stored) => {
      const rule = groupOf(stored);
      return rule === undefined ? [] : [[`${rule.object.metadata.namespace}/${rule.object.metadata.name}`, rule]];
    }),
  );
}

const groupOf = rememberByObject((stored: StoredObject): WorkloadGroupRule | undefined => {
  const { object } = stored.loaded;
  if (!isKind(object, "networking.istio.io", "WorkloadGroup")) return undefined;
  const { template, metadata } = object.spec;
  const labels = { ...template.labels, ...metadata?.labels };
  const join = rememberByObject((workload: Workload): Workload => ({
    ...workload,
    labels: { ...labels, ...workload.labels },
    locality: workload.locality || (template.locality ?? ""),
    network: workload.network || (template.network ?? ""),
    weight: template.weight || 1,
  }));
  return { object, labels, join };
});

/** Labels that a node has from its group and by itself. */
export function labelsInGroup(
  groups: WorkloadGroups,
  { namespace, group, labels }: Pick<Workload, "namespace" | "group" | "labels">,
): Labels {
  const rule = group === undefined ? undefined : groups.get(`${namespace}/${group}`);
  return rule === undefined ? labels : { ...rule.labels, ...labels };
}

export interface AutoRegistered {
  /** All workloads, those of groups with what their groups give them. */
  readonly workloads: readonly Workload[];
  readonly entries: readonly RegisteredEntry[];
}

interface RegisteredEntry {
  /** The WorkloadEntry. */
  readonly stored: StoredObject;
  /** Undefined if the workload has said itself where it takes requests. */
  readonly member: EntryMember | undefined;
}

/** `written` are the keys of WorkloadEntries that there are as objects: those stay as they are. */
export function autoRegistered(
  groups: WorkloadGroups,
  workloads: readonly Workload[],
  written: ReadonlySet<string>,
): AutoRegistered {
  const taken = new Set(written);
  const entries: RegisteredEntry[] = [];
  const joined = workloads.map((workload) => {
    const group = workload.group === undefined ? undefined : groups.get(`${workload.namespace}/${workload.group}`);
    if (group === undefined) return workload;
    const member = group.join(workload);
    const entry = [entryName(member), entryName(member, true)]
      .map((name) => entryOf(member)({ name, group }))
      .find(({ stored }) => !taken.has(stored.key));
    if (entry !== undefined) {
      taken.add(entry.stored.key);
      entries.push(entry);
    }
    return member;
  });
  return { workloads: joined, entries };
}

/** Kubernetes' limit for names. */
const MAX_NAME = 253;

/** Istio's name; workloads that share an address are told apart by their ports. */
function entryName({ group, address, network, inbound }: Workload, withPort = false): string {
  const port = withPort ? [String(inbound[0]?.bindPort ?? 0)] : [];
  const parts = [group, address.replaceAll(":", "-"), ...(network === "" ? [] : [network]), ...port];
  return parts.join("-").slice(-MAX_NAME);
}

interface EntryRequest {
  readonly name: string;
  readonly group: WorkloadGroupRule;
}

const entryOf = rememberByObject((workload: Workload) => {
  let last: { readonly request: EntryRequest; readonly entry: RegisteredEntry } | undefined;
  return (request: EntryRequest): RegisteredEntry => {
    if (last?.request.name !== request.name || last.request.group !== request.group) {
      last = { request, entry: makeEntry(workload, request) };
    }
    return last.entry;
  };
});

function makeEntry(workload: Workload, { name, group }: EntryRequest): RegisteredEntry {
  const { metadata, spec } = group.object;
  const ports = Object.fromEntries(
    workload.inbound.flatMap((port) => (port.name === undefined ? [] : [[port.name, port.bindPort]])),
  );
  const at = new Date(workload.registeredAt).toISOString();
  const value = {
    apiVersion: group.object.apiVersion,
    kind: "WorkloadEntry",
    metadata: {
      name,
      namespace: metadata.namespace,
      creationTimestamp: at,
      labels: workload.labels,
      annotations: {
        ...spec.metadata?.annotations,
        [AUTO_REGISTRATION_GROUP]: metadata.name,
        "istio.io/connectedAt": at,
      },
    },
    spec: {
      ...spec.template,
      address: workload.address,
      labels: workload.labels,
      serviceAccount: spec.template.serviceAccount ?? workload.serviceAccount,
      ...(workload.locality === "" ? {} : { locality: workload.locality }),
      ...(workload.network === "" ? {} : { network: workload.network }),
      ...(Object.keys(ports).length === 0 ? {} : { ports: { ...spec.template.ports, ...ports } }),
    },
    ...(workload.healthy
      ? {}
      : { status: { conditions: [{ type: "Healthy", status: "False", message: workload.healthMessage }] } }),
  };
  const { loaded, diagnostics } = loadValue(value, `registration of ${workload.id}`);
  if (loaded === undefined) throw new Error(`${workload.id}: ${diagnostics.map(({ message }) => message).join("; ")}`);
  const stored: StoredObject = { key: objectKey(loaded.object), loaded, createdAt: workload.registeredAt };
  const member = workload.inbound.length === 0 ? memberOfEntry(stored) : undefined;
  return {
    stored,
    member: member && { ...member, endpoint: { ...member.endpoint, healthy: workload.healthy } },
  };
}
