/** Takes a change back, if what it made is still what is there. */
import { DEFAULT_NAMESPACE } from "@tulle/api";
import { applyStream, deleteObject } from "../files/apply.ts";
import type { ConfigDirectory } from "../files/config-directory.ts";
import { textOf } from "../files/text-of.ts";
import type { Change, ObjectChange } from "./history.ts";

/** Why not, or undefined when it is done. */
export async function undoChange(directory: ConfigDirectory, change: Change): Promise<string | undefined> {
  for (const one of change.objects) {
    const reason = hindrance(directory, one);
    if (reason !== undefined) return `${one.kind} ${one.namespace}/${one.name} ${reason}`;
  }
  const texts = change.objects.flatMap(({ before }) => (typeof before === "string" ? [before] : []));
  if (texts.length > 0) {
    const options = { namespace: DEFAULT_NAMESPACE, dryRun: false };
    const { diagnostics } = await applyStream(directory, streamOf(texts), options);
    const error = diagnostics.find(({ severity }) => severity === "error");
    if (error !== undefined) return `cannot be put back: ${error.message}`;
  }
  for (const { key, before } of change.objects) if (before === undefined) await deleteObject(directory, key);
  return undefined;
}

function hindrance(directory: ConfigDirectory, { key, before, after }: ObjectChange): string | undefined {
  if (before === null || after === null) return "is too long or too secret to be remembered";
  const stored = directory.byKey.get(key);
  const now = stored === undefined ? undefined : textOf(stored, directory.files).text;
  return now === after ? undefined : "has changed again since";
}

export function streamOf(texts: readonly string[]): string {
  return texts.map((text) => `---\n${text.endsWith("\n") ? text : `${text}\n`}`).join("");
}
