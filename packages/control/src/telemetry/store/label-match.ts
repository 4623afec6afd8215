/** Label matchers as PromQL has them, made ready once for many series. */
import type { LabelMatcher, Labels } from "@tulle/telemetry/records";
import { type CompiledMatcher, compileMatcher, satisfies } from "../promql/matchers.ts";
import { QuestionError } from "../question-error.ts";

export type LabelTest = (labels: Labels) => boolean;

/** Throws QuestionError for a pattern that is none. */
export function labelTest(matchers: readonly LabelMatcher[]): LabelTest {
  const compiled = matchers.map(compiledOf);
  return (labels) => satisfies(labels, compiled);
}

/** Those of a query are compiled already. */
function compiledOf(matcher: LabelMatcher | CompiledMatcher): CompiledMatcher {
  if ("test" in matcher) return matcher;
  try {
    return compileMatcher(matcher);
  } catch (error) {
    throw new QuestionError("invalid", `${JSON.stringify(matcher.value)} is no regular expression`, { cause: error });
  }
}
