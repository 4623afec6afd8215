import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import type { Config } from "@tulle/xds/gen/envoy/extensions/filters/http/set_metadata/v3/set_metadata_pb.js";
import type { Metadata } from "../format/stream-info.ts";
import type { FilterCompiler } from "./filter-compiler.ts";

export interface SetMetadataPlan {
  readonly entries: readonly SetMetadataEntry[];
  /** What comes of it where nobody has found anything before; shared by all such requests. */
  readonly alone: SetMetadataResult;
}

interface SetMetadataEntry {
  readonly namespace: string;
  readonly value: JsonObject;
  readonly allowOverwrite: boolean;
}

export interface SetMetadataResult {
  readonly metadata: Metadata;
  /** Entries that had to be left out. */
  readonly denied: number;
}

export const setMetadata: FilterCompiler = {
  compile: ({ message }): SetMetadataPlan => {
    const { metadataNamespace: namespace, value, metadata } = message as Config;
    const entries = [
      ...(namespace === "" || value === undefined ? [] : [{ namespace, value, allowOverwrite: true }]),
      ...metadata.map((each) => ({
        namespace: each.metadataNamespace,
        value: each.value ?? {},
        allowOverwrite: each.allowOverwrite,
      })),
    ];
    return { entries, alone: setOver({}, entries) };
  },
  compileRoute: null,
};

/** Envoy `source/extensions/filters/http/set_metadata/set_metadata_filter.cc`. Of what was there before, what comes out is changed only. */
export function setOver(before: Metadata, entries: readonly SetMetadataEntry[]): SetMetadataResult {
  const metadata: Record<string, JsonObject> = {};
  let denied = 0;
  for (const { namespace, value, allowOverwrite } of entries) {
    const known = metadata[namespace] ?? (Object.hasOwn(before, namespace) ? before[namespace] : undefined);
    if (known === undefined) metadata[namespace] = value;
    else if (allowOverwrite) metadata[namespace] = mergeStructs(known, value);
    else denied++;
  }
  return { metadata, denied };
}

/** Structs are merged, lists joined, everything else is replaced. Source: Envoy `source/common/protobuf/utility.cc`, StructUtil::update. */
function mergeStructs(into: JsonObject, from: JsonObject): JsonObject {
  const merged: JsonObject = { ...into };
  for (const [key, value] of Object.entries(from)) {
    merged[key] = Object.hasOwn(into, key) ? mergeValues(into[key], value) : value;
  }
  return merged;
}

function mergeValues(into: JsonValue, from: JsonValue): JsonValue {
  if (Array.isArray(into) && Array.isArray(from)) return [...into, ...from];
  return isStruct(into) && isStruct(from) ? mergeStructs(into, from) : from;
}

function isStruct(value: JsonValue): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
