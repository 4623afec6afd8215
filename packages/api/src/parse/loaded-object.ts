import type { Path } from "../diagnostic.ts";
import type { KubeObject } from "../kinds/kubernetes/metadata.ts";
import type { KindInfo } from "../kinds/registry.ts";

export interface Position {
  /** From 1; 0 if the object came from no file. */
  readonly line: number;
  readonly column: number;
}

export interface Source extends Position {
  readonly file: string;
}

/** An object that passed its schema, with the way back to the text it was written in. */
export interface LoadedObject {
  readonly object: KubeObject;
  readonly kindInfo: KindInfo;
  /** Where the object starts. */
  readonly source: Source;
  /** Where a field is written; its nearest existing ancestor if it is not. */
  readonly positionOf: (path: Path) => Position;
}
