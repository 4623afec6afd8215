/** `typed_per_filter_config` of a route configuration, virtual host, route or weighted cluster. */
import type { Any } from "@bufbuild/protobuf/wkt";
import { type FilterConfig, FilterConfigSchema } from "@tulle/xds/gen/envoy/config/route/v3/route_components_pb.js";
import { ROUTE_FILTER_COMPILERS } from "./filters/index.ts";
import type { FilterConfigs, RouteFilterConfig } from "./plan.ts";
import type { Place } from "./problems.ts";
import { unpackExtension } from "./schemas.ts";

/** Null if there are none, so that routes without them cost nothing. */
export function compileFilterConfigs(map: Readonly<Record<string, Any>>, place: Place): FilterConfigs | null {
  const entries = Object.entries(map);
  if (entries.length === 0) return null;
  const configs = new Map<string, RouteFilterConfig>();
  for (const [name, any] of entries) {
    const config = compileOne(any, place, `typed_per_filter_config["${name}"]`);
    if (config !== null) configs.set(name, config);
  }
  return configs;
}

function compileOne(any: Any, place: Place, at: string): RouteFilterConfig | null {
  const extension = unpackExtension(any);
  const packed = place.packed(at, any.typeUrl);
  if (extension.typeName === FilterConfigSchema.typeName) {
    const wrapper = extension.message as FilterConfig;
    if (wrapper.disabled) return { typeName: "", disabled: true, config: null };
    if (wrapper.config === undefined) {
      // Envoy: an enabled filter needs its configuration, except to switch a disabled one on.
      return { typeName: "", disabled: false, config: null };
    }
    return compileOne(wrapper.config, packed, "config");
  }
  const compiler = ROUTE_FILTER_COMPILERS.get(extension.typeName);
  if (compiler === undefined) return null;
  return { typeName: extension.typeName, disabled: false, config: compiler.compile(extension, packed) };
}

/** What is more specific wins, filter by filter. @param levels the most specific last */
export function mergeFilterConfigs(...levels: readonly (FilterConfigs | null)[]): FilterConfigs | null {
  const present = levels.filter((level) => level !== null);
  if (present.length === 0) return null;
  return present.length === 1 ? present[0] : new Map(present.flatMap((level) => [...level]));
}
