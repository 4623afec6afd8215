import type { TcpProxy_TunnelingConfig as TunnelingConfig } from "@tulle/xds/gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js";
import { bytesOf } from "./format/byte-text.ts";
import { type Format, compileTextFormat, refuseFormatErrors } from "./format/format.ts";
import { compileHeadersToAdd } from "./header-mutations.ts";
import type { Place } from "./problems.ts";
import type { HeaderMutation } from "./route-plan.ts";

/** How an HTTP proxy upstream is asked to carry a connection on. */
export interface TunnelPlan {
  /** Where to, with port: what CONNECT is for, or the authority of POST. */
  readonly hostname: Format | null;
  /** Null: CONNECT. */
  readonly postPath: string | null;
  readonly headers: readonly HeaderMutation[];
  /** The proxy's answer is kept for logs. */
  readonly keepsHeaders: boolean;
  readonly keepsTrailers: boolean;
}

export function compileTunnel(message: TunnelingConfig | undefined, place: Place): TunnelPlan | null {
  if (message === undefined) return null;
  const { usePost, postPath } = message;
  if (!usePost && postPath !== "") place.field("post_path").refuse("can only be set when the POST method is used");
  return {
    hostname: refuseFormatErrors(place.field("hostname"), null, () =>
      compileTextFormat(bytesOf(message.hostname), { omitEmpty: false, extensions: new Set() }),
    ),
    postPath: usePost ? postPath || "/" : null,
    headers: compileHeadersToAdd(message.headersToAdd, place),
    keepsHeaders: message.propagateResponseHeaders,
    keepsTrailers: message.propagateResponseTrailers,
  };
}
