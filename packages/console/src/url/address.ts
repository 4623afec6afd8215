/** Addresses inside the console. What says where one looks (scope and time) goes along with every link. */

/** Kept by links that do not say otherwise. */
const KEPT = ["ns", "range"] as const;

export type Parameters = Readonly<Record<string, string | number | boolean | null | undefined>>;

/** `path` with those of `search` that are kept, and with `parameters`; null or "" removes one. */
export function hrefTo(path: string, search: string, parameters: Parameters = {}): string {
  const before = new URLSearchParams(search);
  const next = new URLSearchParams();
  for (const name of KEPT) if (before.has(name)) next.set(name, before.get(name)!);
  return withQuery(path, assign(next, parameters));
}

/** The same page with other parameters; null or "" removes one. */
export function hrefHere(path: string, search: string, parameters: Parameters): string {
  return withQuery(path, assign(new URLSearchParams(search), parameters));
}

function assign(query: URLSearchParams, parameters: Parameters): URLSearchParams {
  for (const [name, value] of Object.entries(parameters)) {
    if (value === undefined) continue;
    if (value === null || value === "" || value === false) query.delete(name);
    else query.set(name, value === true ? "1" : String(value));
  }
  return query;
}

function withQuery(path: string, query: URLSearchParams): string {
  // Addresses are read by people: what needs no escaping in a query stays as it is.
  const text = query.toString().replaceAll("%2F", "/").replaceAll("%3A", ":").replaceAll("%2C", ",");
  return text === "" ? path : `${path}?${text}`;
}

/** Parts of a path, each escaped. */
export function pathOf(...parts: readonly string[]): string {
  return parts.map((part) => `/${encodeURIComponent(part).replaceAll("%3A", ":").replaceAll("%40", "@")}`).join("");
}

/** How paths and drawers name an object of the API: `networking.istio.io/VirtualService/default/reviews`. */
export interface ObjectReference {
  readonly group: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/** Absent parts of a path cannot be empty: the core group is `core`, no namespace is `-`. */
export function objectPath({ group, kind, namespace, name }: ObjectReference): string {
  return pathOf("config", group === "" ? "core" : group, kind, namespace === "" ? "-" : namespace, name);
}

export function objectApiPath({ group, kind, namespace, name }: ObjectReference): string {
  return `api/v1/objects${pathOf(group === "" ? "core" : group, kind, namespace === "" ? "-" : namespace, name)}`;
}
