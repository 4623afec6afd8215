/** What became of an object. Every object has at least one status: nothing is dropped silently. */
import { formatPath } from "@tulle/api";
import type { Diagnostic, LoadedObject, Path } from "@tulle/api";
import type { Origin } from "../model/origin.ts";
import { describeOrigin } from "../model/origin.ts";

export type StatusType =
  /** It does what it says. */
  | "InForce"
  /** Another object has its place. */
  | "Shadowed"
  /** Tulle does not have this part of the API yet. */
  | "NotYetApplied"
  /** There is nothing that it could apply to. */
  | "Ignored"
  /** It is applied, and what it asks for cannot work. */
  | "Invalid";

export interface ObjectStatus {
  readonly type: StatusType;
  /** `spec.http[0].fault`; absent for the object as a whole. */
  readonly field?: string;
  readonly message: string;
  /** The object that it is shadowed by: `VirtualService default/reviews`. */
  readonly by?: string;
}

/** As found; the path leads back to a line. */
export interface Finding {
  readonly type: StatusType;
  readonly path: Path;
  readonly message: string;
  readonly by?: Origin;
}

export function finding(type: StatusType, path: Path, message: string, by?: Origin): Finding {
  return by === undefined ? { type, path, message } : { type, path, message, by };
}

export function toStatus({ type, path, message, by }: Finding): ObjectStatus {
  const field = formatPath(path);
  return {
    type,
    ...(field === "" ? {} : { field }),
    message,
    ...(by === undefined ? {} : { by: describeOrigin(by) }),
  };
}

/** What a user should hear about when applying, as a warning with its position. */
export function toDiagnostic(loaded: LoadedObject, { type, path, message, by }: Finding): Diagnostic {
  const { kind, metadata } = loaded.object;
  const shadow =
    by === undefined ? "" : ` (${describeOrigin(by)}${by.file === undefined ? "" : ` in ${by.file}:${by.line}`})`;
  return {
    severity: "warning",
    code: "semantic",
    file: loaded.source.file,
    ...loaded.positionOf(path),
    kind,
    namespace: metadata.namespace,
    name: metadata.name,
    field: formatPath(path),
    message: `${PREFIX[type]}${message}${shadow}`,
  };
}

const PREFIX: Readonly<Record<StatusType, string>> = {
  InForce: "",
  Shadowed: "shadowed: ",
  NotYetApplied: "not yet applied: ",
  Ignored: "ignored: ",
  Invalid: "",
};
