/** What a VirtualService refers to, with the path of each reference: for checks against other objects. */
import type { Path } from "./diagnostic.ts";
import type { Destination, VirtualServiceSpec } from "./kinds/istio/virtual-service.ts";

export interface DestinationReference {
  readonly destination: Destination;
  /** Within the object: `["spec", "http", 0, "route", 1, "destination"]`. */
  readonly path: Path;
}

/** Every destination of a VirtualService, mirrors included, in the order of writing. */
export function destinationsOf(spec: VirtualServiceSpec): readonly DestinationReference[] {
  const found: DestinationReference[] = [];
  const add = (destination: Destination | undefined, path: Path): void => {
    if (destination !== undefined) found.push({ destination, path });
  };
  for (const [index, route] of (spec.http ?? []).entries()) {
    const path = ["spec", "http", index];
    for (const [position, { destination }] of (route.route ?? []).entries()) {
      add(destination, [...path, "route", position, "destination"]);
    }
    add(route.mirror, [...path, "mirror"]);
    for (const [position, { destination }] of (route.mirrors ?? []).entries()) {
      add(destination, [...path, "mirrors", position, "destination"]);
    }
  }
  for (const list of ["tls", "tcp"] as const) {
    for (const [index, { route = [] }] of (spec[list] ?? []).entries()) {
      for (const [position, { destination }] of route.entries()) {
        add(destination, ["spec", list, index, "route", position, "destination"]);
      }
    }
  }
  return found;
}
