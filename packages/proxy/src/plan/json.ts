/**
 * Decodes proto3 JSON as Envoy decodes its static configuration: original and lowerCamelCase names, unknown fields are errors,
 * every error has its path, and all of them are reported.
 */
import { type DescField, type DescMessage, type JsonValue, type MessageShape, fromJson } from "@bufbuild/protobuf";
import { TypedStructSchema } from "@tulle/xds/gen/xds/type/v3/typed_struct_pb.js";
import { type Place } from "./problems.ts";
import { extensionRegistry } from "./schemas.ts";
import { TYPE_URL_PREFIX } from "./supported-fields/index.ts";

type JsonObject = { [key: string]: JsonValue };

/** The message; what could not be decoded is left out of it and reported to `place`. */
export function decodeJson<Desc extends DescMessage>(schema: Desc, json: JsonValue, place: Place): MessageShape<Desc> {
  try {
    return fromJson(schema, json, { registry: extensionRegistry });
  } catch {
    // One error without a path: go through it again, slowly, for all of them with theirs.
    return fromJson(schema, decodable(schema, json, place) ?? {}, { registry: extensionRegistry });
  }
}

/** The part of `json` that decodes as `schema`; undefined if nothing does. */
function decodable(schema: DescMessage, json: JsonValue, place: Place): JsonObject | undefined {
  if (!isObject(json)) {
    place.refuse(`expected an object (${schema.typeName}), not ${kindOf(json)}`);
    return undefined;
  }
  const result: JsonObject = {};
  const seen = new Set<string>();
  for (const [key, value] of Object.entries(json)) {
    const field = schema.fields.find((each) => each.name === key || each.jsonName === key);
    if (field === undefined) {
      place.field(key).refuse(`no such field in ${schema.typeName}`);
      continue;
    }
    if (value === null) continue;
    const slot = field.oneof?.name ?? field.name;
    if (seen.has(slot)) {
      place.field(key).refuse(`'${slot}' has already been set (either directly or as part of a oneof)`);
      continue;
    }
    seen.add(slot);
    const good = decodableField(schema, field, value, place);
    if (good !== undefined) result[field.name] = good;
  }
  return result;
}

function decodableField(schema: DescMessage, field: DescField, value: JsonValue, place: Place): JsonValue | undefined {
  const message = field.message;
  if (message === undefined || isLeaf(message)) return leaf(schema, field, value, place.field(field.name));
  if (field.fieldKind === "list") {
    if (!Array.isArray(value)) {
      place.field(field.name).refuse(`expected a list, not ${kindOf(value)}`);
      return undefined;
    }
    return value
      .map((item, i) => decodableMessage(message, item, place, `${field.name}[${i}]`))
      .filter((item) => item !== undefined);
  }
  if (field.fieldKind === "map") {
    if (!isObject(value)) {
      place.field(field.name).refuse(`expected an object, not ${kindOf(value)}`);
      return undefined;
    }
    const map: JsonObject = {};
    for (const [key, item] of Object.entries(value)) {
      const good = decodableMessage(message, item, place, `${field.name}["${key}"]`);
      if (good !== undefined) map[key] = good;
    }
    return map;
  }
  return decodableMessage(message, value, place, field.name);
}

function decodableMessage(schema: DescMessage, value: JsonValue, place: Place, at: string): JsonValue | undefined {
  if (schema.typeName !== "google.protobuf.Any") return decodable(schema, value, place.field(at));
  const typeUrl = isObject(value) ? value["@type"] : undefined;
  if (!isObject(value) || typeof typeUrl !== "string") {
    place.field(at).refuse('expected an object with "@type"');
    return undefined;
  }
  const { "@type": _, ...content } = value;
  const inner = extensionRegistry.getMessage(typeUrl.slice(typeUrl.lastIndexOf("/") + 1));
  if (inner === undefined) {
    // Not one of ours. Kept under its own type URL, so that it is refused with its name where the fields are checked.
    return { "@type": TYPE_URL_PREFIX + TypedStructSchema.typeName, type_url: typeUrl, value: content };
  }
  if (isLeaf(inner)) return value;
  return { "@type": typeUrl, ...decodable(inner, content, place.packed(at, typeUrl)) };
}

/** Decodes one field alone, to learn whether it decodes. */
function leaf(schema: DescMessage, field: DescField, value: JsonValue, place: Place): JsonValue | undefined {
  try {
    fromJson(schema, { [field.name]: value });
    return value;
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    // protobuf-es: `cannot decode field x.y.z from JSON: <what>`
    place.refuse(text.replace(/^cannot decode .*? from JSON:? ?/, "cannot be decoded: "));
    return undefined;
  }
}

function isLeaf(schema: DescMessage): boolean {
  return schema.typeName.startsWith("google.protobuf.") && schema.typeName !== "google.protobuf.Any";
}

function isObject(json: JsonValue | undefined): json is JsonObject {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}

function kindOf(json: JsonValue): string {
  if (json === null) return "null";
  return Array.isArray(json) ? "a list" : `a ${typeof json}`;
}
