/** Operators on metadata, of the configuration and of the request. Envoy `stream_info_formatter.cc`, `extensions/formatter/metadata`. */
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { bytesOf, textOf } from "./byte-text.ts";
import { FormatError } from "./command.ts";
import { jsonOf, jsonString } from "./json-text.ts";
import type { Operator } from "./operator.ts";
import type { Metadata, StreamInfo } from "./stream-info.ts";

type Source = (stream: StreamInfo) => Metadata | null | undefined;

const SOURCES: Readonly<Record<string, Source>> = {
  DYNAMIC: (stream) => stream.dynamicMetadata,
  CLUSTER: (stream) => stream.cluster?.plan.metadata,
  UPSTREAM_HOST: (stream) => stream.host?.metadata,
  ROUTE: (stream) => stream.route?.metadata,
  VIRTUAL_HOST: (stream) => stream.route?.virtualHostMetadata,
  LISTENER: (stream) => stream.listener?.metadata,
  LISTENER_FILTER_CHAIN: (stream) => stream.listener?.filterChainMetadata,
};

/** A value found in metadata: a string as it is, everything else as JSON. */
class MetadataOperator implements Operator {
  private readonly source: Source;
  private readonly namespace: string;
  private readonly path: readonly string[];
  private readonly length: number | null;

  constructor(source: Source, argument: string, length: number | null) {
    const [namespace, ...path] = argument.split(":").map(textOf);
    this.source = source;
    this.namespace = namespace;
    this.path = path;
    this.length = length;
  }

  text(stream: StreamInfo): string | undefined {
    const value = this.find(stream);
    if (value === undefined || value === null) return undefined;
    const text = typeof value === "string" ? bytesOf(value) : jsonOf(value);
    return this.length === null ? text : text.slice(0, this.length);
  }

  json(stream: StreamInfo): string | undefined {
    const value = this.find(stream);
    if (value === undefined || value === null) return undefined;
    return typeof value === "string" && this.length !== null
      ? jsonString(bytesOf(value).slice(0, this.length))
      : jsonOf(value);
  }

  private find(stream: StreamInfo): JsonValue | undefined {
    let value: JsonValue | undefined = own(this.source(stream), this.namespace);
    for (const key of this.path) value = isObject(value) ? own(value, key) : undefined;
    return value;
  }
}

function own(object: JsonObject | Metadata | null | undefined, key: string): JsonValue | undefined {
  return object !== null && object !== undefined && Object.hasOwn(object, key) ? object[key] : undefined;
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** `%DYNAMIC_METADATA(NAMESPACE:KEY:…)%` and its kin. */
export function metadataOf(
  source: "DYNAMIC" | "CLUSTER" | "UPSTREAM_HOST",
  argument: string,
  length: number | null,
): Operator {
  return new MetadataOperator(SOURCES[source], argument, length);
}

/** `%METADATA(TYPE:NAMESPACE:KEY:…)%` */
export function metadata(argument: string, length: number | null): Operator {
  const colon = argument.indexOf(":");
  const type = colon < 0 ? argument : argument.slice(0, colon);
  if (!Object.hasOwn(SOURCES, type)) throw new FormatError(`${type} is not supported type of metadata`);
  return new MetadataOperator(SOURCES[type], colon < 0 ? "" : argument.slice(colon + 1), length);
}

/** `KEY`, `KEY:PLAIN`, `KEY:TYPED` or `KEY:FIELD:NAME`: what a filter keeps of the stream. */
export function filterState(argument: string, length: number | null): Operator {
  const [key, type = "", field = ""] = argument.split(":");
  if (key === "") throw new FormatError("Invalid filter state configuration, key cannot be empty.");
  if (!["", "PLAIN", "TYPED", "FIELD"].includes(type)) {
    throw new FormatError("Invalid filter state serialize type, only support PLAIN/TYPED/FIELD.");
  }
  if ((type === "FIELD") !== (field !== "")) {
    throw new FormatError("Invalid filter state serialize type, FIELD should be used with the field name.");
  }
  const cut = (text: string): string => (length === null ? text : text.slice(0, length));
  const text = (stream: StreamInfo): string | undefined => {
    const object = stream.filterStateObjects?.get(key);
    if (object === undefined) return undefined;
    if (type === "PLAIN") return object.asText();
    if (type === "FIELD") return asText(object.field(field));
    const value = object.asJson();
    return value === undefined ? undefined : jsonOf(value);
  };
  return {
    text: (stream) => {
      const value = text(stream);
      return value === undefined ? undefined : cut(value);
    },
    json: (stream) => {
      const value = text(stream);
      if (value === undefined) return undefined;
      return type === "PLAIN" || type === "FIELD" ? jsonString(cut(value)) : value;
    },
  };
}

function asText(value: string | number | undefined): string | undefined {
  return value === undefined ? undefined : String(value);
}
