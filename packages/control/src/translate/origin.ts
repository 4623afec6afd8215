/** Says in a resource's metadata which object it was made from, so that nobody has to guess which YAML did this. */
import { create } from "@bufbuild/protobuf";
import type { JsonObject } from "@bufbuild/protobuf";
import { MetadataSchema } from "@tulle/xds/gen/envoy/config/core/v3/base_pb.js";
import type { Metadata } from "@tulle/xds/gen/envoy/config/core/v3/base_pb.js";
import type { Origin } from "../model/origin.ts";

/** Key in `filter_metadata`. */
const ORIGIN_METADATA = "tulle.origin";

/** `field` is where in the object: `spec.http[0]`; "" for the object as a whole. */
export function originMetadata(
  origin: Origin,
  field: string,
  more: Readonly<Record<string, JsonObject>> = {},
): Metadata {
  return create(MetadataSchema, { filterMetadata: { [ORIGIN_METADATA]: originJson(origin, field), ...more } });
}

/** @param match which of the conditions under `match` it is for; undefined: none, or they are not all written there */
export function routeOrigin(origin: Origin, field: string, match: number | undefined): Metadata {
  const json = { ...originJson(origin, field), ...(match === undefined ? {} : { match }) };
  return create(MetadataSchema, { filterMetadata: { [ORIGIN_METADATA]: json } });
}

function originJson({ kind, namespace, name, file, line }: Origin, field: string): JsonObject {
  return {
    kind,
    namespace,
    name,
    field,
    ...(file === undefined ? {} : { file }),
    ...(line === undefined ? {} : { line }),
  };
}
