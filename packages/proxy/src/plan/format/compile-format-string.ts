import type { TypedExtensionConfig } from "@tulle/xds/gen/envoy/config/core/v3/extension_pb.js";
import type { SubstitutionFormatString } from "@tulle/xds/gen/envoy/config/core/v3/substitution_format_string_pb.js";
import { readDataSource } from "../data-source.ts";
import type { Place } from "../problems.ts";
import { unpackExtension } from "../schemas.ts";
import { bytesOf } from "./byte-text.ts";
import { type Format, type FormatOptions, compileJsonFormat, compileTextFormat, refuseFormatErrors } from "./format.ts";

export interface FormatString {
  readonly format: Format;
  /** Of a body in this format. */
  readonly contentType: string;
}

/** Null if it was refused. */
export function compileFormatString(message: SubstitutionFormatString, place: Place): FormatString | null {
  const options: FormatOptions = {
    omitEmpty: message.omitEmptyValues,
    extensions: extensionNames(message.formatters),
  };
  const { format } = message;
  const contentType = (byDefault: string): string =>
    message.contentType === "" ? byDefault : bytesOf(message.contentType);
  return refuseFormatErrors(place, null, () => {
    switch (format.case) {
      case "jsonFormat":
        return { format: compileJsonFormat(format.value, options), contentType: contentType("application/json") };
      case "textFormat":
        return { format: compileTextFormat(bytesOf(format.value), options), contentType: contentType("text/plain") };
      case "textFormatSource": {
        const text = readDataSource(format.value, place.field("text_format_source"));
        return { format: compileTextFormat(text, options), contentType: contentType("text/plain") };
      }
      default:
        return null;
    }
  });
}

/** Message types of `formatters`. */
export function extensionNames(formatters: readonly TypedExtensionConfig[]): ReadonlySet<string> {
  return new Set(
    formatters.flatMap(({ typedConfig }) => (typedConfig === undefined ? [] : [unpackExtension(typedConfig).typeName])),
  );
}
