import type { Workload } from "@tulle/telemetry";
import type { DnsCacheConfigs } from "../compile-dns-cache.ts";
import type { Place } from "../problems.ts";
import type { Extension } from "../schemas.ts";

/** What a filter's configuration may depend on beside itself. */
export interface FilterCompilerContext {
  /** Who this proxy is, for mesh metrics. */
  readonly localWorkload: Workload;
  readonly dnsCaches: DnsCacheConfigs;
}

/** Turns the configuration of one kind of HTTP filter into what the filter reads (http/filters). Messages have passed `checkMessage`. */
export interface FilterCompiler {
  compile(extension: Extension, context: FilterCompilerContext, place: Place): unknown;
  /** The message that routes configure this filter with, if they can; of `ROUTE_FILTER_TYPES`. */
  readonly compileRoute: RouteFilterCompiler | null;
}

export interface RouteFilterCompiler {
  readonly typeName: string;
  compile(extension: Extension, place: Place): unknown;
  /**
   * What holds where two levels have configurations (weighted cluster over route over virtual host over route configuration); both are
   * `compile`d or merged ones. Null: the more specific one alone.
   */
  readonly merge: ((lessSpecific: unknown, moreSpecific: unknown) => unknown) | null;
}
