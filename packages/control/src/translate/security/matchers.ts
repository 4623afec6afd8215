/** The patterns of policies as Envoy's matchers. (istio/istio `pilot/pkg/security/authz/matcher`) */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { HeaderMatcherSchema } from "@tulle/xds/gen/envoy/config/route/v3/route_components_pb.js";
import type { MetadataMatcherSchema } from "@tulle/xds/gen/envoy/type/matcher/v3/metadata_pb.js";
import type { StringMatcherSchema } from "@tulle/xds/gen/envoy/type/matcher/v3/string_pb.js";
import type { ValueMatcherSchema } from "@tulle/xds/gen/envoy/type/matcher/v3/value_pb.js";

export type StringMatcherInit = MessageInitShape<typeof StringMatcherSchema>;
export type ValueMatcherInit = MessageInitShape<typeof ValueMatcherSchema>;
export type MetadataMatcherInit = MessageInitShape<typeof MetadataMatcherSchema>;
export type HeaderMatcherInit = MessageInitShape<typeof HeaderMatcherSchema>;

type Plain<T> = Exclude<T, { $typeName: string }>;

export function regex(text: string): StringMatcherInit {
  return { matchPattern: { case: "safeRegex", value: { regex: text } } };
}

/** RE2's special characters. (Go `regexp.QuoteMeta`) */
export function quoted(text: string): string {
  return text.replaceAll(/[\\.+*?()|[\]{}^$]/g, "\\$&");
}

export function exact(text: string, ignoreCase = false): StringMatcherInit {
  return { matchPattern: { case: "exact", value: text }, ignoreCase };
}

export function prefix(text: string, ignoreCase = false): StringMatcherInit {
  return { matchPattern: { case: "prefix", value: text }, ignoreCase };
}

export function suffix(text: string, ignoreCase = false): StringMatcherInit {
  return { matchPattern: { case: "suffix", value: text }, ignoreCase };
}

export const SOMETHING: StringMatcherInit = regex(".+");

/** `*` is anything but nothing, `*abc` a suffix, `abc*` a prefix, the rest exact. `before` stands before all that matches but `*`. */
export function pattern(text: string, before = ""): StringMatcherInit {
  if (text === "*") return SOMETHING;
  if (text.startsWith("*")) {
    return before === "" ? suffix(text.slice(1)) : regex(`${quoted(before)}.*${quoted(text.slice(1))}`);
  }
  return text.endsWith("*") ? prefix(before + text.slice(0, -1)) : exact(before + text);
}

/** Here `*` is that the header is there, empty or not. */
export function headerPattern(name: string, text: string, ignoreCase = false): HeaderMatcherInit {
  if (text === "*") return { name, headerMatchSpecifier: { case: "presentMatch", value: true } };
  const value = text.startsWith("*")
    ? suffix(text.slice(1), ignoreCase)
    : text.endsWith("*")
      ? prefix(text.slice(0, -1), ignoreCase)
      : exact(text, ignoreCase);
  return { name, headerMatchSpecifier: { case: "stringMatch", value } };
}

export function textValue(matcher: StringMatcherInit): ValueMatcherInit {
  return { matchPattern: { case: "stringMatch", value: matcher } };
}

export function listWith(element: ValueMatcherInit): ValueMatcherInit {
  return { matchPattern: { case: "listMatch", value: { matchPattern: { case: "oneOf", value: element } } } };
}

export function anyValue(matchers: readonly ValueMatcherInit[]): ValueMatcherInit {
  const [first, ...rest] = matchers;
  if (first !== undefined && rest.length === 0) return first;
  return { matchPattern: { case: "orMatch", value: { valueMatchers: [...matchers] } } };
}

export function metadata(filter: string, path: readonly string[], value: ValueMatcherInit): Plain<MetadataMatcherInit> {
  return { filter, path: path.map((key) => ({ segment: { case: "key", value: key } })), value };
}

/** Where the filter that verifies tokens leaves their claims. (istio/istio `pilot/pkg/xds/filters` EnvoyJwtFilterPayload) */
export const JWT_FILTER = "envoy.filters.http.jwt_authn";
export const JWT_PAYLOAD = "payload";

export function claim(name: string, matcher: StringMatcherInit): MetadataMatcherInit {
  return metadata(JWT_FILTER, [JWT_PAYLOAD, name], textValue(matcher));
}

/** A claim that is a text of the form, or a list that has one of it; without a form: that is there at all. */
export function claimMatching(
  path: readonly string[],
  form: StringMatcherInit | undefined,
): Plain<MetadataMatcherInit> {
  const value: ValueMatcherInit =
    form === undefined
      ? { matchPattern: { case: "presentMatch", value: true } }
      : anyValue([listWith(textValue(form)), textValue(form)]);
  return metadata(JWT_FILTER, [JWT_PAYLOAD, ...path], value);
}

/** A claim that is one of the texts, or a list that has one of them. */
export function claimAmong(path: readonly string[], texts: readonly string[]): MetadataMatcherInit {
  const value = anyValue(texts.map((text) => textValue(pattern(text))));
  return metadata(JWT_FILTER, [JWT_PAYLOAD, ...path], anyValue([listWith(value), value]));
}
