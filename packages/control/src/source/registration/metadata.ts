/** Reads values out of node metadata, which is whatever a client sends. */
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { isIP } from "@tulle/api";
import type { Labels } from "@tulle/api";

/** What a client said about itself and cannot be meant. The message names the field, what is there and what should be. */
export class MetadataError extends Error {
  override readonly name = "MetadataError";

  constructor(place: string, found: string, expected: string) {
    super(`${place} ${found}, expected ${expected}`);
  }
}

function describe(value: JsonValue | undefined): string {
  return value === undefined ? "is missing" : `is ${JSON.stringify(value).slice(0, 80)}`;
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Undefined if the field is not there. `place` is the field's own path. */
export function readObject(from: JsonObject, field: string, place: string): JsonObject | undefined {
  const value = from[field];
  if (value === undefined || value === null) return undefined;
  if (!isObject(value)) throw new MetadataError(place, describe(value), "an object");
  return value;
}

export function readList(
  from: JsonObject | undefined,
  field: string,
  place: string,
  max: number,
): readonly JsonObject[] {
  const value = from?.[field];
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw new MetadataError(`${place}.${field}`, describe(value), "a list");
  if (value.length > max) throw new MetadataError(`${place}.${field}`, `has ${value.length} items`, `at most ${max}`);
  return value.map((item, index) => {
    if (!isObject(item)) throw new MetadataError(`${place}.${field}[${index}]`, describe(item), "an object");
    return item;
  });
}

/** Undefined if it is missing or empty. */
export function readText(from: JsonObject | undefined, field: string, place: string): string | undefined {
  const value = from?.[field];
  if (value === undefined || value === null || value === "") return undefined;
  if (typeof value !== "string") throw new MetadataError(`${place}.${field}`, describe(value), "a string");
  return value;
}

export function readLabels(from: JsonObject, field: string, place: string): Labels {
  const labels = readObject(from, field, `${place}.${field}`) ?? {};
  return Object.fromEntries(
    Object.entries(labels).map(([key, value]) => {
      if (typeof value !== "string") throw new MetadataError(`${place}.${field}.${key}`, describe(value), "a string");
      return [key, value];
    }),
  );
}

export function readPort(from: JsonObject, field: string, place: string): number {
  const value = from[field];
  if (typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= 65535) return value;
  throw new MetadataError(`${place}.${field}`, describe(value), "a port number from 1 to 65535");
}

export function readAddress(from: JsonObject, field: string, place: string): string {
  const value = from[field];
  if (typeof value === "string" && isIP(value)) return value;
  throw new MetadataError(`${place}.${field}`, describe(value), "an IP address");
}
