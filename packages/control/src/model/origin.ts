import type { LoadedObject } from "@tulle/api";

/** The object that something was made from. */
export interface Origin {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  /** Relative to the configuration directory; absent if the object came from no file. */
  readonly file?: string;
  /** Where the object starts, from 1. */
  readonly line?: number;
}

export function originOf({ object, source }: LoadedObject): Origin {
  const { name, namespace } = object.metadata;
  const base = { kind: object.kind, namespace, name };
  return source.line > 0 ? { ...base, file: source.file, line: source.line } : base;
}

/** `VirtualService default/reviews`. */
export function describeOrigin({ kind, namespace, name }: Origin): string {
  return `${kind} ${namespace === "" ? name : `${namespace}/${name}`}`;
}
