export { Counter, DEFAULT_BUCKETS, Gauge, Histogram, type Tags } from "./metric.ts";
export { StatsRegistry } from "./registry.ts";
export { clusterIn, statNameOf } from "./tag-extraction.ts";
