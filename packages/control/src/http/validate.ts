/** What would become of objects if they were applied: nothing is changed. */
import { DEFAULT_NAMESPACE } from "@tulle/api";
import type { LoadedObject } from "@tulle/api";
import { isDeepStrictEqual } from "node:util";
import { SnapshotBuilder } from "../model/snapshot.ts";
import type { Snapshot } from "../model/snapshot.ts";
import type { StoredObject } from "../model/stored-object.ts";
import { applyStream } from "../source/files/apply.ts";
import { isSecret, referenceOf, textOf } from "../source/files/text-of.ts";
import { Statuses } from "../status/statuses.ts";
import type { ApiAnswer, ApiContext, ApiRequest } from "./handler.ts";

export async function validate(context: ApiContext, request: ApiRequest): Promise<ApiAnswer> {
  const { directory, pusher, clock } = context;
  const options = { namespace: request.query.get("namespace") ?? DEFAULT_NAMESPACE, dryRun: true };
  const { results, diagnostics, objects } = await applyStream(directory, await request.body(), options);
  if (diagnostics.some(({ severity }) => severity === "error"))
    return { json: { valid: false, diagnostics, objects: [], others: [] } };

  const now = pusher.current();
  const wanted = wantedObjects(objects, directory.byKey, clock.now());
  const then = snapshotWith(now, wanted);
  const statuses = new Statuses(then);
  return {
    json: {
      valid: true,
      diagnostics: [...diagnostics, ...wanted.flatMap((stored) => statuses.warnings(stored, stored.loaded))],
      objects: wanted.map((stored, index) => {
        const existing = directory.byKey.get(stored.key);
        const isShown = existing !== undefined && !isSecret(existing.loaded.object);
        return {
          ...referenceOf(stored.loaded.object),
          action: results[index]?.action ?? "unchanged",
          ...(isShown ? { before: textOf(existing, directory.files).text } : {}),
          status: statuses.of(stored),
        };
      }),
      others: othersThatChange(now, then, wanted),
    },
  };
}

function wantedObjects(
  objects: ReadonlyMap<string, LoadedObject>,
  existing: ReadonlyMap<string, StoredObject>,
  now: number,
): readonly StoredObject[] {
  return [...objects].map(([key, loaded]) => ({ key, loaded, createdAt: existing.get(key)?.createdAt ?? now }));
}

function snapshotWith(now: Snapshot, wanted: readonly StoredObject[]): Snapshot {
  const replaced = new Set(wanted.map(({ key }) => key));
  const objects = [...now.objects.filter(({ key }) => !replaced.has(key)), ...wanted];
  return new SnapshotBuilder(now.options).next({ objects, workloads: now.workloads, issuers: now.issuers! });
}

/** Objects that nobody touches and that would be shadowed, or come into force, or stop doing what they do. */
function othersThatChange(now: Snapshot, then: Snapshot, wanted: readonly StoredObject[]): readonly object[] {
  const before = new Statuses(now);
  const after = new Statuses(then);
  const touched = new Set(wanted.map(({ key }) => key));
  return now.objects
    .filter(({ key, loaded }) => loaded.kindInfo.isMeshConfig && !touched.has(key))
    .flatMap((stored) => {
      const was = before.of(stored);
      const will = after.of(stored);
      return isDeepStrictEqual(was, will) ? [] : [{ ...referenceOf(stored.loaded.object), was, will }];
    });
}
