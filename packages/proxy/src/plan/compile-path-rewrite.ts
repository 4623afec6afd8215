import type { TypedExtensionConfig } from "@tulle/xds/gen/envoy/config/core/v3/extension_pb.js";
import type { UriTemplateRewriteConfig } from "@tulle/xds/gen/envoy/extensions/path/rewrite/uri_template/v3/uri_template_rewrite_pb.js";
import type { RegexMatchAndSubstitute } from "@tulle/xds/gen/envoy/type/matcher/v3/regex_pb.js";
import { bytesOf } from "./format/byte-text.ts";
import type { Place } from "./problems.ts";
import { substitution } from "./regex.ts";
import { unpackExtension } from "./schemas.ts";
import { uriTemplateRewrite } from "./uri-template.ts";
import { withoutQuery } from "./route-table.ts";

export type Rewrite = (text: string) => string;

/**
 * `prefix_rewrite` and `regex_rewrite` of a route or redirect, on the path without its query; the query stays.
 * @param rewrittenLength how much of the path `prefix_rewrite` replaces; -1: all of it (exact and regex matches).
 * @returns null if the path stays as it is; what it returns gives "" where a request's path is not to be rewritten after all.
 */
export function compilePathRewrite(
  prefixRewrite: string,
  regexRewrite: RegexMatchAndSubstitute | undefined,
  rewrittenLength: number,
  place: Place,
): Rewrite | null {
  if (prefixRewrite !== "" && regexRewrite !== undefined) {
    place.refuse("only one of prefix_rewrite, regex_rewrite may be set");
    return null;
  }
  if (prefixRewrite !== "") {
    const replacement = bytesOf(prefixRewrite);
    if (rewrittenLength < 0) return (path) => replacement + path.slice(withoutQuery(path).length);
    return (path) => replacement + path.slice(rewrittenLength);
  }
  if (regexRewrite === undefined) return null;
  const replace = compileSubstitution(regexRewrite, place.field("regex_rewrite"));
  return (path) => {
    const bare = withoutQuery(path);
    const replaced = replace(bare);
    // Nothing left: Envoy takes that for no rewrite.
    return replaced === "" ? "" : replaced + path.slice(bare.length);
  };
}

/** `path_rewrite_policy`: by the template that the path has met. @param template null: it has met none */
export function compileTemplateRewrite(
  extension: TypedExtensionConfig,
  template: string | null,
  place: Place,
): Rewrite | null {
  if (extension.typedConfig === undefined) return null;
  const { pathTemplateRewrite } = unpackExtension(extension.typedConfig).message as UriTemplateRewriteConfig;
  if (template === null) {
    place.refuse("unable to use a path template rewrite without a path template match");
    return null;
  }
  try {
    const rewrite = uriTemplateRewrite(template, pathTemplateRewrite);
    return (path) => {
      const bare = withoutQuery(path);
      return rewrite(bare) + path.slice(bare.length);
    };
  } catch (error) {
    place.refuse(error instanceof Error ? error.message : String(error));
    return null;
  }
}

/** Replacement of all matches; a pattern or substitution that is not valid is refused. */
export function compileSubstitution(rewrite: RegexMatchAndSubstitute, place: Place): Rewrite {
  try {
    return substitution(rewrite.pattern?.regex ?? "", rewrite.substitution);
  } catch (error) {
    place.refuse(error instanceof Error ? error.message : String(error));
    return (text) => text;
  }
}
