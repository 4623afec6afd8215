import type { FilterFactory, FilterRegistry } from "./filter.ts";

/** Every HTTP filter there is, by Envoy type URL. */
export const HTTP_FILTERS: FilterRegistry = new Map<string, FilterFactory>();
