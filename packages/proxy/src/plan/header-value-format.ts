/** Header values with command operators (`%REQ(x-user)%`). Envoy `source/common/router/header_parser.cc`. */
import { bytesOf } from "./format/byte-text.ts";
import { type Format, compileTextFormat, literalOf, refuseFormatErrors } from "./format/format.ts";
import type { Place } from "./problems.ts";

/** A literal, or what to ask for each request. Absent values are "" here: the header is then left out, or kept by keep_empty_value. */
export type HeaderValue =
  | { readonly value: string; readonly format: null }
  | { readonly value: null; readonly format: Format };

const NO_EXTENSIONS: ReadonlySet<string> = new Set();

export function compileHeaderValue(text: string, place: Place, extensions = NO_EXTENSIONS): HeaderValue {
  const refused: HeaderValue = { value: "", format: null };
  return refuseFormatErrors(place, refused, () => {
    const bytes = translateOldForms(bytesOf(text));
    const literal = literalOf(bytes);
    if (literal !== null) return { value: literal, format: null };
    return { value: null, format: compileTextFormat(bytes, { omitEmpty: true, extensions }) };
  });
}

/** What header values had before there was one formatter for everything, and still have. */
function translateOldForms(text: string): string {
  return text
    .replaceAll(/%PER_REQUEST_STATE\(([^)]*)\)%/g, "%FILTER_STATE($1:PLAIN)%")
    .replaceAll(/%(UPSTREAM|DYNAMIC)_METADATA\(\s*(\[.*?\])\s*\)%/g, (whole, kind: string, list: string) => {
      const keys = stringsIn(list);
      return keys === null ? whole : `%${kind}_METADATA(${keys.join(":")})%`;
    });
}

function stringsIn(json: string): readonly string[] | null {
  try {
    const list: unknown = JSON.parse(json);
    return Array.isArray(list) && list.every((item) => typeof item === "string") ? list : null;
  } catch {
    // Not that form: the formatter says what is wrong with it.
    return null;
  }
}
