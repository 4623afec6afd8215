/** Routes that answer themselves: redirects and direct responses. (istio/istio `route.go` ApplyRedirect, ApplyDirectResponse) */
import { create } from "@bufbuild/protobuf";
import type { HttpDirectResponse, HttpRedirect } from "@tulle/api";
import {
  DirectResponseActionSchema,
  RedirectAction_RedirectResponseCode as RedirectCode,
  RedirectActionSchema,
} from "@tulle/xds/gen/envoy/config/route/v3/route_components_pb.js";
import type { DirectResponseAction, RedirectAction } from "@tulle/xds/gen/envoy/config/route/v3/route_components_pb.js";

const REDIRECT_CODES: ReadonlyMap<number, RedirectCode> = new Map([
  [0, RedirectCode.MOVED_PERMANENTLY],
  [301, RedirectCode.MOVED_PERMANENTLY],
  [302, RedirectCode.FOUND],
  [303, RedirectCode.SEE_OTHER],
  [307, RedirectCode.TEMPORARY_REDIRECT],
  [308, RedirectCode.PERMANENT_REDIRECT],
]);

export function isRedirectCode(code: number): boolean {
  return REDIRECT_CODES.has(code);
}

/** Undefined if its code is none of a redirect. */
export function redirectAction(redirect: HttpRedirect, requestPort: number): RedirectAction | undefined {
  const responseCode = REDIRECT_CODES.get(redirect.redirectCode ?? 0);
  if (responseCode === undefined) return undefined;
  const scheme = redirect.scheme === "" ? undefined : redirect.scheme;
  return create(RedirectActionSchema, {
    hostRedirect: redirect.authority ?? "",
    portRedirect: redirectPort(redirect, requestPort, scheme ?? "http"),
    responseCode,
    ...(scheme === undefined ? {} : { schemeRewriteSpecifier: { case: "schemeRedirect", value: scheme } }),
    ...redirectPath(redirect),
  });
}

/** 0 leaves the port to Envoy: it is dropped with a change of scheme or host and kept as the client wrote it otherwise. */
function redirectPort({ port, derivePort, authority = "" }: HttpRedirect, requestPort: number, scheme: string): number {
  const wanted = derivePort === "FROM_REQUEST_PORT" ? requestPort : (port ?? 0);
  const isDefault = (wanted === 80 && scheme === "http") || (wanted === 443 && scheme === "https");
  return isDefault && (authority !== "" || port === undefined) ? 0 : wanted;
}

function redirectPath({ uri, prefixRewrite }: HttpRedirect): object {
  if (uri !== undefined && uri !== "") return { pathRewriteSpecifier: { case: "pathRedirect", value: uri } };
  if (prefixRewrite !== undefined && prefixRewrite !== "") {
    return { pathRewriteSpecifier: { case: "prefixRewrite", value: prefixRewrite } };
  }
  return {};
}

export function directResponse({ status, body }: HttpDirectResponse): DirectResponseAction {
  if (body?.string !== undefined) {
    return create(DirectResponseActionSchema, {
      status,
      body: { specifier: { case: "inlineString", value: body.string } },
    });
  }
  if (body?.bytes !== undefined) {
    return create(DirectResponseActionSchema, {
      status,
      body: { specifier: { case: "inlineBytes", value: Uint8Array.from(Buffer.from(body.bytes, "base64")) } },
    });
  }
  return create(DirectResponseActionSchema, { status });
}
