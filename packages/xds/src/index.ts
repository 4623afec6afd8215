export type { Clock } from "./clock.ts";
export { systemClock } from "./clock.ts";
export type { Log } from "./log.ts";
export type { EncodedResource, ResourceSet, ResourceView, TypeUrl } from "./resource.ts";
export { encodeResource, PUSH_ORDER, resourceSet, resourceView, TYPE } from "./resource.ts";
