/** What nobody should read in a dump: fields that Envoy's protos mark as sensitive. Envoy `source/common/protobuf/utility.cc`, redact. */
import {
  type DescField,
  type DescMessage,
  type JsonObject,
  type JsonValue,
  type Registry,
  ScalarType,
  getOption,
  hasOption,
} from "@bufbuild/protobuf";
import { sensitive } from "@tulle/xds/gen/udpa/annotations/sensitive_pb.js";

const REDACTED = "[redacted]";
/** The same as bytes. */
const REDACTED_BYTES = Buffer.from(REDACTED).toString("base64");

/** @param json of a message, with proto field names and the contents of Any fields; changed in place */
export function redact(schema: DescMessage, json: JsonObject, registry: Registry): JsonObject {
  redactFields(schema, json, registry, false);
  return json;
}

function redactFields(schema: DescMessage, json: JsonObject, registry: Registry, hide: boolean): void {
  for (const field of schema.fields) {
    const value = json[field.name];
    if (value === undefined) continue;
    const hidden = hide || (hasOption(field, sensitive) && getOption(field, sensitive));
    json[field.name] = redactValue(field, value, registry, hidden);
  }
}

function redactValue(field: DescField, value: JsonValue, registry: Registry, hide: boolean): JsonValue {
  if (Array.isArray(value)) return value.map((each) => redactValue(field, each, registry, hide));
  if (field.fieldKind === "map" && isObject(value)) {
    return Object.fromEntries(
      Object.entries(value).map(([key, each]) => [
        key,
        field.message === undefined
          ? redactScalar(field, each, hide)
          : redactMessage(field.message, each, registry, hide),
      ]),
    );
  }
  return field.message === undefined
    ? redactScalar(field, value, hide)
    : redactMessage(field.message, value, registry, hide);
}

function redactScalar(field: DescField, value: JsonValue, hide: boolean): JsonValue {
  if (!hide) return value;
  if (field.scalar === ScalarType.BYTES) return REDACTED_BYTES;
  return typeof value === "string" ? REDACTED : value;
}

function redactMessage(schema: DescMessage, value: JsonValue, registry: Registry, hide: boolean): JsonValue {
  if (!isObject(value)) return hide && typeof value === "string" ? REDACTED : value;
  const inside = schema.typeName === "google.protobuf.Any" ? typeOf(value["@type"], registry) : schema;
  // Of what there is no description of nothing is known to be harmless.
  if (inside === undefined) return hide ? { "@type": value["@type"] ?? "" } : value;
  if (inside.typeName.endsWith("type.v3.TypedStruct")) {
    const packed = typeOf(value["type_url"], registry);
    const content = value["value"];
    if (packed !== undefined && isObject(content)) redactFields(packed, content, registry, hide);
    return value;
  }
  redactFields(inside, value, registry, hide);
  return value;
}

function typeOf(typeUrl: JsonValue | undefined, registry: Registry): DescMessage | undefined {
  return typeof typeUrl === "string" ? registry.getMessage(typeUrl.slice(typeUrl.lastIndexOf("/") + 1)) : undefined;
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
