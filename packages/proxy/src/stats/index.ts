export { Counter, DEFAULT_BUCKETS, Gauge, Histogram, NO_TAGS, type Tags } from "./metric.ts";
export { StatsRegistry } from "./registry.ts";
