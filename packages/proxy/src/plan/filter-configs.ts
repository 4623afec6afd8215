/** `typed_per_filter_config` of a route configuration, virtual host, route or weighted cluster. */
import type { Any } from "@bufbuild/protobuf/wkt";
import { type FilterConfig, FilterConfigSchema } from "@tulle/xds/gen/envoy/config/route/v3/route_components_pb.js";
import { ROUTE_FILTER_COMPILERS } from "./filters/index.ts";
import type { FilterConfigs, RouteFilterConfig } from "./listener-plan.ts";
import type { Place } from "./problems.ts";
import { unpackExtension } from "./schemas.ts";

/** Null if there are none, so that routes without them cost nothing. */
export function compileFilterConfigs(map: Readonly<Record<string, Any>>, place: Place): FilterConfigs | null {
  const entries = Object.entries(map);
  if (entries.length === 0) return null;
  const configs = new Map<string, RouteFilterConfig>();
  for (const [name, any] of entries) {
    const config = compileOne(any, name, place, `typed_per_filter_config["${name}"]`);
    if (config !== null) configs.set(name, config);
  }
  return configs;
}

function compileOne(any: Any, name: string, place: Place, at: string): RouteFilterConfig | null {
  const extension = unpackExtension(any);
  const packed = place.packed(at, any.typeUrl);
  if (extension.typeName === FilterConfigSchema.typeName) {
    const wrapper = extension.message as FilterConfig;
    if (wrapper.disabled) return { typeName: "", disabled: true, config: null };
    if (wrapper.config === undefined) {
      packed.refuse(`Empty route/virtual host per filter configuration for ${name} filter`);
      return null;
    }
    // Empty, it says no more than that the filter is on.
    if (wrapper.config.typeUrl === "") return { typeName: "", disabled: false, config: null };
    return compileOne(wrapper.config, name, packed, "config");
  }
  const compiler = ROUTE_FILTER_COMPILERS.get(extension.typeName);
  if (compiler === undefined) return null;
  return { typeName: extension.typeName, disabled: false, config: compiler.compile(extension, packed) };
}

/** What is more specific wins, filter by filter, but where a filter merges what its levels say. @param levels the most specific last */
export function mergeFilterConfigs(...levels: readonly (FilterConfigs | null)[]): FilterConfigs | null {
  const present = levels.filter((level) => level !== null);
  if (present.length < 2) return present.length === 0 ? null : present[0];
  const merged = new Map(present[0]);
  for (const level of present.slice(1)) {
    for (const [name, config] of level) merged.set(name, over(merged.get(name), config));
  }
  return merged;
}

/** A level that only switches a filter on or off says nothing else: what the levels below it say of the rest holds. */
function over(less: RouteFilterConfig | undefined, more: RouteFilterConfig): RouteFilterConfig {
  if (less === undefined) return more;
  if (more.typeName === "") return { ...less, disabled: more.disabled };
  const merge = ROUTE_FILTER_COMPILERS.get(more.typeName)?.merge ?? null;
  if (merge === null || less.typeName !== more.typeName) return more;
  return { ...more, config: merge(less.config, more.config) };
}
