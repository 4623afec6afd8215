import type { CsrfPolicy } from "@tulle/xds/gen/envoy/extensions/filters/http/csrf/v3/csrf_pb.js";
import { runtimeFraction } from "../fraction.ts";
import type { Place } from "../problems.ts";
import type { TextTest } from "../regex.ts";
import type { RuntimeFraction } from "../runtime-values.ts";
import type { Extension } from "../schemas.ts";
import { compileStringMatcher } from "../string-matcher.ts";
import { CSRF } from "../supported-fields/index.ts";
import type { FilterCompiler } from "./filter-compiler.ts";

export interface CsrfPlan {
  readonly enabled: RuntimeFraction;
  readonly shadowEnabled: RuntimeFraction;
  /** Origins beside the request's own host: `host` or `host:port`. */
  readonly additionalOrigins: readonly TextTest[];
}

export const csrf: FilterCompiler = {
  compile: (extension, _context, place) => compile(extension, place),
  compileRoute: { typeName: CSRF, compile, merge: null },
};

function compile({ message }: Extension, place: Place): CsrfPlan {
  const policy = message as CsrfPolicy;
  return {
    enabled: runtimeFraction(policy.filterEnabled, 100, place),
    shadowEnabled: runtimeFraction(policy.shadowEnabled, 0, place),
    additionalOrigins: policy.additionalOrigins.map((matcher, i) =>
      compileStringMatcher(matcher, place.item("additional_origins", i)),
    ),
  };
}
