/** (istio/istio `route.go` TranslateCORSPolicy) */
import { create } from "@bufbuild/protobuf";
import { parseDuration } from "@tulle/api";
import type { CorsPolicy as IstioCorsPolicy } from "@tulle/api";
import { CorsPolicySchema } from "@tulle/xds/gen/envoy/extensions/filters/http/cors/v3/cors_pb.js";
import type { CorsPolicy } from "@tulle/xds/gen/envoy/extensions/filters/http/cors/v3/cors_pb.js";
import { wholePercent } from "./fractions.ts";
import { stringMatcher } from "./string-matcher.ts";

export function translateCorsPolicy(cors: IstioCorsPolicy): CorsPolicy {
  const { allowMethods = [], allowHeaders = [], exposeHeaders = [], maxAge, allowCredentials } = cors;
  // The old form counts where the new one is absent.
  const origins = cors.allowOrigins ?? (cors.allowOrigin ?? []).map((exact) => ({ exact }));
  return create(CorsPolicySchema, {
    allowOriginStringMatch: origins.map(stringMatcher),
    allowMethods: allowMethods.join(","),
    allowHeaders: allowHeaders.join(","),
    exposeHeaders: exposeHeaders.join(","),
    maxAge: maxAge === undefined ? "" : String(Math.trunc((parseDuration(maxAge) ?? 0) / 1000)),
    ...(allowCredentials === undefined ? {} : { allowCredentials }),
    filterEnabled: { defaultValue: wholePercent(100) },
    forwardNotMatchingPreflights: cors.unmatchedPreflights !== "IGNORE",
  });
}
