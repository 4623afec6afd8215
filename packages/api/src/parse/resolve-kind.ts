/** From apiVersion and kind to an entry of the table of kinds, or to what is wrong with them. */
import type { DiagnosticCode, Severity } from "../diagnostic.ts";
import { findKind, groupOf, isKnownGroup, KINDS, kindsOfGroup } from "../kinds/registry.ts";
import type { KindInfo } from "../kinds/registry.ts";
import { editDistance } from "../schema/closest.ts";
import { openObject } from "../schema/schema.ts";

interface KindProblem {
  readonly severity: Severity;
  readonly code: DiagnosticCode;
  readonly field: "apiVersion" | "kind";
  readonly message: string;
  readonly expected?: string;
}

export interface ResolvedKind {
  /** Absent if the object cannot be loaded. */
  readonly info?: KindInfo;
  readonly problem?: KindProblem;
}

/** Groups all of whose kinds must be known: what the mesh is configured with. */
function isStrictGroup(group: string): boolean {
  return kindsOfGroup(group).some((info) => info.isMeshConfig && group !== "networking.k8s.io");
}

export function resolveKind(apiVersion: string, kind: string): ResolvedKind {
  const group = groupOf(apiVersion);
  const version = group === "" ? apiVersion : apiVersion.slice(group.length + 1);
  const info = findKind(group, kind);
  if (info !== undefined) {
    if (info.versions.includes(version)) return { info };
    const served = info.versions.map((one) => (group === "" ? one : `${group}/${one}`));
    const message = `${apiVersion} of kind ${kind} is not served`;
    return { problem: fault("version-not-served", "apiVersion", message, served.join(" or ")) };
  }
  if (!isKnownGroup(group)) return thirdParty(group, version, kind);

  const elsewhere = KINDS.find((candidate) => candidate.kind === kind);
  if (elsewhere !== undefined) {
    const message = `${apiVersion} has no kind ${kind}`;
    return { problem: fault("unknown-kind", "apiVersion", message, `${elsewhere.group}/${elsewhere.versions[0]!}`) };
  }
  const similar = kindsOfGroup(group).find((candidate) => isTypo(kind, candidate.kind));
  if (similar !== undefined) {
    const message = `is ${JSON.stringify(kind)}, did you mean ${similar.kind}?`;
    return { problem: fault("unknown-kind", "kind", message) };
  }
  if (!isStrictGroup(group)) return thirdParty(group, version, kind);
  const names = kindsOfGroup(group).map((candidate) => candidate.kind);
  return { problem: fault("unknown-kind", "kind", `${group} has no kind ${kind}`, `one of ${names.join(", ")}`) };
}

/** One slip of the finger, case aside. Short names are left alone: they are too close to one another. */
function isTypo(given: string, kind: string): boolean {
  return given.length >= 4 && editDistance(given.toLowerCase(), kind.toLowerCase(), 3) <= 1;
}

function fault(code: DiagnosticCode, field: "apiVersion" | "kind", message: string, expected?: string): KindProblem {
  return { severity: "error", code, field, message, ...(expected === undefined ? {} : { expected }) };
}

/** Other people's kinds are loaded as they are, so that a directory of a whole application can be given. */
function thirdParty(group: string, version: string, kind: string): ResolvedKind {
  const info: KindInfo = {
    group,
    kind,
    versions: [version],
    plural: `${kind.toLowerCase()}s`,
    shortNames: [],
    namespaced: true,
    isMeshConfig: false,
    isReadByMesh: false,
    body: openObject({}),
  };
  const message = `${kind} of ${group === "" ? version : `${group}/${version}`} is not read by the mesh`;
  return { info, problem: { severity: "warning", code: "third-party", field: "kind", message } };
}
