export { unsupportedCel } from "./attributes.ts";
export { CelSyntaxError, parseCel } from "./parse.ts";
export type { CelConstant, CelExpr } from "./parse.ts";
