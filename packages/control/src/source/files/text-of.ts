/** An object's own text, as people wrote it. */
import { groupOf, isKind } from "@tulle/api";
import type { KubeObject } from "@tulle/api";
import type { StoredObject } from "../../model/stored-object.ts";
import type { ConfigFile } from "./config-directory.ts";
import { plainObject } from "./edits.ts";
import { toYaml } from "./to-yaml.ts";

export interface ObjectText {
  readonly text: string;
  /** Of the file that it is in; 1 if the text is none of a file. */
  readonly firstLine: number;
  /** It is in a file like this, comments and all. */
  readonly isWritten: boolean;
}

/** Without its `---`. Objects that share a document, or come from no file, are written out. */
export function textOf({ loaded }: StoredObject, files: ReadonlyMap<string, ConfigFile>): ObjectText {
  const documents = files.get(loaded.source.file)?.documents ?? [];
  const document = documents.find(({ objects }) => objects.length === 1 && objects[0] === loaded);
  if (document === undefined) return { text: toYaml(plainObject(loaded.object)), firstLine: 1, isWritten: false };
  const { text, startLine } = document;
  const marker = /^---[^\n]*\n/.exec(text)?.[0] ?? "";
  return { text: text.slice(marker.length), firstLine: startLine + (marker === "" ? 0 : 1), isWritten: true };
}

export function isSecret(object: Pick<KubeObject, "apiVersion" | "kind">): boolean {
  return isKind(object as KubeObject, "", "Secret");
}

/** As the API's paths have it. */
export function referenceOf(object: KubeObject): {
  readonly group: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
} {
  const { namespace, name } = object.metadata;
  return { group: groupOf(object.apiVersion), kind: object.kind, namespace, name };
}
