import type { CorsPolicy } from "@tulle/xds/gen/envoy/extensions/filters/http/cors/v3/cors_pb.js";
import { runtimeFraction } from "../fraction.ts";
import type { RuntimeFraction } from "../runtime-values.ts";
import type { TextTest } from "../regex.ts";
import { compileStringMatcher } from "../string-matcher.ts";
import { CORS_POLICY } from "../supported-fields/index.ts";
import type { FilterCompiler } from "./filter-compiler.ts";

/** What holds for a route: every field of the most specific level that has it (Envoy `source/extensions/filters/http/cors/cors_filter.cc`). */
export interface CorsPolicyPlan {
  /** Empty: nobody's. */
  readonly allowOrigins: readonly TextTest[];
  /** Values of `access-control-…` headers; "" for none. */
  readonly allowMethods: string;
  readonly allowHeaders: string;
  readonly exposeHeaders: string;
  readonly maxAge: string;
  /** Null: no level says. */
  readonly allowCredentials: boolean | null;
  readonly allowPrivateNetworkAccess: boolean | null;
  readonly forwardNotMatchingPreflights: boolean | null;
  /** Fractions of requests, of the most specific level alone. */
  readonly enabled: RuntimeFraction;
  readonly shadowEnabled: RuntimeFraction;
}

export const cors: FilterCompiler = {
  // The filter itself has nothing to say: policies stand at routes.
  compile: () => null,
  compileRoute: {
    typeName: CORS_POLICY,
    compile: ({ message }, place): CorsPolicyPlan => {
      const policy = message as CorsPolicy;
      return {
        allowOrigins: policy.allowOriginStringMatch.map((matcher, i) => {
          const test = compileStringMatcher(matcher, place.item("allow_origin_string_match", i));
          // What would take a star takes every origin (Envoy `CorsFilter::isOriginAllowed`).
          return test("*") ? everyone : test;
        }),
        allowMethods: policy.allowMethods,
        allowHeaders: policy.allowHeaders,
        exposeHeaders: policy.exposeHeaders,
        maxAge: policy.maxAge,
        allowCredentials: policy.allowCredentials ?? null,
        allowPrivateNetworkAccess: policy.allowPrivateNetworkAccess ?? null,
        forwardNotMatchingPreflights: policy.forwardNotMatchingPreflights ?? null,
        enabled: runtimeFraction(policy.filterEnabled, 100, place),
        shadowEnabled: runtimeFraction(policy.shadowEnabled, 0, place),
      };
    },
    merge: (lessSpecific, moreSpecific) => merge(lessSpecific as CorsPolicyPlan, moreSpecific as CorsPolicyPlan),
  },
};

function everyone(): boolean {
  return true;
}

function merge(less: CorsPolicyPlan, more: CorsPolicyPlan): CorsPolicyPlan {
  return {
    allowOrigins: more.allowOrigins.length > 0 ? more.allowOrigins : less.allowOrigins,
    allowMethods: more.allowMethods || less.allowMethods,
    allowHeaders: more.allowHeaders || less.allowHeaders,
    exposeHeaders: more.exposeHeaders || less.exposeHeaders,
    maxAge: more.maxAge || less.maxAge,
    allowCredentials: more.allowCredentials ?? less.allowCredentials,
    allowPrivateNetworkAccess: more.allowPrivateNetworkAccess ?? less.allowPrivateNetworkAccess,
    forwardNotMatchingPreflights: more.forwardNotMatchingPreflights ?? less.forwardNotMatchingPreflights,
    enabled: more.enabled,
    shadowEnabled: more.shadowEnabled,
  };
}
