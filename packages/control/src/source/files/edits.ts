/** Changes to the texts of configuration files: an object is replaced where it lives, or gets a file of its own. */
import type { KubeObject, LoadedObject } from "@tulle/api";
import { objectKey } from "../../model/stored-object.ts";
import type { ConfigFile } from "./config-directory.ts";
import { parseStream } from "./parse-stream.ts";
import type { StreamDocument } from "./parse-stream.ts";
import { toYaml } from "./to-yaml.ts";

/** New texts by path; undefined removes the file. */
export type FileEdits = ReadonlyMap<string, string | undefined>;

export interface WantedObject {
  readonly object: KubeObject;
  /** The document that it was written in, if it was alone in it. */
  readonly text: string | undefined;
}

/** Edits to several files of one directory; later edits see earlier ones. */
export class FileEditor {
  readonly #files: ReadonlyMap<string, ConfigFile>;
  readonly #texts = new Map<string, string | undefined>();

  constructor(files: ReadonlyMap<string, ConfigFile>) {
    this.#files = files;
  }

  get edits(): FileEdits {
    return this.#texts;
  }

  /** `file` is where the object is now; undefined if it is nowhere. */
  put({ object, text }: WantedObject, file: string | undefined): void {
    const document = asDocument(text ?? toYaml(plainObject(object)));
    if (file === undefined) {
      const path = this.#freePath(object);
      this.#texts.set(path, this.#documents(path).length === 0 ? document.replace(/^---\n/, "") : document);
      return;
    }
    this.#replace(file, objectKey(object), document);
  }

  /** Removes an object from the file that it is in. A file with nothing left in it is removed. */
  remove(object: KubeObject, file: string): void {
    this.#replace(file, objectKey(object), "");
  }

  #replace(file: string, key: string, replacement: string): void {
    const documents = this.#documents(file);
    const holds = (loaded: LoadedObject): boolean => objectKey(loaded.object) === key;
    let done = false;
    const parts = documents.map((document) => {
      if (done || !document.objects.some(holds)) return document.text;
      done = true;
      // Its neighbours in a List are written out one by one.
      const others = document.objects.filter((loaded) => !holds(loaded));
      return replacement + others.map(({ object }) => asDocument(toYaml(plainObject(object)))).join("");
    });
    const text = parts.map(endLine).join("");
    this.#texts.set(
      file,
      parseStream(text, file, []).some(({ objects }) => objects.length > 0) ? withoutMarker(text) : undefined,
    );
  }

  #documents(path: string): readonly StreamDocument[] {
    const edited = this.#texts.get(path);
    if (this.#texts.has(path)) return edited === undefined ? [] : parseStream(edited, path, []);
    return this.#files.get(path)?.documents ?? [];
  }

  /** `default/virtualservice-reviews.yaml`; a number is added if somebody else's file has that name. */
  #freePath({ kind, metadata: { namespace, name } }: KubeObject): string {
    const folder = namespace === "" ? "cluster" : namespace;
    const base = `${folder}/${kind.toLowerCase()}-${name.replaceAll(/[^A-Za-z0-9._-]/g, "_")}`;
    for (let number = 1; ; number++) {
      const path = number === 1 ? `${base}.yaml` : `${base}-${number}.yaml`;
      if (this.#texts.get(path) === undefined && !this.#files.has(path)) return path;
    }
  }
}

/** The file's first document needs no marker. */
function withoutMarker(text: string): string {
  return text.replace(/^---\n/, "");
}

function asDocument(text: string): string {
  return endLine(/^---(?=\s|$)/.test(text) ? text : `---\n${text}`);
}

function endLine(text: string): string {
  return text === "" || text.endsWith("\n") ? text : `${text}\n`;
}

/** As it would be written: without what loading filled in empty. */
export function plainObject(object: KubeObject): Parameters<typeof toYaml>[0] {
  const { metadata, ...rest } = object;
  const entries = Object.entries(metadata).filter(([key, value]) => {
    if (key === "namespace") return value !== "";
    return !(key === "labels" || key === "annotations") || Object.keys(value as object).length > 0;
  });
  const { apiVersion, kind, ...body } = rest;
  return JSON.parse(JSON.stringify({ apiVersion, kind, metadata: Object.fromEntries(entries), ...body })) as Parameters<
    typeof toYaml
  >[0];
}
