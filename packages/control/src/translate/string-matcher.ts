import type { MessageInitShape } from "@bufbuild/protobuf";
import type { StringMatch } from "@tulle/api";
import type { StringMatcherSchema } from "@tulle/xds/gen/envoy/type/matcher/v3/string_pb.js";

export function stringMatcher({ exact, prefix, regex }: StringMatch): MessageInitShape<typeof StringMatcherSchema> {
  if (regex !== undefined) return { matchPattern: { case: "safeRegex", value: { regex } } };
  return prefix === undefined
    ? { matchPattern: { case: "exact", value: exact ?? "" } }
    : { matchPattern: { case: "prefix", value: prefix } };
}
