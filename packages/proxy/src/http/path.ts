import type { HttpConnectionManagerPlan } from "../plan/listener-plan.ts";

/** What normalisation made of a path: the path to use, or one of the refusals. */
export type NormalizedPath =
  | { readonly kind: "ok"; readonly path: string }
  /** With the path as far as it had come, which is what is told of the request. */
  | { readonly kind: "reject"; readonly path: string }
  | { readonly kind: "redirect"; readonly path: string };

type PathOptions = Pick<HttpConnectionManagerPlan, "normalizePath" | "mergeSlashes" | "escapedSlashes">;

/**
 * Path normalisation in Envoy's order (`ConnectionManagerUtility::maybeNormalizePath`): fragment, escaped slashes, RFC 3986
 * normalisation, merging of slashes. The query is left alone. Null = nothing to do, the usual case.
 */
export function normalizePath(path: string, options: PathOptions): NormalizedPath | null {
  // Envoy's http_reject_path_with_fragment is on by default: a fragment is not for servers.
  if (path.includes("#")) return { kind: "reject", path };
  if (options.escapedSlashes === "keep" && !options.normalizePath && !options.mergeSlashes) return null;
  const query = path.indexOf("?");
  let hierarchy = query < 0 ? path : path.slice(0, query);
  const rest = query < 0 ? "" : path.slice(query);
  let redirect = false;
  if (options.escapedSlashes !== "keep" && ESCAPED_SLASH.test(hierarchy)) {
    hierarchy = unescapeSlashes(hierarchy);
    if (options.escapedSlashes === "reject") return { kind: "reject", path: hierarchy + rest };
    redirect = options.escapedSlashes === "unescape-and-redirect";
  }
  if (options.normalizePath && UNUSUAL.test(hierarchy)) {
    const canonical = canonicalPath(hierarchy);
    // Envoy has taken the parameters of dot segments away before.
    if (canonical === null) return { kind: "reject", path: hierarchy.replaceAll(/(\/\.{1,2});[^/]*/g, "$1") + rest };
    hierarchy = canonical;
  }
  if (options.mergeSlashes && hierarchy.includes("//")) hierarchy = mergedSlashes(hierarchy);
  const result = hierarchy + rest;
  if (redirect) return { kind: "redirect", path: result };
  return result === path ? null : { kind: "ok", path: result };
}

/** Of nothing but slashes two are left: Envoy joins what is between the first and the last (`PathUtil::mergeSlashes`). */
function mergedSlashes(path: string): string {
  return /^\/+$/.test(path) ? "//" : path.replaceAll(/\/{2,}/g, "/");
}

const ESCAPED_SLASH = /%2f|%5c/i;

function unescapeSlashes(path: string): string {
  return path.replaceAll(/%2f/gi, "/").replaceAll(/%5c/gi, "\\");
}

/** Whether canonicalPath could change anything. */
const UNUSUAL = /[^-A-Za-z0-9_~!$&'()*+,;=:@/.[\]]|\/\.|^[^/]/;

const HEX_PAIR = /^[0-9A-Fa-f]{2}$/;

const UNRESERVED = /[-A-Za-z0-9._~]/;

/** What googleurl's path canonicaliser, which Envoy uses, percent-encodes. */
const ESCAPED = /["<>^`{|} ]/;

/**
 * Dot segments removed, also where the dots are escaped or carry parameters (`/..;x`, CVE-2026-73551); escapes of unreserved
 * characters decoded; backslashes are slashes. Null if the path hides a NUL.
 */
function canonicalPath(path: string): string | null {
  let decoded = "";
  /** Where there is a percent sign that escapes nothing. */
  let lone = -1;
  for (let i = 0; i < path.length; i++) {
    const c = path[i];
    if (c === "\\") decoded += "/";
    else if (c === "%") {
      const hex = path.slice(i + 1, i + 3);
      if (!HEX_PAIR.test(hex)) {
        lone = decoded.length;
        decoded += c;
        continue;
      }
      if (hex === "00") return null;
      const character = String.fromCharCode(Number.parseInt(hex, 16));
      if (UNRESERVED.test(character)) {
        decoded += character;
        // `%2%45` must not become the escape `%2E` (googleurl CheckForNestedEscapes).
        const behind = decoded.slice(lone + 1);
        if (lone >= 0 && HEX_PAIR.test(behind.length === 1 ? behind + path.slice(i + 3, i + 4) : behind))
          decoded = `${decoded.slice(0, lone)}%25${behind}`;
      } else decoded += `%${hex}`;
      i += 2;
    } else if (ESCAPED.test(c)) decoded += `%${c.charCodeAt(0).toString(16).toUpperCase()}`;
    else decoded += c;
  }
  // cold: for paths that have something to normalise
  const segments = decoded.split("/");
  if (segments[0] === "") segments.shift();
  const kept: string[] = [];
  for (let i = 0; i < segments.length; i++) {
    const segment = segments[i];
    const semicolon = segment.indexOf(";");
    const name = semicolon < 0 ? segment : segment.slice(0, semicolon);
    const last = i === segments.length - 1;
    if (name === "." || name === "..") {
      if (name === "..") kept.pop();
      if (last) kept.push("");
    } else kept.push(segment);
  }
  return `/${kept.join("/")}`;
}
