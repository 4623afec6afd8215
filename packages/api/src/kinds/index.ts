/** The kinds and their schemas alone, without what parses and validates them: for editors. */
export { KINDS } from "./registry.ts";
export type { KindInfo } from "./registry.ts";
export type { AnySchema } from "../schema/schema.ts";
