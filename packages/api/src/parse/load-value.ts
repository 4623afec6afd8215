/** Objects that come from no text: the Kubernetes API, a test, a program. */
import type { Diagnostic } from "../diagnostic.ts";
import { formatPath } from "../diagnostic.ts";
import { checkObject } from "./load-object.ts";
import type { LoadedObject } from "./loaded-object.ts";

export interface LoadValueResult {
  /** Absent if there was an error. */
  readonly loaded: LoadedObject | undefined;
  readonly diagnostics: readonly Diagnostic[];
}

const NOWHERE = { line: 0, column: 0 };

/** Checks a plain value. `origin` stands where a file name would; positions are 0. The value is not changed. */
export function loadValue(value: unknown, origin: string): LoadValueResult {
  const { identity, findings, object, kindInfo } = checkObject(value);
  const diagnostics = findings.map(({ severity, code, path, message, expected }): Diagnostic => {
    const base = { severity, code, file: origin, ...NOWHERE, ...identity, field: formatPath(path), message };
    return expected === undefined ? base : { ...base, expected };
  });
  if (object === undefined || kindInfo === undefined) return { loaded: undefined, diagnostics };
  const source = { file: origin, ...NOWHERE };
  return { loaded: { object, kindInfo, source, positionOf: () => NOWHERE }, diagnostics };
}
