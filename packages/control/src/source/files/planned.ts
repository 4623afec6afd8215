/** The objects that there would be if a stream were applied. */
import type { Diagnostic } from "@tulle/api";
import type { StoredObject } from "../../model/stored-object.ts";
import { objectKey } from "../../model/stored-object.ts";
import type { ApplyResult } from "./apply.ts";
import { actionFor, readWanted, REQUEST } from "./apply.ts";
import type { ConfigDirectory } from "./config-directory.ts";

export interface PlannedObjects {
  readonly results: readonly ApplyResult[];
  readonly diagnostics: readonly Diagnostic[];
  /** Those of the stream have its lines. */
  readonly objects: readonly StoredObject[];
  /** The stream by the name that positions in it have. */
  readonly texts: ReadonlyMap<string, string>;
}

/** @param now ms since the epoch: when new objects would be first seen */
export function plannedObjects(
  directory: Pick<ConfigDirectory, "objects" | "byKey">,
  text: string,
  namespace: string,
  now: number,
): PlannedObjects {
  const { wanted, diagnostics, objects: written } = readWanted(text, namespace);
  const objects = new Map(directory.objects.map((stored) => [stored.key, stored]));
  const results = wanted.map((one): ApplyResult => {
    const { object } = one;
    const key = objectKey(object);
    const existing = directory.byKey.get(key);
    const action = actionFor(one, existing);
    const loaded = written.get(key)!;
    if (action !== "unchanged") {
      objects.set(key, { key, loaded: { ...loaded, object }, createdAt: existing?.createdAt ?? now });
    }
    return { kind: object.kind, namespace: object.metadata.namespace, name: object.metadata.name, action };
  });
  return { results, diagnostics, objects: [...objects.values()], texts: new Map([[REQUEST, text]]) };
}
