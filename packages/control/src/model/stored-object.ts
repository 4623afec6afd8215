import { groupOf } from "@tulle/api";
import type { KubeObject, LoadedObject } from "@tulle/api";

/** An object as a source holds it. The same object stays the same value for as long as its text does. */
export interface StoredObject {
  /** `<group>/<kind>/<namespace>/<name>`: unique in a snapshot. */
  readonly key: string;
  readonly loaded: LoadedObject;
  /** Milliseconds since the epoch: `metadata.creationTimestamp`, else when the object was first seen. */
  readonly createdAt: number;
}

export function objectKey(object: Pick<KubeObject, "apiVersion" | "kind" | "metadata">): string {
  const { namespace, name } = object.metadata;
  return `${groupOf(object.apiVersion)}/${object.kind}/${namespace}/${name}`;
}

interface Dated {
  readonly createdAt: number;
  readonly origin: { readonly name: string; readonly namespace: string };
}

/** Oldest first, then by name, then by namespace (istio/istio `pilot/pkg/model/config.go` sortByCreationComparator). */
export function compareCreation(a: Dated, b: Dated): number {
  return (
    a.createdAt - b.createdAt ||
    compareText(a.origin.name, b.origin.name) ||
    compareText(a.origin.namespace, b.origin.namespace)
  );
}

export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
