/** Label matchers as PromQL has them, made ready once for many series. */
import type { LabelMatcher, Labels } from "@tulle/telemetry/records";
import { QuestionError } from "../question-error.ts";

export type LabelTest = (labels: Labels) => boolean;

/** Longer than any that Istio's dashboards use. */
const MAX_PATTERN = 4096;

/** Throws QuestionError for a pattern that is none. */
export function labelTest(matchers: readonly LabelMatcher[]): LabelTest {
  const tests = matchers.map(({ name, op, value }) => {
    const matches = valueTest(op, value);
    return (labels: Labels) => matches(Object.hasOwn(labels, name) ? labels[name]! : "");
  });
  return (labels) => tests.every((test) => test(labels));
}

function valueTest(op: LabelMatcher["op"], value: string): (text: string) => boolean {
  if (op === "=") return (text) => text === value;
  if (op === "!=") return (text) => text !== value;
  const pattern = compile(value);
  const expected = op === "=~";
  // Series share few values, and dashboards ask for `.*` of everything.
  const seen = new Map<string, boolean>();
  return (text) => {
    let matched = seen.get(text);
    if (matched === undefined) seen.set(text, (matched = pattern.test(text)));
    return matched === expected;
  };
}

/** Anchored at both ends, and `.` is a line break, too. (Prometheus `model/labels/regexp.go`) */
function compile(text: string): RegExp {
  if (text.length > MAX_PATTERN) throw new QuestionError("invalid", `the pattern is longer than ${MAX_PATTERN}`);
  try {
    return new RegExp(`^(?:${text})$`, "su");
  } catch (error) {
    throw new QuestionError("invalid", `${JSON.stringify(text)} is no regular expression`, { cause: error });
  }
}
