import { type JsonObject, type JsonValue, fromBinary, toJson } from "@bufbuild/protobuf";
import { ValueSchema } from "@bufbuild/protobuf/wkt";
import {
  type Config,
  type Config_KeyValuePair as KeyValuePair,
  type Config_Rule as Rule,
  Config_ValueEncode as Encode,
  Config_ValueType as Type,
} from "@tulle/xds/gen/envoy/extensions/filters/http/header_to_metadata/v3/header_to_metadata_pb.js";
import { compileSubstitution } from "../compile-path-rewrite.ts";
import { bytesOf, textOf } from "../format/byte-text.ts";
import type { Place } from "../problems.ts";
import { HEADER_TO_METADATA } from "../supported-fields/index.ts";
import type { FilterCompiler } from "./filter-compiler.ts";

export interface HeaderToMetadataPlan {
  readonly request: readonly MetadataRule[];
  readonly response: readonly MetadataRule[];
}

export interface MetadataRule {
  /** Lower-case; "" where it is a cookie. */
  readonly header: string;
  readonly cookie: string;
  readonly remove: boolean;
  /** Null: nothing is said. */
  readonly present: MetadataEntry | null;
  readonly missing: MetadataEntry | null;
}

interface MetadataEntry {
  readonly namespace: string;
  readonly key: string;
  /** The value in place of what has come, "" for that; bytes. */
  readonly value: string;
  readonly rewrite: ((value: string) => string) | null;
  /** Undefined: it is no value of the kind. */
  readonly read: (value: string) => JsonValue | undefined;
}

/** Longer ones are left out. Source: Envoy `header_to_metadata_filter.h`, MAX_HEADER_VALUE_LEN. */
const MAX_VALUE_BYTES = 8 * 1024;

const DEFAULT_NAMESPACE = "envoy.filters.http.header_to_metadata";

/** Envoy's words (`source/extensions/filters/http/header_to_metadata/header_to_metadata_filter.cc`). */
export const headerToMetadata: FilterCompiler = {
  compile: ({ message }, _context, place) => compile(message as Config, place),
  compileRoute: {
    typeName: HEADER_TO_METADATA,
    compile: ({ message }, place) => {
      const config = message as Config;
      if (config.requestRules.length + config.responseRules.length === 0) {
        place.refuse(
          "header_to_metadata_filter: Per filter configs must at least specify either request or response rules",
        );
      }
      return compile(config, place);
    },
    merge: null,
  },
};

function compile(message: Config, place: Place): HeaderToMetadataPlan {
  return {
    request: message.requestRules.map((rule, i) => compileRule(rule, place.item("request_rules", i))),
    response: message.responseRules.map((rule, i) => compileRule(rule, place.item("response_rules", i))),
  };
}

function compileRule(rule: Rule, place: Place): MetadataRule {
  const { header, cookie, onHeaderPresent, onHeaderMissing, remove } = rule;
  if (header === "" && cookie === "") place.refuse("One of Cookie or Header option needs to be specified");
  if (header !== "" && cookie !== "") place.refuse("Cannot specify both header and cookie");
  if (cookie !== "" && remove) place.refuse("Cannot specify remove for cookie");
  if (onHeaderPresent === undefined && onHeaderMissing === undefined) {
    place.refuse("header to metadata filter: rule must specify on_present or on_missing");
  }
  if (onHeaderMissing !== undefined && onHeaderMissing.value === "") {
    place.field("on_header_missing").refuse("Cannot specify on_missing rule without non-empty value");
  }
  return {
    header: header.toLowerCase(),
    cookie: bytesOf(cookie),
    remove,
    present: compileEntry(onHeaderPresent, place.field("on_header_present")),
    missing: compileEntry(onHeaderMissing, place.field("on_header_missing")),
  };
}

function compileEntry(message: KeyValuePair | undefined, place: Place): MetadataEntry | null {
  if (message === undefined) return null;
  const { metadataNamespace, key, value, regexValueRewrite, type, encode } = message;
  if (value !== "" && regexValueRewrite !== undefined) {
    place.refuse("Cannot specify both value and regex_value_rewrite");
  }
  const decode = encode === Encode.BASE64 ? decodeBase64 : (text: string): string => text;
  return {
    namespace: metadataNamespace === "" ? DEFAULT_NAMESPACE : metadataNamespace,
    key,
    value: bytesOf(value),
    rewrite:
      regexValueRewrite === undefined
        ? null
        : compileSubstitution(regexValueRewrite, place.field("regex_value_rewrite")),
    read: (text) => {
      const decoded = decode(text);
      return decoded === "" ? undefined : READ[type](text, decoded);
    },
  };
}

/** @param text as it came @param decoded base64 taken away, where it is there; both bytes */
const READ: Readonly<Record<Type, (text: string, decoded: string) => JsonValue | undefined>> = {
  [Type.STRING]: (_, decoded) => textOf(decoded),
  // Envoy looks at what has come, whatever is to be decoded.
  [Type.NUMBER]: readNumber,
  [Type.PROTOBUF_VALUE]: (_, decoded) => {
    try {
      return toJson(ValueSchema, fromBinary(ValueSchema, Buffer.from(decoded, "latin1")));
    } catch {
      // Not a value: there is none then.
      return undefined;
    }
  },
};

const NUMBER = /^[+-]?(?:\d+\.?\d*(?:e[+-]?\d+)?|\.\d+(?:e[+-]?\d+)?|0x[\da-f]+)$/i;

function readNumber(text: string): number | undefined {
  const trimmed = text.trim();
  if (!NUMBER.test(trimmed)) return undefined;
  // Number() knows no sign before hexadecimal digits.
  return trimmed.startsWith("-") ? -Number(trimmed.slice(1)) : Number(trimmed.replace("+", ""));
}

const BASE64 = /^([A-Za-z0-9+/]*)={0,2}$/;

/** Padding may be missing. "" for what is no base64. */
function decodeBase64(text: string): string {
  const content = BASE64.exec(text)?.[1] ?? "";
  return content.length % 4 === 1 ? "" : Buffer.from(content, "base64").toString("latin1");
}

/**
 * Collects what rules say of one message. @param found what the rules before have found
 * @param value undefined: it is not there
 */
export function applyRule(
  rule: MetadataRule,
  value: string | undefined,
  found: Record<string, JsonObject> | null,
): Record<string, JsonObject> | null {
  const entry = value === undefined ? rule.missing : rule.present;
  if (entry === null) return found;
  let text = entry.value === "" ? (value ?? "") : entry.value;
  if (entry.rewrite !== null) text = entry.rewrite(text);
  if (text === "" || text.length >= MAX_VALUE_BYTES) return found;
  const read = entry.read(text);
  if (read === undefined) return found;
  const all = found ?? {};
  (all[entry.namespace] ??= {})[entry.key] = read;
  return all;
}
