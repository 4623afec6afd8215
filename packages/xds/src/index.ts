export type { Clock } from "./clock.ts";
export { systemClock } from "./clock.ts";
export type { Log } from "./log.ts";
export type { EncodedResource, ResourceSet, ResourceView } from "./resource.ts";
export type { TypeUrl } from "./type-url.ts";
export { encodeResource, resourceSet, resourceView } from "./resource.ts";
export { PUSH_ORDER, TYPE } from "./type-url.ts";
