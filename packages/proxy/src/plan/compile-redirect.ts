import {
  type RedirectAction as RedirectMessage,
  RedirectAction_RedirectResponseCode as Code,
} from "@tulle/xds/gen/envoy/config/route/v3/route_components_pb.js";
import { bytesOf } from "./format/byte-text.ts";
import { type Rewrite, compilePathRewrite } from "./compile-path-rewrite.ts";
import type { RedirectAction } from "./route-plan.ts";
import type { RequestView } from "./request-views.ts";
import type { Place } from "./problems.ts";
import { withoutQuery } from "./route-table.ts";

const STATUS: Readonly<Record<number, number>> = {
  [Code.MOVED_PERMANENTLY]: 301,
  [Code.FOUND]: 302,
  [Code.SEE_OTHER]: 303,
  [Code.TEMPORARY_REDIRECT]: 307,
  [Code.PERMANENT_REDIRECT]: 308,
};

/** Behaviour: Envoy `source/common/router/config_impl.cc`, RouteEntryImplBase::newUri. */
export function compileRedirect(message: RedirectMessage, rewrittenLength: number, place: Place): RedirectAction {
  const scheme = schemeOf(message);
  const host = bytesOf(message.hostRedirect);
  const port = message.portRedirect === 0 ? "" : `:${message.portRedirect}`;
  const rewritePath = compileRewrite(message, rewrittenLength, place);
  const path = compilePath(message, rewritePath);
  return {
    kind: "redirect",
    status: STATUS[message.responseCode] ?? 301,
    rewritePath,
    location(request) {
      const newScheme = scheme === "" ? request.scheme : scheme;
      const newHost = host === "" ? requestHost(request, newScheme, port) : host;
      const newPath = path(request.path);
      return `${newScheme}://${newHost}${port}${newPath.startsWith("/") ? "" : "/"}${newPath}`;
    },
  };
}

/** What `require_tls` answers: the same URL by https. */
export const HTTPS_REDIRECT: RedirectAction = {
  kind: "redirect",
  status: 301,
  rewritePath: null,
  // The port stays, whatever it is (Envoy `Utility::createSslRedirectPath`).
  location: (request) => `https://${request.authority}${request.path}`,
};

function schemeOf(message: RedirectMessage): string {
  if (message.schemeRewriteSpecifier.case === "schemeRedirect") return message.schemeRewriteSpecifier.value;
  return message.schemeRewriteSpecifier.case === "httpsRedirect" && message.schemeRewriteSpecifier.value ? "https" : "";
}

function compileRewrite(message: RedirectMessage, rewrittenLength: number, place: Place): Rewrite | null {
  const { pathRewriteSpecifier: specifier } = message;
  return compilePathRewrite(
    specifier.case === "prefixRewrite" ? specifier.value : "",
    specifier.case === "regexRewrite" ? specifier.value : undefined,
    rewrittenLength,
    place,
  );
}

function compilePath(message: RedirectMessage, rewrite: Rewrite | null): (path: string) => string {
  const { stripQuery, pathRewriteSpecifier: specifier } = message;
  const keepOrStrip = (path: string): string => (stripQuery ? withoutQuery(path) : path);
  if (specifier.case === undefined || (specifier.case === "pathRedirect" && specifier.value === "")) return keepOrStrip;
  if (specifier.case === "pathRedirect") {
    const target = bytesOf(specifier.value);
    // A query of its own replaces the request's, and strip_query does not touch it.
    if (target.includes("?")) return () => target;
    return (path) => (stripQuery ? target : target + path.slice(withoutQuery(path).length));
  }
  return rewrite === null ? keepOrStrip : (path) => keepOrStrip(rewrite(path) || path);
}

/** The request's authority, without a port that the new URL replaces or that was the old scheme's default. */
function requestHost(request: RequestView, newScheme: string, newPort: string): string {
  const host = request.authority;
  const colon = host.startsWith("[") ? host.lastIndexOf("]:") + 1 : host.lastIndexOf(":");
  if (colon <= 0) return host;
  const port = host.slice(colon);
  const oldScheme = request.header("x-forwarded-proto") ?? "";
  const oldDefault = (oldScheme === "https" && port === ":443") || (oldScheme === "http" && port === ":80");
  return newPort !== "" || (newScheme !== oldScheme && oldDefault) ? host.slice(0, colon) : host;
}
