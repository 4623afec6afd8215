/** `internal_redirect_policy` of a route. Behaviour: Envoy `source/common/router/config_impl.cc`, InternalRedirectPolicyImpl. */
import {
  type InternalRedirectPolicy,
  type RouteAction,
  RouteAction_InternalRedirectAction as OldAction,
} from "@tulle/xds/gen/envoy/config/route/v3/route_components_pb.js";
import type { TypedExtensionConfig } from "@tulle/xds/gen/envoy/config/core/v3/extension_pb.js";
import type { AllowListedRoutesConfig } from "@tulle/xds/gen/envoy/extensions/internal_redirect/allow_listed_routes/v3/allow_listed_routes_config_pb.js";
import type { Place } from "./problems.ts";
import type { InternalRedirectPlan, RedirectPredicate } from "./route-plan.ts";
import { unpackExtension } from "./schemas.ts";
import { ALLOW_LISTED_ROUTES, PREVIOUS_ROUTES, SAFE_CROSS_SCHEME } from "./supported-fields/index.ts";

/** Source: Envoy api/envoy/config/route/v3/route_components.proto, InternalRedirectPolicy. */
const DEFAULT_STATUSES: readonly number[] = [302];
const POSSIBLE_STATUSES: readonly number[] = [301, 302, 303, 307, 308];
const DEFAULT_MAX = 1;

/** Null: redirects are not followed. */
export function compileInternalRedirects(message: RouteAction, place: Place): InternalRedirectPlan | null {
  const { internalRedirectPolicy, internalRedirectAction, maxInternalRedirects } = message;
  if (internalRedirectPolicy !== undefined) {
    return compilePolicy(internalRedirectPolicy, place.field("internal_redirect_policy"));
  }
  if (internalRedirectAction !== OldAction.HANDLE_INTERNAL_REDIRECT) return null;
  return {
    statuses: DEFAULT_STATUSES,
    max: maxInternalRedirects ?? DEFAULT_MAX,
    allowsOtherScheme: false,
    predicates: [],
    copiedHeaders: [],
  };
}

function compilePolicy(policy: InternalRedirectPolicy, place: Place): InternalRedirectPlan {
  const { redirectResponseCodes, responseHeadersToCopy } = policy;
  return {
    statuses:
      redirectResponseCodes.length === 0
        ? DEFAULT_STATUSES
        : redirectResponseCodes.filter((status) => POSSIBLE_STATUSES.includes(status)),
    max: policy.maxInternalRedirects ?? DEFAULT_MAX,
    allowsOtherScheme: policy.allowCrossSchemeRedirect,
    predicates: policy.predicates.flatMap(compilePredicate),
    copiedHeaders: responseHeadersToCopy.map((name, i) => {
      const copied = name.toLowerCase();
      if (copied.startsWith(":") || copied === "host") {
        place.item("response_headers_to_copy", i).refuse(":-prefixed headers or Hosts may not be specified here.");
      }
      return copied;
    }),
  };
}

function compilePredicate({ typedConfig }: TypedExtensionConfig): readonly RedirectPredicate[] {
  if (typedConfig === undefined) return [];
  const { typeName, message } = unpackExtension(typedConfig);
  switch (typeName) {
    case ALLOW_LISTED_ROUTES:
      return [{ kind: "allow-listed-routes", names: new Set((message as AllowListedRoutesConfig).allowedRouteNames) }];
    case PREVIOUS_ROUTES:
      return [{ kind: "previous-routes" }];
    case SAFE_CROSS_SCHEME:
      return [{ kind: "safe-cross-scheme" }];
    default:
      // Reported by the reflection check.
      return [];
  }
}
