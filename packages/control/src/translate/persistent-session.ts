/** Services whose clients stay with an endpoint, by a label. (istio/istio `pilot/pkg/networking/util/util.go` MaybeBuildStatefulSessionFilterConfig) */
import { create } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import { StatefulSessionPerRouteSchema } from "@tulle/xds/gen/envoy/extensions/filters/http/stateful_session/v3/stateful_session_pb.js";
import { CookieBasedSessionStateSchema } from "@tulle/xds/gen/envoy/extensions/http/stateful_session/cookie/v3/cookie_pb.js";
import { HeaderBasedSessionStateSchema } from "@tulle/xds/gen/envoy/extensions/http/stateful_session/header/v3/header_pb.js";
import type { PersistentSession } from "../model/service.ts";
import { packed } from "./packed.ts";

export const SESSION_FILTER = "envoy.filters.http.stateful_session";

/** What a route or a virtual host says to the filter. */
export function sessionConfigs(session: PersistentSession | undefined): Record<string, Any> {
  return session === undefined ? {} : { [SESSION_FILTER]: packed(StatefulSessionPerRouteSchema, overrideOf(session)) };
}

function overrideOf(session: PersistentSession) {
  return create(StatefulSessionPerRouteSchema, {
    override: { case: "statefulSession", value: { sessionState: stateOf(session) } },
  });
}

function stateOf(session: PersistentSession): { readonly name: string; readonly typedConfig: Any } {
  if (session.by === "header") {
    const state = create(HeaderBasedSessionStateSchema, { name: session.name });
    return {
      name: "envoy.http.stateful_session.header",
      typedConfig: packed(HeaderBasedSessionStateSchema, state),
    };
  }
  // Without an age: it lasts as long as the browser's session.
  const state = create(CookieBasedSessionStateSchema, { cookie: { name: session.name, path: "/" } });
  return { name: "envoy.http.stateful_session.cookie", typedConfig: packed(CookieBasedSessionStateSchema, state) };
}
