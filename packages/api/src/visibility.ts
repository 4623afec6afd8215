/** exportTo: which namespaces may see an object (istio/istio `pkg/config/visibility`, `push_context.go`). */

export type Visibility =
  | { readonly type: "public" }
  | { readonly type: "none" }
  | { readonly type: "namespaces"; readonly namespaces: ReadonlySet<string> };

const PUBLIC: Visibility = { type: "public" };
const NONE: Visibility = { type: "none" };

/**
 * `.` is the object's own namespace, `*` every namespace, `~` none. `*` beats everything else in the list; `~` without
 * `*` hides. `defaultExportTo` (MeshConfig's) applies if nothing is given.
 */
export function parseExportTo(
  exportTo: readonly string[] | undefined,
  ownNamespace: string,
  defaultExportTo: readonly string[] = ["*"],
): Visibility {
  const entries = exportTo === undefined || exportTo.length === 0 ? defaultExportTo : exportTo;
  if (entries.includes("*")) return PUBLIC;
  if (entries.includes("~")) return NONE;
  return { type: "namespaces", namespaces: new Set(entries.map((entry) => (entry === "." ? ownNamespace : entry))) };
}

/** The annotation `networking.istio.io/exportTo` of a Service: the same entries, separated by commas. */
export function parseExportToAnnotation(annotation: string | undefined): readonly string[] | undefined {
  if (annotation === undefined) return undefined;
  const entries = annotation.split(",").map((entry) => entry.trim());
  return entries.filter((entry) => entry !== "");
}

export function isVisibleTo(visibility: Visibility, namespace: string): boolean {
  if (visibility.type === "namespaces") return visibility.namespaces.has(namespace);
  return visibility.type === "public";
}

/** Whether only the object's own namespace sees it. */
export function isPrivate(visibility: Visibility, ownNamespace: string): boolean {
  return (
    visibility.type === "namespaces" && visibility.namespaces.size === 1 && visibility.namespaces.has(ownNamespace)
  );
}
