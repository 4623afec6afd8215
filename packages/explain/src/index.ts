/** Why a request goes where it goes. */
export type * from "./answer.ts";
export { makeExplainer } from "./explainer.ts";
