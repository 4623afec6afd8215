export { analyze } from "./analyze.ts";
export type { AnalysisMessage } from "./analyze.ts";
export { analyzeFiles } from "./analyze-files.ts";
