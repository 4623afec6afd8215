/** `metadata_match`: which hosts of a cluster with subsets a request asks for, by their `envoy.lb` metadata. */
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import type { Metadata } from "./format/stream-info.ts";
import type { Metadata as MetadataMessage } from "@tulle/xds/gen/envoy/config/core/v3/base_pb.js";

export const LB_NAMESPACE = "envoy.lb";

/** Values by name, at least one. Immutable; as text it is compared with what hosts have. */
export class MetadataMatch {
  private readonly fields: JsonObject;
  /** The names in order. */
  readonly names: string;
  /** Names and values. */
  readonly text: string;

  private constructor(fields: JsonObject, names: readonly string[]) {
    this.fields = fields;
    this.names = namesText(names);
    this.text = matchText(names, (name) => valueText(fields[name]));
  }

  /** Null: nothing is asked for. */
  static of(fields: JsonObject): MetadataMatch | null {
    const names = Object.keys(fields).sort();
    return names.length === 0 ? null : new MetadataMatch(fields, names);
  }

  get(name: string): JsonValue | undefined {
    return Object.hasOwn(this.fields, name) ? this.fields[name] : undefined;
  }

  /** With what is found elsewhere, which holds where both say something. */
  with(fields: JsonObject): MetadataMatch | null {
    return MetadataMatch.of({ ...this.fields, ...fields });
  }

  without(name: string): MetadataMatch | null {
    const { [name]: _, ...others } = this.fields;
    return MetadataMatch.of(others);
  }

  /** What of it has these names. */
  only(names: ReadonlySet<string>): MetadataMatch | null {
    return MetadataMatch.of(Object.fromEntries(Object.entries(this.fields).filter(([name]) => names.has(name))));
  }
}

export function compileMetadataMatch(message: MetadataMessage | undefined): MetadataMatch | null {
  return MetadataMatch.of(message?.filterMetadata[LB_NAMESPACE] ?? {});
}

/** One over the other; null: neither asks for anything. */
export function mergeMatches(below: MetadataMatch | null, fields: JsonObject | undefined): MetadataMatch | null {
  if (fields === undefined) return below;
  return below === null ? MetadataMatch.of(fields) : below.with(fields);
}

/** Whether a host has all of what is named; of lists of values one has to be it. Source: Envoy `Metadata::metadataLabelMatch`. */
export function metadataTest(message: MetadataMessage | undefined): (metadata: Metadata) => boolean {
  const wanted = Object.entries(message?.filterMetadata[LB_NAMESPACE] ?? {}).map(
    ([name, value]) => [name, valueText(value)] as const,
  );
  return (metadata) => {
    const fields = Object.hasOwn(metadata, LB_NAMESPACE) ? metadata[LB_NAMESPACE] : {};
    return wanted.every(([name, text]) => {
      if (!Object.hasOwn(fields, name)) return false;
      const value = fields[name];
      return valueText(value) === text || (Array.isArray(value) && value.some((each) => valueText(each) === text));
    });
  };
}

/** @param sorted in order */
export function namesText(sorted: readonly string[]): string {
  return sorted.join("\u0000");
}

/** Two are the same exactly if names and values are. */
export function matchText(sorted: readonly string[], textOf: (name: string) => string): string {
  return sorted.map((name) => `${name}\u0000${textOf(name)}`).join("\u0000");
}

/** Of the same value always the same text: the fields of a struct have no order. */
export function valueText(value: JsonValue): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(valueText).join()}]`;
  const fields = Object.keys(value).sort();
  return `{${fields.map((name) => `${JSON.stringify(name)}:${valueText(value[name])}`).join()}}`;
}
