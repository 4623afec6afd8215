export { analyze } from "./analyze.ts";
export type { AnalysisMessage } from "./analyze.ts";
export { REQUEST as STREAM } from "../source/files/apply.ts";
export { analyzeFiles } from "./analyze-files.ts";
