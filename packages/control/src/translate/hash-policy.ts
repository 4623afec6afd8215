/** What of a request an endpoint is chosen by, where hashing chooses it. (istio/istio `route.go` ConsistentHashToHashPolicy) */
import { create } from "@bufbuild/protobuf";
import type { ConsistentHash } from "@tulle/api";
import { RouteAction_HashPolicySchema } from "@tulle/xds/gen/envoy/config/route/v3/route_components_pb.js";
import type { RouteAction_HashPolicy } from "@tulle/xds/gen/envoy/config/route/v3/route_components_pb.js";
import { fromText } from "./durations.ts";

export function hashPolicy(hash: ConsistentHash): RouteAction_HashPolicy | undefined {
  const { httpHeaderName, httpCookie, httpQueryParameterName, useSourceIp } = hash;
  if (httpHeaderName !== undefined) {
    return create(RouteAction_HashPolicySchema, {
      policySpecifier: { case: "header", value: { headerName: httpHeaderName } },
    });
  }
  if (httpCookie !== undefined) {
    const { name, path = "", ttl, attributes = [] } = httpCookie;
    return create(RouteAction_HashPolicySchema, {
      policySpecifier: {
        case: "cookie",
        value: {
          name,
          path,
          attributes: attributes.map((attribute) => ({ name: attribute.name, value: attribute.value ?? "" })),
          // Without one the proxy makes no cookie; with 0 it is one for the browser's session.
          ...(ttl === undefined ? {} : { ttl: fromText(ttl) }),
        },
      },
    });
  }
  if (httpQueryParameterName !== undefined) {
    return create(RouteAction_HashPolicySchema, {
      policySpecifier: { case: "queryParameter", value: { name: httpQueryParameterName } },
    });
  }
  if (useSourceIp === undefined) return undefined;
  return create(RouteAction_HashPolicySchema, {
    policySpecifier: { case: "connectionProperties", value: { sourceIp: useSourceIp } },
  });
}
